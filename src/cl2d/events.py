"""What a running classification reports, step by step, to whoever shows or records it.

A function that takes long accepts ``on_event`` and calls it with these records; each iteration
also sends :class:`cl2d.results.IterationReport`. All fields are plain Python values, so that a
record can be written as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunPlanned:
    """What the run is about to do, before anything is computed.

    ``memory_bytes`` is the estimated peak of the whole run; ``n_shifts`` the number of positions
    in the search disc of radius ``max_shift_px`` (pixels of the input). With ``automatic_classes``
    the number of classes is found, and ``n_classes`` is what it may be at most. ``ctf``
    is "flip" if phases are flipped, "full" if averages are corrected for the amplitudes, too.
    ``storage`` ("single", "half" or "scratch", which is half in a file) keeps ``bytes_per_image``
    for each image, and ``memory_limit_bytes`` is what the run may take, None if not known.
    """

    n_images: int
    box_px: int
    pixel_size_angstrom: float | None
    working_box_px: int
    resolution_angstrom: float | None
    n_classes: int
    n_shifts: int
    max_shift_px: float
    memory_bytes: int
    threads: int
    simd_level: str
    warnings: tuple[str, ...] = ()
    automatic_classes: bool = False
    ctf: str = "none"
    storage: str = "single"
    bytes_per_image: int = 0
    memory_limit_bytes: int | None = None


@dataclass(frozen=True)
class JobsSubmitted:
    """So many jobs are about to be submitted, each by ``script``; one that runs is a worker."""

    n_jobs: int
    script: str


@dataclass(frozen=True)
class ClusterJoined:
    """The run has workers, with so many threads together, and those to come.

    ``dashboard`` is the address of a page that shows them at work; empty without one.
    """

    dashboard: str
    n_workers: int
    threads: int


@dataclass(frozen=True)
class RunWarned:
    """Something the user should know came up while the run goes on."""

    message: str


@dataclass(frozen=True)
class PhaseStarted:
    """A phase (reading, averaging, writing) begins; ``total`` steps, None if not known."""

    name: str
    total: int | None = None


@dataclass(frozen=True)
class PhaseProgress:
    """``done`` of ``total`` steps of a phase are behind."""

    name: str
    done: int
    total: int | None = None


@dataclass(frozen=True)
class PhaseFinished:
    """A phase is over; it took ``seconds`` of wall time."""

    name: str
    seconds: float


@dataclass(frozen=True)
class LevelStarted:
    """A level begins with ``n_classes`` classes; levels count from 0."""

    level: int
    n_classes: int


@dataclass(frozen=True)
class IterationProgress:
    """``done`` of ``total`` images of an iteration are assigned; iterations count from 1."""

    level: int
    iteration: int
    done: int
    total: int


@dataclass(frozen=True)
class ClassesExchanged:
    """Pairs of like classes became one class each, and as many mixed classes two.

    ``exchange`` counts from 1 within a level; the iterations that follow carry its number.
    """

    level: int
    exchange: int
    n_pairs: int


@dataclass(frozen=True)
class ClassesAdjusted:
    """Classes that do not surely differ were joined in pairs, and mixed ones cut in two.

    Sent where the number of classes is found automatically; counts as ``ClassesExchanged`` does.
    """

    level: int
    exchange: int
    n_joined: int
    n_cut: int


@dataclass(frozen=True)
class ExchangeEnded:
    """The iterations after an exchange are over; ``kept`` if the images then fitted better."""

    level: int
    exchange: int
    kept: bool


@dataclass(frozen=True)
class LevelFinished:
    """A level is over; ``class_sizes[k]`` images are in class k."""

    level: int
    n_classes: int
    class_sizes: tuple[int, ...]


@dataclass(frozen=True)
class RunResumed:
    """The run goes on from a checkpoint of ``written_at``, with so many levels finished."""

    checkpoint: str
    written_at: str
    n_levels: int
    n_iterations: int


@dataclass(frozen=True)
class CheckpointWritten:
    """Everything up to here is kept in a file, from which another process can go on."""

    path: str


@dataclass(frozen=True)
class RunFinished:
    """The run is over and its files are written; wall and processor time of the whole."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class PortionTaken:
    """A look found ``n_images`` new particles, of which there are ``n_total`` now."""

    portion: int
    n_images: int
    n_total: int


@dataclass(frozen=True)
class PortionAssigned:
    """New particles joined the classes of a run; ``n_poor`` fit theirs poorly."""

    portion: int
    run: int
    n_images: int
    n_poor: int


@dataclass(frozen=True)
class ClusteringDue:
    """All ``n_images`` particles so far are clustered, for a ``reason``."""

    run: int
    n_images: int
    reason: str


def ignore_event(_event: object) -> None:
    """Listen to nothing: takes the place of ``on_event`` where nobody asked to be told."""
