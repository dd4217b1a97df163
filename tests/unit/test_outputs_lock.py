"""One process at a time in an output folder; none is kept out by a dead one."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cl2d.errors import InputError
from cl2d.outputs.run_lock import LOCK, FolderInUseError, locked_folder

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from cl2d.outputs.run_lock import locked_folder
with locked_folder(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(600)
"""


def test_a_folder_is_made_locked_and_let_go(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with locked_folder(out) as folder:
        assert folder == out
        assert [path.name for path in out.iterdir()] == [LOCK]
        (out / "result").touch()
    assert [path.name for path in out.iterdir()] == ["result"]
    with locked_folder(out):
        pass


def test_folders_that_stay_empty_are_gone_again(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(RuntimeError), locked_folder(tmp_path / "a" / "b" / "c"):
        raise RuntimeError
    assert [path.name for path in tmp_path.rglob("*")] == ["a"]


def test_a_second_run_in_the_same_process_is_refused(tmp_path: Path) -> None:
    with (
        locked_folder(tmp_path),
        pytest.raises(FolderInUseError, match=f"process {os.getpid()} on .* has been writing to"),
        locked_folder(tmp_path),
    ):
        pass
    with locked_folder(tmp_path):
        pass


def test_another_process_is_named_and_its_death_ends_its_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "locked\n"
            with (
                pytest.raises(InputError, match=f"process {holder.pid} on"),
                locked_folder(tmp_path),
            ):
                pass
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.wait()
    assert (tmp_path / LOCK).exists()
    with locked_folder(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_a_holder_that_does_not_say_who_it_is_keeps_others_out_too(tmp_path: Path) -> None:
    with locked_folder(tmp_path):
        (tmp_path / LOCK).write_text("[1]")
        with pytest.raises(FolderInUseError, match="another process"), locked_folder(tmp_path):
            pass


def test_whoever_waits_does_not_take_a_lock_that_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock
    taken: list[int] = []

    def removed_first(file: int, kind: int) -> None:
        flock(file, kind)
        taken.append(file)
        if len(taken) == 1:
            (tmp_path / LOCK).unlink()  # by the process that held it until now

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with locked_folder(tmp_path):
        assert len(taken) == 2
        assert (tmp_path / LOCK).exists()


def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(_file: int, _kind: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    told: list[str] = []
    with locked_folder(tmp_path, told.append):
        assert [text.split("(")[0] for text in told] == [
            f"the file system of '{tmp_path}' knows no locks "
        ]


def test_a_link_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    (tmp_path / LOCK).symlink_to(other)
    with pytest.raises(InputError, match="can be written in"), locked_folder(tmp_path):
        pass
    assert other.read_text() == "precious"


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="must be a folder"), locked_folder(tmp_path / name):
        pass
    assert (tmp_path / "file").read_text() == "precious"
