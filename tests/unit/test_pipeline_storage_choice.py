"""How a run stores its coefficients: chosen by what it may take, refused where nothing fits."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from cl2d.engine import IN_MEMORY, Storage
from cl2d.errors import InputError
from cl2d.options import RunOptions
from cl2d.pipeline import storage_choice
from cl2d.pipeline.memory import PROGRAM_BYTES, MemoryNeeds
from cl2d.pipeline.storage_choice import chosen_memory, memory_warnings, storage_of
from cl2d.results import RunMemory

if TYPE_CHECKING:
    from pathlib import Path

MB = 10**6
# Stored: 120 MB in single precision, 60 MB in half; everything else 40 MB.
NEEDS = MemoryNeeds(
    n_images=10_000, n_copied=2_000, values_per_image=2_500, running=40 * MB, planning=30 * MB
)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def limit(stored_mb: int) -> str:
    """Return what leaves so much for coefficients."""
    return f"{PROGRAM_BYTES + (40 + stored_mb) * MB}B"


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder that is taken to lie on a disk, whatever it lies on here."""
    monkeypatch.setattr(storage_choice, "MOUNTS", tmp_path / "none")
    return tmp_path


@pytest.mark.parametrize(
    ("stored_mb", "kind"),
    [(120, "single"), (119, "half"), (60, "half"), (59, "scratch"), (0, "scratch")],
)
def test_the_first_storage_that_fits_is_taken(stored_mb: int, kind: str) -> None:
    memory = chosen_memory(NEEDS, RunOptions(max_memory=limit(stored_mb)), None)
    assert memory.storage == kind
    assert memory.limit_bytes is not None
    assert memory.estimated_bytes <= memory.limit_bytes
    assert memory.bytes_per_image == (10_000 if kind == "single" else 5_000)


def test_what_does_not_even_fit_beside_a_scratch_file_is_refused_with_amounts() -> None:
    options = RunOptions(max_memory="100MB")
    message = r"needs about 197\.3 MB .*even with .* scratch file and 100\.0 MB are available"
    with pytest.raises(InputError, match=message):
        chosen_memory(NEEDS, options, 1 << 40)


@pytest.mark.parametrize("kind", ["single", "half", "scratch"])
def test_a_storage_that_was_asked_for_is_taken_or_refused(kind: Any) -> None:
    plenty = RunOptions(max_memory="1GB", storage=kind)
    assert chosen_memory(NEEDS, plenty, 1).storage == kind
    with pytest.raises(InputError, match="another storage"):
        chosen_memory(NEEDS, RunOptions(max_memory="100MB", storage=kind), None)


def test_without_a_limit_the_memory_that_is_available_counts() -> None:
    for available, kind in ((250 * MB, "scratch"), (258 * MB, "half"), (None, "single")):
        memory = chosen_memory(NEEDS, RunOptions(), available)
        assert (memory.storage, memory.limit_bytes) == (kind, available)


def test_needs_are_those_of_the_step_that_takes_most() -> None:
    assert NEEDS.memory_bytes("single") == PROGRAM_BYTES + 160 * MB
    assert NEEDS.memory_bytes("half") == PROGRAM_BYTES + 100 * MB
    assert NEEDS.memory_bytes("scratch") == PROGRAM_BYTES + 40 * MB
    assert [NEEDS.scratch_bytes(kind) for kind in ("single", "half", "scratch")] == [0, 0, 60 * MB]
    planned = MemoryNeeds(1, 0, 1, running=1, planning=70 * MB)
    assert planned.memory_bytes("single") == PROGRAM_BYTES + 70 * MB


def test_storage_in_memory_asks_for_no_folder() -> None:
    assert storage_of("single", 10**18, "/none", None) == IN_MEMORY
    assert storage_of("half", 10**18, None, "/none") == Storage(half=True)


def test_scratch_file_lies_where_it_is_told_or_with_the_output(on_disk: Path) -> None:
    scratch, system = on_disk / "scratch", on_disk / "system"
    scratch.mkdir()
    system.mkdir()
    output = on_disk / "runs" / "to be made"
    assert storage_of("scratch", 1, scratch, output) == Storage(True, scratch)
    assert storage_of("scratch", 1, None, output) == Storage(True, on_disk)
    assert not output.exists()


def test_without_folders_the_system_tells_one(
    on_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(on_disk))
    assert storage_of("scratch", 1, None, None).scratch_folder == on_disk


def test_too_small_a_disk_is_refused_before_the_run(
    on_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(9 * MB, 4 * MB, 5 * MB))
    storage_of("scratch", 5 * MB, on_disk, None)
    message = rf"the scratch folder {on_disk} must have 5\.0 MB free for coefficients, not 5\.0 MB"
    with pytest.raises(InputError, match=message):
        storage_of("scratch", 5 * MB + 1, on_disk, None)


def test_a_scratch_folder_that_is_none_is_refused(on_disk: Path) -> None:
    with pytest.raises(InputError, match="scratch_dir must be a folder that can be written in"):
        storage_of("scratch", 1, on_disk / "none", None)


@pytest.mark.parametrize(("kind", "refused"), [("tmpfs", True), ("ext4", False)])
def test_a_scratch_folder_that_lies_in_memory_is_refused(
    kind: str, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts.write_text(f"36 35 {number} / /mnt rw,noatime shared:1 - {kind} none rw\n")
    monkeypatch.setattr(storage_choice, "MOUNTS", mounts)
    if not refused:
        assert storage_of("scratch", 1, tmp_path, None).scratch_folder == tmp_path
        return
    with pytest.raises(InputError, match="is kept in memory"):
        storage_of("scratch", 1, tmp_path, None)


@pytest.mark.parametrize(
    ("peak", "allowed", "warned"), [(11, 10, True), (10, 10, False), (None, 10, False)]
)
def test_a_peak_beyond_the_limit_is_told(peak: int | None, allowed: int, warned: bool) -> None:
    memory = RunMemory("single", 4, 7 * MB, allowed * MB, None if peak is None else peak * MB)
    found = memory_warnings(memory)
    assert bool(found) == warned
    for warning in found:
        assert warning.startswith("the run took 11.0 MB of memory, more than the 10.0 MB")
    assert memory_warnings(RunMemory("single", 4, 7, None, 10**15)) == []
