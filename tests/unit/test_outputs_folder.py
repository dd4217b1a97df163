"""What may be written where: the output folder is prepared, or refused without a trace."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from cl2d.errors import InputError
from cl2d.outputs.folder import (
    LEVEL_FILES,
    RUN_FILES,
    check_output_folder,
    level_folder,
    prepare_output_folder,
)
from cl2d.outputs.own_folders import own_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


FOR_PROGRAMS = {
    "relion": (
        "run_it025_data.star",
        "run_it025_model.star",
        "run_it025_optimiser.star",
        "run_it025_classes.mrcs",
        "backup_selection.star",
        "class_averages.star",
    ),
    "xmipp": ("images.xmd",),
    "cryosparc": ("particles.cs", "particles_excluded.cs", "class_averages.mrc"),
}


def tree(folder: Path) -> dict[str, str]:
    """Return every entry below a folder with its text, links by their target."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_text()
        if path.is_file()
        else "/"
        for path in folder.rglob("*")
    }


@pytest.fixture
def old_run(tmp_path: Path) -> Path:
    """A folder with all files of a run."""
    folder = tmp_path / "out"
    for level in range(2):
        level_folder = folder / "levels" / f"level_{level:02d}"
        level_folder.mkdir(parents=True)
        for name in LEVEL_FILES:
            (level_folder / name).write_text("old")
    for name in RUN_FILES:
        (folder / name).write_text("old")
    for program, names in FOR_PROGRAMS.items():
        (folder / program).mkdir()
        for name in names:
            (folder / program / name).write_text("old")
    return folder


def test_missing_folders_are_created_with_their_parents(tmp_path: Path) -> None:
    folder = prepare_output_folder(tmp_path / "a" / "b", overwrite=False)
    assert folder == tmp_path / "a" / "b"
    assert tree(tmp_path) == {"a": "/", "a/b": "/"}


def test_folder_with_unrelated_files_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    prepare_output_folder(tmp_path, overwrite=False)
    assert tree(tmp_path) == {"notes.txt": "mine"}


@pytest.mark.parametrize("name", [*RUN_FILES, "levels", *FOR_PROGRAMS])
def test_folder_with_a_run_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    if name not in RUN_FILES:
        (tmp_path / name).mkdir()
        for file in FOR_PROGRAMS.get(name, ())[:1]:
            (tmp_path / name / file).write_text("old")
    else:
        (tmp_path / name).write_text("old")
    before = tree(tmp_path)
    with pytest.raises(InputError, match=rf"has {name}; .*--overwrite"):
        prepare_output_folder(tmp_path, overwrite=False)
    assert tree(tmp_path) == before


def test_overwriting_removes_the_files_of_the_run(old_run: Path) -> None:
    prepare_output_folder(old_run, overwrite=True)
    assert tree(old_run) == {}


def test_overwriting_keeps_files_that_no_run_writes(old_run: Path) -> None:
    mine = {
        "notes.txt": "mine",
        "particles.star.bak": "mine",
        "levels/level_00/picked.txt": "mine",
        "levels/level_00b": "mine",
        "relion/particles.star": "mine",
    }
    for name, text in mine.items():
        (old_run / name).write_text(text)
    prepare_output_folder(old_run, overwrite=True)
    folders = {"levels": "/", "levels/level_00": "/", "relion": "/"}
    assert tree(old_run) == {**folders, **mine}


def test_overwriting_removes_a_link_but_not_its_target(old_run: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.star"
    target.write_text("mine")
    (old_run / "particles.star").unlink()
    (old_run / "particles.star").symlink_to(target)
    prepare_output_folder(old_run, overwrite=True)
    assert tree(old_run) == {}
    assert target.read_text() == "mine"


def test_link_to_nowhere_counts_as_a_file_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "run.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"has run\.json"):
        prepare_output_folder(tmp_path, overwrite=False)
    prepare_output_folder(tmp_path, overwrite=True)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("link", ["levels", "levels/level_01"])
def test_linked_level_folders_are_not_followed(tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "classes.star").write_text("mine")
    out = tmp_path / "out"
    (out / link).parent.mkdir(parents=True)
    (out / link).symlink_to(elsewhere)
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r"not a symbolic link"):
        prepare_output_folder(out, overwrite=True)
    with pytest.raises(InputError, match=r"not a symbolic link"):
        level_folder(out, 1)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("program", FOR_PROGRAMS)
def test_linked_folders_for_other_programs_are_not_followed(tmp_path: Path, program: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / FOR_PROGRAMS[program][0]).write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / program).symlink_to(elsewhere)
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r"not a symbolic link"):
        prepare_output_folder(out, overwrite=True)
    with pytest.raises(InputError, match=r"not a symbolic link"):
        own_folder(out, program)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["run.json", "classes.mrcs", "levels/level_01/classes.mrcs"])
def test_input_is_never_overwritten(old_run: Path, name: str) -> None:
    before = tree(old_run)
    with pytest.raises(InputError, match="must not lie where this run would overwrite it"):
        prepare_output_folder(old_run, overwrite=True, inputs=["other.star", old_run / name])
    assert tree(old_run) == before


def test_folder_named_like_a_file_of_the_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "classes.mrcs").mkdir()
    (tmp_path / "run.json").write_text("old")
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r"classes\.mrcs' must be a file .* not a folder"):
        prepare_output_folder(tmp_path, overwrite=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["out", "out/below"])
def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match=r"must be a folder"):
        prepare_output_folder(tmp_path / name, overwrite=True)
    assert tree(tmp_path) == {"out": "mine"}


def test_folder_that_cannot_be_created_is_refused() -> None:
    with pytest.raises(InputError, match=r"can be written in, not '/proc/cl2d/out' \("):
        prepare_output_folder("/proc/cl2d/out", overwrite=False)


def test_too_long_name_leaves_no_parents_behind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="File name too long"):
        prepare_output_folder(tmp_path / "a" / ("x" * 300), overwrite=False)
    assert tree(tmp_path) == {}


def test_read_only_disk_is_found_by_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    with pytest.raises(InputError, match="Read-only file system"):
        prepare_output_folder(tmp_path / "a" / "b", overwrite=False)
    assert tree(tmp_path) == {}


def test_level_folder_is_made_once_and_found_again(tmp_path: Path) -> None:
    assert level_folder(tmp_path, 3) == level_folder(tmp_path, 3)
    assert tree(tmp_path) == {"levels": "/", "levels/level_03": "/"}


def test_check_changes_nothing_where_a_run_may_be_written(old_run: Path, tmp_path: Path) -> None:
    before = tree(tmp_path)
    check_output_folder(old_run, overwrite=True, inputs=["other.star"])
    check_output_folder(tmp_path / "a" / "b", overwrite=False)
    assert tree(tmp_path) == before


def test_check_refuses_what_preparing_would_refuse(old_run: Path) -> None:
    before = tree(old_run)
    with pytest.raises(InputError, match="--overwrite"):
        check_output_folder(old_run, overwrite=False)
    with pytest.raises(InputError, match="must not lie where this run would overwrite it"):
        check_output_folder(old_run, overwrite=True, inputs=[old_run / "classes.mrcs"])
    with pytest.raises(InputError, match="can be written in"):
        check_output_folder("/proc/cl2d/out", overwrite=False)
    assert tree(old_run) == before


@pytest.mark.parametrize("take", [check_output_folder, prepare_output_folder])
def test_empty_name_is_not_the_working_directory(take: Callable[..., object]) -> None:
    with pytest.raises(InputError, match="must have a name"):
        take("", overwrite=False)
