"""The folder of checkpoints: the newest whole one counts, and two are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cl2d.errors import InputError
from cl2d.io.record_file import write_records
from cl2d.levels.bookmark import Place
from cl2d.outputs.checkpoint import CHECKPOINT, CheckpointFolder, RunFacts, State
from cl2d.preprocess import PreprocessPlan
from cl2d.results import LevelResult, identity_poses

if TYPE_CHECKING:
    from pathlib import Path

FACTS = RunFacts("1.0", "abc", {"levels": {"classes": 4}}, "single", "avx2", "def")


def state(n_levels: int) -> State:
    plan = PreprocessPlan(32, 32, 14.0, 1, 12, np.ones(13), np.full(13, np.inf))
    values = np.zeros(3, np.float32)
    level = LevelResult(
        0, 1, np.zeros(3, np.int32), identity_poses(3), values, values, -np.ones(1, np.int32)
    )
    return State(plan, Place(levels=(level,) * n_levels))


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    folder = CheckpointFolder(tmp_path)
    for n_levels in range(4):
        folder.write(FACTS, state(n_levels))
    return folder


def test_the_two_newest_are_kept_and_the_newest_is_read(folder: CheckpointFolder) -> None:
    assert [path.name for path in folder.files()] == ["000004.npz", "000003.npz"]
    found, complaints = folder.newest()
    assert found is not None
    assert (found.facts, complaints, len(found.state.place.levels)) == (FACTS, [], 3)
    np.testing.assert_array_equal(found.state.plan.signal_to_noise, np.full(13, np.inf))


def test_a_damaged_one_is_named_and_the_one_before_counts(folder: CheckpointFolder) -> None:
    newest, _ = folder.files()
    newest.write_bytes(newest.read_bytes()[:-100])
    found, [complaint] = folder.newest()
    assert found is not None
    assert len(found.state.place.levels) == 2
    assert complaint.startswith(f"{newest}: must be a whole file")


def test_none_counts_if_all_are_damaged(folder: CheckpointFolder) -> None:
    for path in folder.files():
        path.write_bytes(b"")
    found, complaints = folder.newest()
    assert found is None
    assert len(complaints) == 2


def test_records_of_something_else_are_no_checkpoint(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    (tmp_path / CHECKPOINT).mkdir()
    write_records(tmp_path / CHECKPOINT / "000001.npz", {}, state(0))
    write_records(tmp_path / CHECKPOINT / "000002.npz", {"written_at": ""}, state(0).plan)
    found, complaints = folder.newest()
    assert found is None
    assert all("must be a checkpoint as this version writes it" in text for text in complaints)


def test_the_next_one_has_a_higher_number_than_any_before(folder: CheckpointFolder) -> None:
    folder.files()[0].write_bytes(b"damaged")
    assert folder.write(FACTS, state(0)).name == "000005.npz"


def test_files_of_others_are_left_alone(folder: CheckpointFolder, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT / "notes.txt").write_text("mine")
    folder.remove()
    assert [path.name for path in (tmp_path / CHECKPOINT).iterdir()] == ["notes.txt"]
    (tmp_path / CHECKPOINT / "notes.txt").unlink()
    folder.remove()
    assert not (tmp_path / CHECKPOINT).exists()
    folder.remove()


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / CHECKPOINT).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="not a symbolic link"):
        CheckpointFolder(out).write(FACTS, state(0))
    assert list((tmp_path / "elsewhere").iterdir()) == []
