"""Particles of chosen classes: the right rows, unchanged, readable by other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import starfile

import cl2d
from cl2d.cli import main
from cl2d.io import StarBlock, read_star, write_star
from cl2d.outputs.subset import parse_classes, read_selection, write_rows

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = np.array([1, 2, 2, 3, 0, 1])
CORE = np.array([1, 1, 0, 0, 0, 1])


def write_run(folder: Path, *, with_cores: bool = True) -> Path:
    optics = {
        "rlnOpticsGroup": ["1"],
        "rlnOpticsGroupName": ["a"],
        "rlnVoltage": ["300.0"],
        "rlnImagePixelSize": ["2.0"],
    }
    particles = {
        "rlnImageName": [f"{row + 1:06d}@stack.mrcs" for row in range(6)],
        "rlnMicrographName": ["first mic.mrc"] * 6,
        "rlnOpticsGroup": np.ones(6, dtype=int),
        "someColumn": np.arange(6),
        "rlnClassNumber": CLASSES,
        "rlnAnglePsi": np.full(6, 90.0),
        "rlnOriginXAngst": np.full(6, 4.0),
        "rlnOriginYAngst": np.full(6, 6.0),
        "rlnIsFlip": np.array([0, 1, 0, 0, 0, 0]),
        "cl2dScore": np.linspace(0, 1, 6),
    }
    if with_cores:
        particles |= {"cl2dIsCore": CORE, "cl2dIsStableCore": np.array([1, 0, 0, 0, 0, 0])}
    blocks = {"optics": StarBlock(optics), "particles": StarBlock(particles)}
    write_star(folder / "particles.star", blocks)
    return folder


@pytest.mark.parametrize(
    ("classes", "subset", "rows"),
    [
        (None, "all", [0, 1, 2, 3, 4, 5]),
        ([2], "all", [1, 2]),
        ([3, 1], "all", [0, 3, 5]),
        (None, "core", [0, 1, 5]),
        ([2], "core", [1]),
        (None, "stable-core", [0]),
        (None, "rejected", [2, 3, 4]),
        ([2], "rejected", [2]),
    ],
)
def test_rows_of_classes_and_subset_in_their_order(tmp_path, classes, subset, rows):
    table = cl2d.select(write_run(tmp_path), classes=classes, subset=subset)
    assert table.numbers("someColumn").tolist() == rows


def test_another_star_reader_finds_rows_columns_and_optics(tmp_path):
    run = write_run(tmp_path)
    cl2d.select(run, classes=[1, 2], output=tmp_path / "good.star")
    blocks = starfile.read(tmp_path / "good.star")
    whole = starfile.read(run / "particles.star")
    chosen = whole["particles"][whole["particles"].rlnClassNumber.isin([1, 2])]
    assert blocks["particles"].equals(chosen.reset_index(drop=True))
    assert blocks["optics"]["rlnVoltage"].tolist() == [300.0]


def test_xmipp_pose_moves_a_point_as_the_relion_pose_does(tmp_path):
    cl2d.select(write_run(tmp_path), output=tmp_path / "all.xmd")
    text = (tmp_path / "all.xmd").read_text()
    assert text.startswith("# XMIPP_STAR_1 *")
    block = read_star(tmp_path / "all.xmd")["particles"]
    point = np.array([3.0, -1.0])
    for row in range(6):
        psi = np.radians(block.numbers("anglePsi")[row])
        rotation = np.array([[np.cos(psi), np.sin(psi)], [-np.sin(psi), np.cos(psi)]])
        flip = np.diag([-1.0, 1.0]) if block.numbers("flip")[row] else np.eye(2)
        shift = np.array([block.numbers("shiftX")[row], block.numbers("shiftY")[row]])
        by_xmipp = flip @ rotation @ point + shift
        # RELION: shift by (4, 6) A = (2, 3) px, turn by 90 degrees, mirror.
        by_relion = flip @ np.array([[0.0, -1.0], [1.0, 0.0]]) @ (point + np.array([2.0, 3.0]))
        np.testing.assert_allclose(by_xmipp, by_relion, atol=1e-5)
    assert block.text("ref") == ["1", "2", "2", "3", "0", "1"]
    assert block.numbers("enabled").tolist() == [1, 1, 1, 1, -1, 1]
    assert block.text("image")[0] == "000001@stack.mrcs"
    assert block.numbers("samplingRate").tolist() == [2.0] * 6


def test_run_without_cores_says_what_is_missing(tmp_path):
    with pytest.raises(cl2d.InputError, match="no column cl2dIsCore"):
        cl2d.select(write_run(tmp_path, with_cores=False), subset="core")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": [4]}, "classes must be 1 to 3 in .*, not 4"),
        ({"classes": [0]}, "not 0"),
        ({"subset": "best"}, "subset must be one of all, core, stable-core, rejected, not 'best'"),
        ({"classes": [3], "subset": "core", "output": "x.star"}, "at least one particle"),
        ({"output": "x.csv"}, "to a .star, .xmd or .cs file, not 'x.csv'"),
    ],
)
def test_impossible_selection_is_refused(tmp_path, changes, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cl2d.InputError, match=message):
        cl2d.select(write_run(tmp_path), **changes)
    assert [path.name for path in tmp_path.iterdir()] == ["particles.star"]


def test_run_is_not_overwritten_by_its_selection(tmp_path):
    run = write_run(tmp_path)
    with pytest.raises(cl2d.InputError, match="a file of its own"):
        cl2d.select(run, classes=[1], output=run / "particles.star")


@pytest.mark.parametrize(
    ("text", "classes"),
    [("1", (1,)), ("1,4,7", (1, 4, 7)), ("2-4, 9", (2, 3, 4, 9)), ("3,3,1-3", (3, 1, 2))],
)
def test_list_of_classes_is_understood(text, classes):
    assert parse_classes(text) == classes


@pytest.mark.parametrize("text", ["", "0", "1,,2", "4-2", "a", "-1"])
def test_malformed_list_of_classes_is_refused(text):
    with pytest.raises(cl2d.InputError, match="classes must be numbers from 1"):
        parse_classes(text)


def test_selection_files_name_the_same_classes(tmp_path):
    selected = StarBlock({"rlnSelected": np.array([1, 0, 1])})
    write_star(tmp_path / "backup_selection.star", {"": selected})
    (tmp_path / "chosen.json").write_text(json.dumps([1, 3]))
    assert read_selection(tmp_path / "backup_selection.star") == (1, 3)
    assert read_selection(tmp_path / "chosen.json") == (1, 3)


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[1, true]", '["1"]'])
def test_other_json_is_no_selection(tmp_path, text):
    (tmp_path / "chosen.json").write_text(text)
    with pytest.raises(cl2d.InputFileError, match=r"chosen\.json"):
        read_selection(tmp_path / "chosen.json")


def test_command_writes_the_selected_particles(tmp_path, capsys):
    run = write_run(tmp_path)
    (tmp_path / "chosen.json").write_text("[2]")
    words = ["select", str(run), "--selection", str(tmp_path / "chosen.json")]
    assert main([*words, "--subset", "core", "-o", str(tmp_path / "a.star")]) == 0
    assert "1 particle: " in capsys.readouterr().err
    assert starfile.read(tmp_path / "a.star")["particles"]["someColumn"].tolist() == [1]


def test_command_refuses_two_ways_to_name_the_classes(tmp_path, capsys):
    words = ["select", str(write_run(tmp_path)), "--classes", "1", "--selection", "x.json"]
    assert main([*words, "-o", str(tmp_path / "a.star")]) == 2
    assert "--classes and --selection must not both be given" in capsys.readouterr().err


def with_proposal(run: Path) -> Path:
    """Add a class table whose evaluation speaks against class 2."""
    columns = {
        "rlnClassNumber": np.array([1, 2, 3]),
        "cl2dMembers": np.array([2, 2, 1]),
        "cl2dQuality": np.array([0.9, 0.2, 0.5]),
        "cl2dSelected": np.array([1, 0, 1]),
        "cl2dReason": ["good", "off_centre+junk", "good"],
    }
    write_star(run / "classes.star", {"classes": StarBlock(columns, is_loop=True)})
    return run


def test_proposed_classes_are_selected_and_every_other_row_is_written_too(tmp_path):
    run = with_proposal(write_run(tmp_path))
    found = cl2d.select_auto(run, output=tmp_path / "good.star")
    assert found.particles.numbers("someColumn").tolist() == [0, 3, 5]
    assert found.not_selected.numbers("someColumn").tolist() == [1, 2, 4]
    for name, rows in (("good", [0, 3, 5]), ("good_not_selected", [1, 2, 4])):
        blocks = starfile.read(tmp_path / f"{name}.star")
        assert blocks["particles"]["someColumn"].tolist() == rows
        assert len(blocks["particles"].columns) == 12


def test_selection_file_names_reasons_and_selects_the_same_again(tmp_path):
    run = with_proposal(write_run(tmp_path))
    found = cl2d.select_auto(run, drop=[3], output=tmp_path / "good.star")
    block = read_star(tmp_path / "good_selection.star")["classes"]
    assert block.numbers("rlnSelected").tolist() == [1, 0, 0]
    assert block.text("cl2dReason") == ["good", "off_centre+junk", "dropped_by_hand"]
    again = cl2d.select(run, classes=read_selection(tmp_path / "good_selection.star"))
    assert again.numbers("someColumn").tolist() == found.particles.numbers("someColumn").tolist()


def test_classes_are_added_and_removed_by_hand(tmp_path):
    run = with_proposal(write_run(tmp_path))
    found = cl2d.select_auto(run, keep=[2, 1], drop=[3])
    assert found.proposal.classes == (1, 2)
    assert found.proposal.reasons == ("good", "kept_by_hand", "dropped_by_hand")
    assert found.particles.numbers("someColumn").tolist() == [0, 1, 2, 5]


def test_subset_of_proposed_classes_leaves_the_rest_of_them_not_selected(tmp_path):
    run = with_proposal(write_run(tmp_path))
    found = cl2d.select_auto(run, subset="core", output=tmp_path / "good.xmd")
    assert found.particles.numbers("someColumn").tolist() == [0, 5]
    assert found.not_selected.numbers("someColumn").tolist() == [1, 2, 3, 4]
    assert (tmp_path / "good_not_selected.xmd").is_file()


def test_nothing_left_out_gives_an_empty_table_that_can_be_read(tmp_path):
    run = with_proposal(write_run(tmp_path))
    table = cl2d.select_auto(run, keep=[2]).not_selected
    assert table.numbers("rlnClassNumber").tolist() == [0]
    no_flagged = table.take(np.zeros(0, dtype=np.intp))
    write_rows(tmp_path / "none.star", no_flagged, np.zeros(0, dtype=np.intp))
    assert list(read_star(tmp_path / "none.star")["particles"].columns) == list(
        no_flagged.column_names
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keep": [4]}, "classes must be 1 to 3, not 4"),
        ({"drop": [0]}, "not 0"),
        ({"keep": [2, 3], "drop": [3, 2]}, "kept or dropped, not both: 2, 3"),
        ({"drop": [1, 3], "output": "x.star"}, "at least one particle"),
    ],
)
def test_impossible_change_of_the_proposal_is_refused(tmp_path, changes, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = with_proposal(write_run(tmp_path))
    with pytest.raises(cl2d.InputError, match=message):
        cl2d.select_auto(run, **changes)
    assert not list(tmp_path.glob("x*"))


def test_run_without_an_evaluation_has_no_proposal(tmp_path):
    run = write_run(tmp_path)
    with pytest.raises(cl2d.InputFileError, match=r"classes\.star: does not exist"):
        cl2d.select_auto(run)
    write_star(run / "classes.star", {"classes": StarBlock({"rlnClassNumber": np.arange(3)})})
    with pytest.raises(cl2d.InputFileError, match="run cl2d evaluate"):
        cl2d.select_auto(run)


def test_command_tells_why_a_class_is_dropped_and_where_the_rest_went(tmp_path, capsys):
    run = with_proposal(write_run(tmp_path))
    words = ["select", str(run), "--auto", "--drop", "3", "-o", str(tmp_path / "a.star")]
    assert main(words) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert [line.split()[0] for line in lines] == ["class", "1", "3", "2"]
    assert lines[1].endswith("keep")
    assert lines[2].endswith("drop: dropped by hand")
    assert "lies in the middle; half of its members do not show" in lines[3]
    assert "2 particles: " in told.err
    assert "4 particles not selected: " in told.err
    assert "a_not_selected.star" in told.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--auto", "--classes", "1"], "--classes and --auto must not both be given"),
        (["--keep", "1"], "--keep and --drop must be given with --auto"),
    ],
)
def test_command_refuses_changes_to_no_proposal(tmp_path, capsys, words, message):
    run = with_proposal(write_run(tmp_path))
    assert main(["select", str(run), *words, "-o", str(tmp_path / "a.star")]) == 2
    assert message in capsys.readouterr().err
