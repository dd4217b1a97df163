"""A Scipion of its own, without windows: projects go to a temporary folder."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

# Read when pyworkflow is imported, so it has to be here.
os.environ.setdefault("SCIPION_HOME", tempfile.mkdtemp(prefix="scipion-"))
os.environ.setdefault("SCIPION_USER_DATA", str(Path(os.environ["SCIPION_HOME"]) / "data"))
os.environ.setdefault("SCIPION_DOMAIN", "pwem")

# Scipion starts its protocols as processes of their own.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ["PYTHONPATH"] = str(HERE.parent)
(Path(os.environ["SCIPION_USER_DATA"]) / "projects").mkdir(parents=True, exist_ok=True)
_hosts = Path(os.environ["SCIPION_HOME"]) / "config" / "hosts.conf"
if not _hosts.exists():
    _hosts.parent.mkdir(parents=True, exist_ok=True)
    _hosts.write_text("[localhost]\nPARALLEL_COMMAND = mpirun -np %_(JOB_NODES)d %_(COMMAND)s\n")
