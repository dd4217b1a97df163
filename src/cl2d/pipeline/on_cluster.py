"""A run whose images are held by the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import os
import uuid
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cl2d.cluster.account import Account
from cl2d.cluster.lost_scheduler import is_connected, naming_a_lost_scheduler
from cl2d.engine import available_simd_levels, simd_level
from cl2d.errors import InputError
from cl2d.io import open_particles
from cl2d.pipeline.available_memory import available_memory_bytes
from cl2d.pipeline.ctf import with_correction
from cl2d.preprocess.ctf_source import subset_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import numpy as np
    import numpy.typing as npt
    from distributed import Client

    from cl2d.cluster.crew import Crew
    from cl2d.cluster.job import Job
    from cl2d.engine import SearchSettings, Storage
    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.pipeline.inputs import Particles
    from cl2d.preprocess import PreprocessPlan
    from cl2d.preprocess.plan import CtfCorrection


@dataclass(frozen=True, eq=False)
class OnCluster:
    """Where the images of a run are held, and how they are found there.

    Attributes
    ----------
    client : distributed.Client
    particles : str
        As the caller named them.
    folder : str
        Working directory of the caller: names in tables may go by it.
    keeps_images : bool
        Whether classes are chosen by correntropy, for which the images are held as well.
    rows : (n,) intp, ascending, optional
        The particles that are held; all by default.
    jobs : list of str
        Names of what workers hold for this run.
    account : Account
        Where is counted what the run costs.
    """

    client: Client
    particles: str
    folder: str
    keeps_images: bool = False
    rows: npt.NDArray[np.intp] | None = None
    jobs: list[str] = field(default_factory=list)
    account: Account = field(default_factory=Account)

    @classmethod
    def of(cls, client: Client, particles: Particles, options: ClassifyOptions) -> OnCluster:
        """Check that a run can be held by workers.

        Raises
        ------
        InputError
            If the particles are not in files.
        """
        if not isinstance(particles, (str, os.PathLike)):
            message = (
                "particles must be the path of a table or stack, which the workers of a cluster "
                f"read by themselves, not {type(particles).__name__}"
            )
            raise InputError(message)
        keeps_images = options.alignment.similarity == "correntropy"
        return cls(client, os.fspath(particles), str(Path.cwd()), keeps_images)

    def subset(self, rows: npt.NDArray[np.intp]) -> OnCluster:
        """Return the same for some of the particles, rows ascending."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows], account=Account())

    def available_bytes(self) -> int | None:
        """Return the memory open to all workers, None where a machine does not tell."""
        told = self.client.run(_machine_and_memory)
        machines = dict(told.values())
        known = [n_bytes for n_bytes in machines.values() if n_bytes is not None]
        return sum(known) if len(known) == len(machines) else None

    def crew_and_job(
        self,
        source: ParticleSource,
        plan: PreprocessPlan,
        search: SearchSettings,
        storage: Storage,
    ) -> tuple[Crew, Job]:
        """Return the workers of the run and what each has to know."""
        from cl2d.cluster.crew import Crew  # noqa: PLC0415 - Dask is an extra
        from cl2d.cluster.job import Job  # noqa: PLC0415

        opened = partial(opened_again, self.particles, self.folder, plan.ctf, self.rows)
        job = Job(
            name=uuid.uuid4().hex,
            open_source=opened,
            fingerprint=source.fingerprint(),
            n_images=source.n_images,
            plan=plan,
            search=search,
            storage=storage,
            simd_level=self._common_simd_level(),
            keeps_images=self.keeps_images,
        )
        self.jobs.append(job.name)
        return Crew(self.client, source.n_images, self.account), job

    def naming_its_loss(self) -> AbstractContextManager[None]:
        """Have errors say that the scheduler is gone where that led to them."""
        return naming_a_lost_scheduler(self.client)

    def release(self) -> None:
        """Have the workers let go of all images of this run; those that are gone have."""
        from cl2d.cluster.held import forget  # noqa: PLC0415 - Dask is an extra

        for name in self.jobs if is_connected(self.client) else ():
            # Nobody wants an error of a cluster that is gone in place of what went wrong before.
            with contextlib.suppress(OSError, TimeoutError):
                self.client.run(forget, name, on_error="ignore")
        self.jobs.clear()

    def _common_simd_level(self) -> str:
        """Return the kernels of this process, or the fastest that every worker can run."""
        here = available_simd_levels()
        wanted = here[: here.index(simd_level()) + 1]
        everywhere = [set(levels) for levels in self.client.run(available_simd_levels).values()]
        return [name for name in wanted if all(name in levels for levels in everywhere)][-1]


@contextlib.contextmanager
def held_by(
    client: Client | None, particles: Particles, options: ClassifyOptions
) -> Iterator[OnCluster | None]:
    """Let the workers of a cluster, if there is one, hold the images of a run in the body.

    Raises
    ------
    InputError
        As :meth:`OnCluster.of`.
    """
    if client is None:
        yield None
        return
    there = OnCluster.of(client, particles, options)
    try:
        yield there
    finally:
        there.release()


def opened_again(
    particles: str,
    folder: str,
    ctf: CtfCorrection,
    rows: npt.NDArray[np.intp] | None,
) -> ParticleSource:
    """Open the particles of a run on a worker, corrected as they are in its process.

    Parameters
    ----------
    particles : str
    folder : str
        Working directory of the run, where this machine has it.
    ctf : "none", "flip" or "full"
    rows : (n,) intp, ascending, optional

    Raises
    ------
    InputError
        If they are not found, naming the machine.
    """
    from cl2d.cluster.held import worker_threads  # noqa: PLC0415 - Dask is an extra

    there = contextlib.chdir(folder) if Path(folder).is_dir() else contextlib.nullcontext()
    try:
        with there:
            source = with_correction(open_particles(particles), ctf, worker_threads())
    except InputError as error:
        message = f"every worker must find the particles, but on {os.uname().nodename}: {error}"
        raise InputError(message) from None
    return source if rows is None else subset_of(source, rows)


def _machine_and_memory() -> tuple[str, int | None]:
    return os.uname().nodename, available_memory_bytes()
