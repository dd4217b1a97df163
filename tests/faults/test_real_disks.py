"""Disks that are really full, and input that really changes while a run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import cl2d
from cl2d.cli import main
from cl2d.errors import InputFileError
from cl2d.events import IterationProgress
from cl2d.io import write_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPTIONS = ["-k", "2", "--initial-classes", "1", "--iterations", "2", "--threads", "1", "--quiet"]
LATER_NS = 10_000_000_000


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CL2D_RETRY_SECONDS", "0,0")


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).normal(size=(60, 32, 32))
    write_stack(tmp_path / "in.mrcs", images, 8.0)
    return tmp_path / "in.mrcs"


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return the folder of a disk of so many KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only the superuser of Linux can mount a small disk")
    options = ["-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", str(place)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("small_disk", [4, 24, 60, 120, 200], indirect=True)
def test_full_disk_is_named_and_leaves_whole_files(
    stack: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = small_disk / "out"
    assert main(["classify", str(stack), "-o", str(out), *OPTIONS]) != 0
    [line] = capsys.readouterr().err.splitlines()
    assert "No space left on device" in line
    assert str(out) in line
    files = [path for path in out.rglob("*") if path.is_file()]
    assert [path for path in files if path.name.startswith(".")] == []
    if (out / "run.json").exists():
        assert json.loads((out / "run.json").read_text())["status"] in {"running", "failed"}
    for path in files:
        assert path.stat().st_size > 0
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def rewritten(path: Path) -> None:
    write_stack(path, np.ones((60, 32, 32), np.float32), 8.0)
    written = path.stat().st_mtime_ns
    os.utime(path, ns=(written, written + LATER_NS))


def of_other_size(path: Path) -> None:
    write_stack(path, np.ones((70, 32, 32), np.float32), 8.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (truncated, "must not change while it is read, but has"),
        (rewritten, "must not change while it is read, but was written to"),
        (of_other_size, "must not change while it is read, but has"),
        (Path.unlink, "cannot be read any more"),
    ],
)
def test_stack_that_changes_while_a_run_goes_on_ends_it(
    stack: Path, tmp_path: Path, change: Callable[[Path], object], words: str
) -> None:
    # Closed by then, as of many stacks most are: an open one stays what it was, if replaced.
    source = cl2d.open_particles(stack)
    changed = False

    def change_once(event: object) -> None:
        nonlocal changed
        if isinstance(event, IterationProgress) and not changed:
            changed = True
            source._stacks.close()
            change(stack)

    with pytest.raises(InputFileError, match=rf"in\.mrcs: {words}"):
        cl2d.classify(
            source,
            n_classes=2,
            iterations=1,
            threads=1,
            output=tmp_path / "out",
            on_event=change_once,
        )
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["status"] == "failed"
    assert words in record["error"]
