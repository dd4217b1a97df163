"""``cl2d info``: what is installed and what the machine offers."""

from __future__ import annotations

import json
import platform
from typing import Annotated, Any

import numpy as np
import typer

import cl2d
from cl2d.options import RunOptions, size
from cl2d.pipeline.available_memory import available_memory_bytes

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def info(as_json: AsJson = False) -> None:
    """Show versions, SIMD level, threads and memory."""
    facts = collect_facts()
    if as_json:
        print(json.dumps(facts))
        return
    available = facts["available_memory_bytes"]
    rows = {
        "cl2d": facts["version"],
        "Python": facts["python"],
        "numpy": facts["numpy"],
        "SIMD level": f"{facts['simd_level']} (available: {', '.join(facts['simd_levels'])})",
        "threads": facts["threads"],
        "OpenMP": facts["openmp"],
        "compiler": facts["compiler"],
        "Eigen": facts["eigen"],
        "memory": "not known" if available is None else f"{size(available)} available",
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")


def collect_facts() -> dict[str, Any]:
    """Return what ``info`` shows, with plain values."""
    return {
        **cl2d.build_info(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "threads": RunOptions().n_threads(),
        "available_memory_bytes": available_memory_bytes(),
    }
