"""A small run through all of the engine, for an extension that was built with a sanitiser.

Nothing is asked of the results but to be there and finite: the sanitiser ends the process where
memory is misused, where a value has no meaning in C++, or where threads race.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import cl2d
from cl2d import _native
from tests.engine_inputs import blob_particles, noise_images, random_poses

N_VIEWS = 4
PER_VIEW = 75
BOX = 32


def particles() -> np.ndarray:
    """Return noisy particles of a few views, view after view, and one image that is no number."""
    views = [
        blob_particles(BOX, random_poses(PER_VIEW, 2.0, view), seed=view) for view in range(N_VIEWS)
    ]
    images = np.concatenate(views) + noise_images(N_VIEWS * PER_VIEW, BOX)
    images[7] = np.nan
    return images


def main(kept_in: Path) -> None:
    images = particles()
    threads = 2
    run = cl2d.classify(
        images,
        n_classes=N_VIEWS,
        output=kept_in / "run",
        pixel_size_angstrom=2.0,
        similarity="correntropy",
        search="fast",
        storage="scratch",
        scratch_dir=str(kept_in),
        iterations=4,
        threads=threads,
        report=False,
    )
    plain = cl2d.classify(
        images[::2],
        n_classes="auto",
        storage="half",
        search="fast",
        split_by="better",
        iterations=3,
        threads=threads,
    )
    assigned = cl2d.assign(kept_in / "run", images[::3], threads=threads)
    aligned = cl2d.align(images[: PER_VIEW + 5], iterations=3, threads=threads)
    for found in (run, plain, assigned, aligned):
        if not np.isfinite(found.averages).all():
            sys.exit("averages must be finite")
    print(f"classified, assigned and aligned with {_native.__file__}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
