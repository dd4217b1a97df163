"""Agreement of two runs: particles matched by image, classes matched one to one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import cl2d
from cl2d.cli import main
from cl2d.io import StarBlock, write_star

if TYPE_CHECKING:
    from pathlib import Path


def write_run(path: Path, names: list[str], classes: list[int]) -> Path:
    columns = {"rlnImageName": names, "rlnClassNumber": np.array(classes)}
    write_star(path, {"particles": StarBlock(columns)})
    return path


def names(*numbers: int) -> list[str]:
    return [f"{number:06d}@stack.mrcs" for number in numbers]


def test_renumbered_classes_agree_fully(tmp_path):
    a = write_run(tmp_path / "a.star", names(*range(1, 7)), [1, 1, 2, 2, 3, 3])
    b = write_run(tmp_path / "b.star", names(*range(1, 7)), [3, 3, 1, 1, 2, 2])
    found = cl2d.compare(a, b)
    assert found.adjusted_rand_index == 1.0
    assert [(m.class_a, m.class_b, m.jaccard) for m in found.matches] == [
        (1, 3, 1.0),
        (2, 1, 1.0),
        (3, 2, 1.0),
    ]
    assert found.contingency.tolist() == [[0, 0, 2], [2, 0, 0], [0, 2, 0]]
    assert found.matched_share == 1.0


def test_particles_are_known_by_image_whatever_their_order(tmp_path):
    a = write_run(tmp_path / "a.star", names(1, 2, 3, 4, 9), [1, 1, 2, 2, 1])
    shuffled = ["4@stack.mrcs", *names(2, 3, 1, 8)]
    b = write_run(tmp_path / "b.star", shuffled, [1, 2, 1, 2, 1])
    found = cl2d.compare(a, b)
    assert (found.n_compared, found.n_only_a, found.n_only_b) == (4, 1, 1)
    assert found.adjusted_rand_index == 1.0


def test_particles_in_no_class_are_left_out(tmp_path):
    a = write_run(tmp_path / "a.star", names(1, 2, 3), [1, 0, 2])
    b = write_run(tmp_path / "b.star", names(1, 2, 3), [1, 1, 0])
    found = cl2d.compare(a, b)
    assert (found.n_compared, found.n_only_a, found.n_only_b) == (1, 1, 1)


def test_match_is_one_to_one_and_shares_most(tmp_path):
    a = write_run(tmp_path / "a.star", names(*range(1, 8)), [1, 1, 1, 1, 1, 2, 2])
    b = write_run(tmp_path / "b.star", names(*range(1, 8)), [1, 1, 1, 2, 2, 1, 1])
    found = cl2d.compare(a, b)
    assert [(m.class_a, m.class_b, m.shared) for m in found.matches] == [(1, 2, 2), (2, 1, 2)]
    assert found.matches[0].jaccard == pytest.approx(2 / 5)


def test_runs_without_common_particles_are_refused(tmp_path):
    a = write_run(tmp_path / "a.star", names(1), [1])
    b = write_run(tmp_path / "b.star", names(2), [1])
    with pytest.raises(cl2d.InputError, match="must share particles"):
        cl2d.compare(a, b)


def test_image_named_twice_is_refused(tmp_path):
    a = write_run(tmp_path / "a.star", names(1, 1), [1, 2])
    b = write_run(tmp_path / "b.star", names(1, 2), [1, 1])
    with pytest.raises(cl2d.InputError, match="named once"):
        cl2d.compare(a, b)


def test_missing_run_is_an_input_error(tmp_path):
    with pytest.raises(cl2d.InputFileError, match="does not exist"):
        cl2d.compare(tmp_path, tmp_path)


def test_command_says_the_same_as_the_function(tmp_path, capsys):
    a = write_run(tmp_path / "a.star", names(1, 2, 3, 4), [1, 1, 2, 2])
    b = write_run(tmp_path / "b.star", names(1, 2, 3, 4), [1, 1, 2, 3])
    assert main(["compare", str(a), str(b), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    found = cl2d.compare(a, b)
    assert said["adjusted_rand_index"] == found.adjusted_rand_index
    assert said["contingency"] == found.contingency.tolist()
    assert said["matches"][0] == {
        "class_a": 1,
        "class_b": 1,
        "members_a": 2,
        "members_b": 2,
        "shared": 2,
        "jaccard": 1.0,
    }
    assert main(["compare", str(a), str(b)]) == 0
    assert f"{found.adjusted_rand_index:.4f}" in capsys.readouterr().out
