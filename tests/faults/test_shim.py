"""The layer of failing calls does what its rules say: to Python's files, to numpy's, to maps."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.shim import Rule, build, rules_text, why_not

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SAY = "import os, mmap, numpy as np; from pathlib import Path; p = Path('file'); "


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("shim"))


def ran(shim: Path, folder: Path, code: str, *rules: Rule) -> subprocess.CompletedProcess[str]:
    faults = {"CL2D_TEST_FAULTS": rules_text(list(rules)), "CL2D_TEST_FAULTS_LOG": "log"}
    environment = {**os.environ, "LD_PRELOAD": str(shim), **faults}
    return subprocess.run(
        [sys.executable, "-c", SAY + code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("open", "p.read_bytes()"),
        ("open", "os.open(p, os.O_RDONLY)"),
        ("read", "p.read_bytes()"),
        ("read", "os.pread(os.open(p, 0), 4, 0)"),
        ("read", "os.preadv(os.open(p, 0), [bytearray(4)], 0)"),
        ("write", "p.write_bytes(b'x')"),
        ("write", "os.pwrite(os.open(p, os.O_RDWR), b'x', 0)"),
        ("write", "np.zeros(4).tofile(p)"),
        ("write", "f = p.open('wb'); np.save(f, np.zeros(4)); f.close()"),
        ("write", "np.savez(p.open('wb'), a=np.zeros(4))"),
        ("fsync", "os.fsync(os.open(p, os.O_RDWR))"),
        ("rename", "Path('new').write_bytes(b''); Path('new').replace(p)"),
        ("rename", "Path('new').write_bytes(b''); os.rename('new', p)"),
        ("mmap", "np.memmap(p, 'u1', 'r')"),
        ("close", "p.read_bytes()"),
    ],
)
def test_calls_fail_as_the_rule_says(shim: Path, tmp_path: Path, call: str, code: str) -> None:
    (tmp_path / "file").write_bytes(bytes(100))
    assert ran(shim, tmp_path, code).returncode == 0
    failed = ran(shim, tmp_path, code, Rule(call, "*/file", "EDQUOT"))
    assert failed.returncode == 1
    assert "OSError" in failed.stderr
    assert (tmp_path / "log").read_text().startswith(f"{call}\t{tmp_path}/file\n")


def test_other_files_and_other_times_are_left_alone(shim: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100))
    rules = (Rule("open", "*/other", "EIO"), Rule("open", "*/file", "ESTALE", 3, 1))
    attempt = "\ntry: p.read_bytes(); print('read')\nexcept OSError as e: print(e.strerror)"
    said = ran(shim, tmp_path, attempt * 4, *rules).stdout
    assert said.splitlines() == ["read", "read", "Stale file handle", "read"]


def test_reads_and_writes_may_be_short_or_late(shim: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100))
    short = ran(
        shim,
        tmp_path,
        "print(len(os.pread(os.open(p, 0), 50, 0)))",
        Rule("read", "*/file", "short 7"),
    )
    assert short.stdout == "7\n"
    started = time.monotonic()
    ran(shim, tmp_path, "p.read_bytes()", Rule("open", "*/file", "sleep 0.5"))
    assert time.monotonic() - started > 0.5
