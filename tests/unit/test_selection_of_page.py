"""The file that the page of a run saves, as the commands read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import cl2d
from cl2d.cli import main
from cl2d.io import StarBlock, write_star
from cl2d.outputs.saved_run import run_id
from cl2d.outputs.subset import read_selection

if TYPE_CHECKING:
    from pathlib import Path

RECORD = {
    "status": "complete",
    "written_at": "2026-11-23T15:53:27+00:00",
    "input": {"fingerprint_sha256": "15de3a142cee5d8c"},
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a run of four particles in three classes."""
    folder = tmp_path / "run"
    folder.mkdir()
    particles = {
        "rlnImageName": [f"{row + 1:06d}@stack.mrcs" for row in range(4)],
        "rlnClassNumber": np.array([1, 2, 3, 2]),
        "cl2dIsCore": np.array([1, 1, 1, 0]),
    }
    write_star(folder / "particles.star", {"particles": StarBlock(particles)})
    (folder / "run.json").write_text(json.dumps(RECORD))
    return folder


def saved(folder: Path, identity: str, classes: Any = (2, 3)) -> Path:
    path = folder / "selection.json"
    run = {"id": identity, "folder": "/where/it/was", "n_classes": 3}
    path.write_text(json.dumps({"format": 1, "run": run, "particles": 3, "classes": classes}))
    return path


def test_saved_selection_names_its_particles(run: Path, tmp_path: Path) -> None:
    selection = saved(tmp_path, run_id(RECORD))
    table = cl2d.select(run, selection=selection)
    assert table.numbers("rlnClassNumber").tolist() == [2, 3, 2]
    again = cl2d.select(run / "particles.star", selection=selection, subset="core")
    assert again.numbers("rlnClassNumber").tolist() == [2, 3]


def test_selection_of_another_run_is_refused(run: Path, tmp_path: Path) -> None:
    selection = saved(tmp_path, "15de3a142cee-later")
    with pytest.raises(cl2d.InputFileError, match="not of '/where/it/was'"):
        cl2d.select(run, selection=selection)
    assert read_selection(selection) == (2, 3)  # where no run is known, the numbers are taken


def test_selection_without_a_record_to_compare_with_is_taken(run: Path, tmp_path: Path) -> None:
    (run / "run.json").unlink()
    table = cl2d.select(run, selection=saved(tmp_path, "other"))
    assert table.n_rows == 3


@pytest.mark.parametrize("classes", [None, "2,3", [2, "3"], [True]])
def test_saved_file_without_class_numbers_is_refused(
    run: Path, tmp_path: Path, classes: Any
) -> None:
    selection = saved(tmp_path, run_id(RECORD), classes)
    with pytest.raises(cl2d.InputFileError, match="list of class numbers"):
        cl2d.select(run, selection=selection)


def test_classes_and_a_selection_are_one_too_many(run: Path, tmp_path: Path) -> None:
    selection = saved(tmp_path, run_id(RECORD))
    with pytest.raises(cl2d.InputError, match="must not both be given"):
        cl2d.select(run, classes=[1], selection=selection)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--selection", "selection.json"], "--selection and -o must be given together"),
        (["-o", "a.star"], "--selection and -o must be given together"),
        (
            ["--selection", "selection.json", "-o", "a.csv"],
            ".xmd or .cs file, not 'a.csv'",
        ),
        (["--selection", "none.json", "-o", "a.star"], "none.json: does not exist"),
    ],
)
def test_cores_looks_at_the_selection_before_it_works(  # noqa: PLR0917 - fixtures
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path, run_id(RECORD))
    before = {path: path.read_bytes() for path in run.iterdir()}
    assert main(["cores", str(run), *words]) == 2
    assert message in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.iterdir()} == before
