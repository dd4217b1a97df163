"""Going on with an interrupted run: what must be as it was, and what may have changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.engine import simd_level
from cl2d.errors import InputError, InputFileError
from cl2d.events import RunResumed
from cl2d.levels.bookmark import Place
from cl2d.options import ClassifyOptions, python_name
from cl2d.options.flat import STAGES
from cl2d.outputs.checkpoint import CheckpointFolder, RunFacts
from cl2d.outputs.run_record import versions
from cl2d.outputs.saved_run import read_run_record

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from cl2d.io import ParticleSource
    from cl2d.outputs.checkpoint import Checkpoint
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import RunMemory, StorageKind

FREE_STAGES = ("cores", "output", "run", "cluster")
"""Stages whose options may change: they come after the levels, or change nothing but the time."""

_PRECISIONS: dict[str, tuple[StorageKind, ...]] = {
    "single": ("single",),
    "half": ("half", "scratch"),
    "scratch": ("half", "scratch"),
}


class CompleteRunError(InputError):
    """A run to be gone on with that is complete."""


class OtherRunError(InputError):
    """A checkpoint of a run that differs from the one that is to go on."""


class UnfinishedFolder:
    """The output folder of a run that was cut off, and the checkpoint to go on from.

    Attributes
    ----------
    checkpoint : Checkpoint or None
        None where the run had not come so far: it begins anew.
    """

    def __init__(self, folder: Path, checkpoint: Checkpoint | None) -> None:
        self.folder = folder
        self.checkpoint = checkpoint

    @property
    def place(self) -> Place:
        """Where the levels go on: at the beginning, without a checkpoint."""
        return Place() if self.checkpoint is None else self.checkpoint.state.place

    def check_options(self, options: ClassifyOptions) -> None:
        """Refuse options and a version that are not those of the checkpoint.

        Raises
        ------
        OtherRunError
        """
        if self.checkpoint is None:
            return
        facts = self.checkpoint.facts
        version = versions()["cl2d"]
        if facts.version != version:
            self._refuse(f"it is of cl2d {facts.version}, and this is {version}")
        differences = option_differences(facts.options, options)
        if differences:
            self._refuse(f"the run began with other options: {'; '.join(differences)}")

    def check_plan(self, source: ParticleSource, plan: PreprocessPlan) -> None:
        """Refuse particles that are others, or from which other things were decided.

        Raises
        ------
        OtherRunError
        """
        if self.checkpoint is None:
            return
        if source.fingerprint() != self.checkpoint.facts.fingerprint:
            self._refuse(f"the particles of {source.name} are others")
        for field in dataclasses.fields(plan):
            before = getattr(self.checkpoint.state.plan, field.name)
            if not np.array_equal(getattr(plan, field.name), before):
                self._refuse(f"the images now give another {field.name}: some have changed")

    def check_images(self, images_sha256: str) -> None:
        """Refuse images that are not those of the beginning.

        Raises
        ------
        OtherRunError
        """
        if self.checkpoint is not None and self.checkpoint.facts.images_sha256 != images_sha256:
            self._refuse("some images have changed since the run began")

    def storages(self) -> tuple[StorageKind, ...] | None:
        """Return the storages of the precision that the run began with; None for any."""
        return None if self.checkpoint is None else _PRECISIONS[self.checkpoint.facts.storage]

    def remarks(self) -> list[str]:
        """Return what the user should know: whether the last bits may differ."""
        if self.checkpoint is None:
            return [f"{self.folder} has no checkpoint yet: the run begins anew"]
        began, now = self.checkpoint.facts.simd_level, simd_level()
        if began == now or "baseline" not in (began, now):  # those with wide vectors agree
            return []
        return [
            f"the run began on a processor with {began} instructions, this one has {now}: "
            "results may differ in their last bits from those of a run without a break"
        ]

    def event(self) -> RunResumed | None:
        """Return what is told of the run that goes on; None if it begins anew."""
        if self.checkpoint is None:
            return None
        path, written_at = str(self.checkpoint.path), self.checkpoint.written_at
        return RunResumed(path, written_at, len(self.place.levels), self.place.n_iterations)

    def _refuse(self, why: str) -> None:
        assert self.checkpoint is not None
        message = (
            f"{self.checkpoint.path} must be of the same run to go on with it, but {why}; "
            "--overwrite (overwrite=True) without --resume begins anew"
        )
        raise OtherRunError(message)


def run_facts(
    source: ParticleSource, options: ClassifyOptions, memory: RunMemory, images_sha256: str
) -> RunFacts:
    """Return what a run that goes on with this one must have in common with it."""
    return RunFacts(
        version=str(versions()["cl2d"]),
        fingerprint=source.fingerprint(),
        options=options.model_dump(mode="json"),
        storage=memory.storage,
        simd_level=simd_level(),
        images_sha256=images_sha256,
    )


def unfinished_run(
    out: str | os.PathLike[str], warn: Callable[[str], None]
) -> UnfinishedFolder | None:
    """Return the run in a folder that was cut off; None if there is none, and one may begin.

    Parameters
    ----------
    out : path
    warn : callable
        Gets a sentence for each checkpoint that cannot be used.

    Raises
    ------
    CompleteRunError
        If the run is complete.
    InputFileError
        If there are checkpoints, none of which can be used.
    """
    folder = Path(out)
    record = _record(folder)
    if record.get("status") in ("complete", "renewing"):  # whoever renews it has to do it again
        message = f"the run in {folder} must be unfinished to go on with it, but it is complete"
        raise CompleteRunError(message)
    checkpoint, complaints = CheckpointFolder(folder).newest()
    if checkpoint is None and complaints:
        message = (
            f"{'; '.join(complaints)}; --overwrite (overwrite=True) without --resume begins anew"
        )
        raise InputFileError(message)
    for complaint in complaints:
        warn(f"{complaint}; the one before is used")
    if checkpoint is None and not record:
        return None
    return UnfinishedFolder(folder, checkpoint)


def _record(folder: Path) -> dict[str, Any]:
    """Return the record in a folder, empty if there is none that can be read."""
    try:
        return read_run_record(folder)
    except InputFileError:
        return {}


def option_differences(before: dict[str, Any], options: ClassifyOptions) -> list[str]:
    """Return, in words, which options that matter are not as they were."""
    now = options.model_dump(mode="json")
    found = []
    for stage, model in STAGES.items():
        if stage in FREE_STAGES:
            continue
        old = before.get(stage, {})
        for name in model.model_fields:
            if old.get(name) != now[stage][name]:
                shown = python_name(model, name)
                found.append(f"{shown} was {old.get(name)!r} and is {now[stage][name]!r} now")
    return found
