"""Run the command line many times, each in a forked process with faults of its own.

``python many_runs.py JOBS RESULTS``, with the shim preloaded: JOBS is a JSON list of objects with
``arguments``, ``faults`` and ``log``; RESULTS becomes the list of exit codes and what was said.
The program is imported once.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import cl2d.pipeline
from cl2d.cli import main

SECONDS_AT_MOST = 120


def child(job: dict[str, Any], said: int) -> None:
    for stream in (1, 2):
        os.dup2(said, stream)
    signal.alarm(SECONDS_AT_MOST)
    os.environ.update(job.get("environment", {}))
    shim = ctypes.CDLL(None)
    shim.cl2d_set_faults(job["faults"].encode(), job["log"].encode())
    sys.argv = ["cl2d", *job["arguments"]]
    code = main(job["arguments"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def outcome(job: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as said:
        pid = os.fork()
        if pid == 0:
            try:
                child(job, said.fileno())
            finally:
                os._exit(70)
        _, status = os.waitpid(pid, 0)
        said.seek(0)
        text = said.read().decode(errors="replace")
    return {"code": os.waitstatus_to_exitcode(status), "said": text}


if __name__ == "__main__":
    assert cl2d.pipeline
    jobs = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps([outcome(job) for job in jobs]))
