"""What a watch refuses, and how it says so."""

from __future__ import annotations

import numpy as np
import pytest

import cl2d
from cl2d.cli import main
from cl2d.outputs.run_lock import locked_folder
from tests.watch_inputs import WORDS, simulated, watched, write_rows


@pytest.fixture(scope="module")
def particles(tmp_path_factory):
    """Return a table of particles of four views, and the view of each."""
    return simulated(tmp_path_factory.mktemp("particles"))


@pytest.fixture(scope="module")
def begun(particles, tmp_path_factory):
    """Return the folder of a watch, its input growing.star beside it."""
    folder = tmp_path_factory.mktemp("begun")
    write_rows(particles[0], np.arange(40), folder / "growing.star")
    watched(folder / "growing.star", folder / "out", finish=False)
    return folder / "out"


def test_it_goes_on_only_where_it_was_begun(begun, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of images may be relative to the working directory
    with pytest.raises(cl2d.InputError, match="working directory must be that of the watch"):
        watched(begun.parent / "growing.star", begun, finish=False)


def test_two_watches_do_not_share_a_folder(begun):
    with locked_folder(begun), pytest.raises(cl2d.InputError, match="must not be in use"):
        watched(begun.parent / "growing.star", begun, finish=False)


@pytest.mark.parametrize("name", ["references", "overwrite", "max_time"])
def test_options_that_a_watch_sets_itself_are_refused(particles, tmp_path, name):
    with pytest.raises(cl2d.InputError, match=f"{name} must be left out"):
        cl2d.watch(particles[0], tmp_path / "out", once=True, **{name: None})


def error_of(capsys, words):
    """Return the one line that a refused command says."""
    assert main([*words, *WORDS]) == 2
    return capsys.readouterr().err


def test_what_cannot_be_watched_is_refused(particles, begun, tmp_path, capsys):
    table, _ = particles
    out = str(tmp_path / "out")
    assert "does not exist" in error_of(capsys, ["watch", str(tmp_path / "none"), "-o", out])
    assert "must not be what is watched" in error_of(
        capsys, ["watch", str(tmp_path), "-o", str(tmp_path)]
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    words = ["watch", str(table), "--once", "-o"]
    assert "run.json and no watch.json" in error_of(capsys, [*words, str(tmp_path / "run")])
    assert "input must be that of the watch" in error_of(capsys, [*words, str(begun)])
    growing = str(begun.parent / "growing.star")
    words = ["watch", growing, "--once", "-o", str(begun), "--seed", "9"]
    assert "seed was 0 and is 9 now" in error_of(capsys, words)
    words = ["watch", growing, "-o", out, "--poor-share", "1.5"]
    assert "poor_share must be from 0 to 1" in error_of(capsys, words)
    words = ["watch", growing, "-o", out, "--first-after", "3"]
    assert "first_after must be at least" in error_of(capsys, words)
    assert not (tmp_path / "out").exists()


def test_a_damaged_state_is_named(particles, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    for text in ("", "[]", '{"format": 2}', '{"format": 1}', "null"):
        (tmp_path / "out" / "watch.json").write_text(text)
        said = error_of(capsys, ["watch", str(particles[0]), "--once", "-o", str(tmp_path / "out")])
        assert "watch.json: must be" in said


def test_too_few_particles_are_told_and_nothing_is_stuck(particles, tmp_path, capsys):
    table, view = particles
    star, out = tmp_path / "growing.star", tmp_path / "out"
    write_rows(table, np.arange(2), star)
    words = ["watch", str(star), "-o", str(out), "--finish"]
    assert "must not exceed the number of images (2)" in error_of(capsys, words)
    write_rows(table, np.arange(len(view)), star)
    assert main([*words, *WORDS]) == 0
    assert (out / "current").exists()
