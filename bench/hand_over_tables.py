"""Processor time of the tables for Xmipp and cryoSPARC, for a million particles.

python bench/hand_over_tables.py [--rows 1000000] [--classes 200]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cl2d.io import StarBlock, write_stack, write_xmd
from cl2d.io.cs_dataset import read_cs, write_cs
from cl2d.io.cs_table import cs_table
from cl2d.io.particle_table import ParticleTable
from cl2d.outputs.xmipp_tables import input_columns, level_images
from cl2d.results import LevelResult, Poses

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

STACKS = 20
IMAGES = 300


def timed(what: str, work: Callable[[], Any]) -> Any:
    start = time.process_time()
    result = work()
    print(f"{what:<40} {time.process_time() - start:6.2f} s")
    return result


def relion_table(rows: int, rng: np.random.Generator) -> ParticleTable:
    names = [f"{i % IMAGES + 1:06d}@Extract/job012/mic_{i // IMAGES:05d}.mrcs" for i in range(rows)]
    numbers = ("rlnCoordinateX", "rlnCoordinateY", "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
    columns = {
        "rlnImageName": np.array(names, dtype="S"),
        "rlnOpticsGroup": rng.integers(1, 4, rows),
        **{name: rng.uniform(0, 2e4, rows) for name in numbers},
    }
    optics = StarBlock(
        {
            "rlnOpticsGroup": ["1", "2", "3"],
            "rlnVoltage": ["300"] * 3,
            "rlnSphericalAberration": ["2.7"] * 3,
            "rlnAmplitudeContrast": ["0.1"] * 3,
            "rlnImagePixelSize": ["1.1"] * 3,
        }
    )
    return ParticleTable(Path("a.star"), "particles", StarBlock(columns), "relion", optics)


def a_level(rows: int, classes: int, rng: np.random.Generator) -> LevelResult:
    poses = Poses(
        rng.uniform(-np.pi, np.pi, rows), rng.uniform(-9, 9, (rows, 2)), rng.random(rows) < 0.5
    )
    scores = rng.random(rows, dtype=np.float32)
    labels = rng.integers(0, classes, rows).astype(np.int32)
    return LevelResult(0, classes, labels, poses, scores, scores, np.full(classes, -1, np.int32))


def dataset(rows: int, rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    for k in range(STACKS):
        write_stack(folder / f"s{k}.mrc", np.zeros((IMAGES, 8, 8), np.float32), 1.0)
    return {
        "uid": rng.permutation(rows).astype(np.uint64),
        "blob/path": np.array([b">s%d.mrc" % (i % STACKS) for i in range(rows)]),
        "blob/idx": (np.arange(rows) % IMAGES).astype(np.uint32),
        "blob/shape": np.full((rows, 2), 8, np.uint32),
        "blob/psize_A": np.ones(rows, np.float32),
        "ctf/df1_A": rng.random(rows, dtype=np.float32),
        "ctf/accel_kv": np.full(rows, 300, np.float32),
        "ctf/exp_group_id": rng.integers(0, 9, rows).astype(np.uint32),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=200)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, level = relion_table(asked.rows, rng), a_level(asked.rows, asked.classes, rng)
        columns = timed("Xmipp: columns of the input", lambda: input_columns(table))
        images = level_images(columns, level, None)
        path = folder / "a.xmd"
        timed("Xmipp: images.xmd", lambda: write_xmd(path, {"noname": images.block()}))
        timed("Xmipp: a level", lambda: write_xmd(path, images.class_blocks()))
        fields = dataset(asked.rows, rng, folder)
        timed("cryoSPARC: write", lambda: write_cs(folder / "a.cs", fields))
        read = timed("cryoSPARC: read", lambda: read_cs(folder / "a.cs"))
        timed("cryoSPARC: as a table", lambda: cs_table(folder / "a.cs", read))


if __name__ == "__main__":
    main()
