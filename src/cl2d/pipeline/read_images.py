"""Reading the images of a run, here or on a cluster, and the engine that has them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl2d.engine import LocalEngine
from cl2d.engine.ingest import ingest, working_images

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from cl2d.engine import Engine, SearchSettings, Storage
    from cl2d.engine.member_sums import SummedBy
    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.pipeline.on_cluster import OnCluster
    from cl2d.preprocess import PreprocessPlan

    Usable = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ReadImages:
    """What reading tells of the images, and who makes the engine that holds them.

    Attributes
    ----------
    flags : (n,) uint8, 0 for a usable image
    statistics : (n, m) float32
    engine : callable
        Returns the engine, given which images take part.
    summed_by : callable or None
        Who sums the images as read for averages, if not this process.
    """

    flags: npt.NDArray[np.uint8]
    statistics: npt.NDArray[np.float32]
    engine: Callable[[Usable], Engine]
    summed_by: SummedBy | None = None

    @property
    def sha256(self) -> str:
        """What tells the images from all others: a sha256 (hex) of the statistics of each."""
        digest = hashlib.sha256(self.statistics.tobytes())
        digest.update(self.flags.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Reading:
    """How the images of a run are read and kept."""

    source: ParticleSource
    plan: PreprocessPlan
    search: SearchSettings
    storage: Storage
    options: ClassifyOptions

    def here(self, on_progress: Callable[[int], None]) -> ReadImages:
        """Read the images in this process, which holds their coefficients."""
        n_threads = self.options.run.n_threads()
        keep_images = self.options.alignment.similarity == "correntropy"
        ingested = ingest(
            self.source,
            self.plan,
            n_threads,
            on_progress,
            keep_images=keep_images,
            storage=self.storage,
        )

        def engine(usable: Usable) -> LocalEngine:
            return LocalEngine(
                ingested.blocks,
                usable,
                self.search,
                pixels_per_working_px=self.plan.box_px / self.plan.working_box_px,
                n_threads=n_threads,
                working_images=working_images(ingested, self.plan, n_threads),
                storage=self.storage,
            )

        return ReadImages(ingested.flags, ingested.statistics, engine)

    def on_cluster(self, there: OnCluster, on_progress: Callable[[int], None]) -> ReadImages:
        """Have the workers of a cluster read the images, each those that it holds."""
        from cl2d.cluster.averages import SummedOnWorkers  # noqa: PLC0415 - Dask is an extra
        from cl2d.cluster.engine import ClusterEngine  # noqa: PLC0415 - Dask is an extra
        from cl2d.cluster.reading import read_on_workers  # noqa: PLC0415

        crew, job = there.crew_and_job(self.source, self.plan, self.search, self.storage)
        facts = read_on_workers(crew, job, on_progress)

        def engine(usable: Usable) -> ClusterEngine:
            return ClusterEngine(crew, job, usable, self.options.run.n_threads())

        return ReadImages(facts.flags, facts.statistics, engine, SummedOnWorkers(crew, job))
