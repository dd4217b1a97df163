from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading

import pytest
import typer

from cl2d.cli.interrupts import interruptible, interruption_message
from cl2d.errors import TimeIsUpError

# A call that, like the engine's, lets other threads run but hears no signal until it returns.
# It says so from within: between the two calls no instruction of Python is run either.
DEAF_PROGRAM = """
import hashlib, os, sys
from functools import partial
from pathlib import Path
import typer
from cl2d.cli.interrupts import interruptible
try:
    out = Path(sys.argv[1])
    with interruptible(out, (out / "told").touch):
        say = partial(os.write, 1, b"working\\n")
        work = partial(hashlib.pbkdf2_hmac, "sha512", b"a", b"b", 2**31 - 1)
        list(map(partial.__call__, [say, work]))
except typer.Exit as error:
    sys.exit(error.exit_code)
"""


def test_message_lists_what_is_kept(tmp_path):
    (tmp_path / "levels").mkdir()
    (tmp_path / "run.json").touch()
    assert interruption_message(tmp_path).endswith(f"{tmp_path} keeps levels, run.json")


@pytest.mark.parametrize("name", ["missing", "."])
def test_message_says_when_nothing_was_written(tmp_path, name):
    message = interruption_message(tmp_path / name)
    assert message == f"cl2d: interrupted; nothing was written to {tmp_path / name}"


CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "code"), CODES)
def test_signal_ends_the_body_with_the_code_of_shells(tmp_path, capsys, number, code):
    with pytest.raises(typer.Exit) as caught, interruptible(tmp_path):
        signal.raise_signal(number)
    assert caught.value.exit_code == code
    assert "interrupted" in capsys.readouterr().err


def test_last_act_follows_an_interruption_only(tmp_path):
    acts = []
    with interruptible(tmp_path, lambda: acts.append("done")):
        pass
    assert acts == []
    with pytest.raises(typer.Exit), interruptible(tmp_path, lambda: acts.append("cut off")):
        signal.raise_signal(signal.SIGTERM)
    assert acts == ["cut off"]


def test_handlers_and_threads_are_as_before_afterwards(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    n_threads = threading.active_count()
    with interruptible(tmp_path):
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert threading.active_count() == n_threads
    assert signal.set_wakeup_fd(-1) == -1


def test_ignored_signal_stays_ignored(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible(tmp_path):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_body_in_another_thread_runs_without_handlers(tmp_path):
    done = []

    def work():
        with interruptible(tmp_path):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_time_that_is_up_ends_the_body_with_a_code_of_its_own(tmp_path, capsys):
    with pytest.raises(typer.Exit) as caught, interruptible(tmp_path):
        raise TimeIsUpError("the run was stopped as its time (max_time 2h) is up")
    assert caught.value.exit_code == 75
    assert "max_time 2h" in capsys.readouterr().err


def test_message_tells_how_to_go_on_from_a_checkpoint(tmp_path):
    out = tmp_path / "my run"
    (out / "checkpoint").mkdir(parents=True)
    (out / ".cl2d.lock").touch()
    assert interruption_message(out) == f"cl2d: interrupted; {out} keeps checkpoint"
    (out / "checkpoint" / "000007.npz").touch()
    assert interruption_message(out).endswith(f"checkpoint; go on with: cl2d resume '{out}'")


@pytest.mark.parametrize(("number", "code"), CODES)
def test_long_call_that_hears_no_signal_is_ended_all_the_same(tmp_path, number, code):
    (tmp_path / "levels").touch()
    (tmp_path / "run.json").write_text('{"status": "running"}')
    command = [sys.executable, "-c", DEAF_PROGRAM, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout.readline() == "working\n"
        process.send_signal(number)
        try:
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == code
    assert err.strip() == f"cl2d: interrupted; {tmp_path} keeps levels, run.json, told"
    assert json.loads((tmp_path / "run.json").read_text()) == {"status": "interrupted"}
