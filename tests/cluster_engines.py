"""Engines on two worker processes, and the stacks they read, for the tests of clusters."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import distributed
import mrcfile
import numpy as np
import pytest

from cl2d.cluster.crew import Crew
from cl2d.cluster.engine import ClusterEngine
from cl2d.cluster.job import Job
from cl2d.cluster.reading import read_on_workers
from cl2d.engine import simd_level
from cl2d.io import open_particles

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from cl2d.engine import Assignment, SearchSettings
    from cl2d.preprocess import PreprocessPlan

ROOT = Path(__file__).parents[1]

ANY_PORT = ":0"
"""A scheduler tells of itself on a port that no other test has."""

WHOLE = "whole"
"""Name of the images of a test on the workers."""


def two_workers() -> contextlib.AbstractContextManager[distributed.LocalCluster]:
    """Give a cluster of two workers of one thread, which find the tests as modules."""
    return cluster_of(2)


@contextlib.contextmanager
def cluster_of(n_workers: int) -> Iterator[distributed.LocalCluster]:
    """Give a cluster of some workers of one thread, which find the tests as modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        with distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            dashboard_address=ANY_PORT,
            silence_logs=50,
        ) as cluster:
            yield cluster


def written_stack(path: Path, images: npt.NDArray[np.float32]) -> Path:
    """Write images as a stack of a pixel size of 2 Angstrom."""
    with mrcfile.new(path) as file:
        file.set_data(images)
        file.set_image_stack()
        file.voxel_size = 2.0
    return path


def engine_on_workers(
    client: distributed.Client,
    stack: Path,
    plan: PreprocessPlan,
    search: SearchSettings,
    **of_job: Any,
) -> ClusterEngine:
    """Return the engine of a stack that workers have read."""
    source = open_particles(stack)
    of_job.setdefault("open_source", partial(open_particles, stack))
    job = Job(
        name=WHOLE,
        fingerprint=source.fingerprint(),
        n_images=source.n_images,
        plan=plan,
        search=search,
        simd_level=simd_level(),
        **of_job,
    )
    crew = Crew(client, source.n_images)
    facts = read_on_workers(crew, job)
    return ClusterEngine(crew, job, facts.flags == 0, 1)


def assert_same(found: Assignment, expected: Assignment) -> None:
    """Compare two assignments bit by bit."""
    for name in ("labels", "scores", "margin", "confidence"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in ("psi_rad", "shift_px", "mirror"):
        np.testing.assert_array_equal(getattr(found.poses, name), getattr(expected.poses, name))
