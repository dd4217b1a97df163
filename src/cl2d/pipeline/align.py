"""Align particles to one average: a classification into a single class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl2d.errors import InputError
from cl2d.pipeline.classify import classify

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from cl2d.pipeline.classification import Classification
    from cl2d.pipeline.inputs import Particles
    from cl2d.pipeline.starting_views import References

# With one class nobody changes class, so the number of iterations alone says when to stop, and
# there is one level, so nothing is stable through levels.
ONE_CLASS = {
    "n_classes": 1,
    "initial_classes": 1,
    "min_change_percent": 0.0,
    "stable_core": False,
}
MEANINGLESS = (
    *ONE_CLASS,
    "classes",
    "max_classes",
    "references",
    "min_class_percent",
    "allow_fewer",
    "clustering",
    "exchange",
    "similarity",
    "search",
    "tolerance",
    "analyze_rejected",
)
"""Options of a classification that say nothing about a single class."""


def align(
    particles: Particles,
    *,
    reference: References | None = None,
    output: str | os.PathLike[str] | None = None,
    pixel_size_angstrom: float | None = None,
    resume: bool = False,
    on_event: Callable[[object], None] | None = None,
    **options: object,
) -> Classification:
    """Align particles to each other, or to a reference, and average them.

    Parameters
    ----------
    particles : path, (n, y, x) array or ParticleSource
    reference : path, (1, y, x) array or ParticleSource, optional
        One image that the alignment starts from. Without it, it starts from the average of the
        particles as they lie. Either way every iteration aligns to the average of the one before.
    output : path, optional
        Folder for the files, those of a run with one class.
    pixel_size_angstrom : float, optional
        Pixel size of an array.
    resume : bool
        Go on with an interrupted run in ``output``, as :func:`cl2d.classify` does.
    on_event : callable, optional
    **options
        Those of :func:`cl2d.classify` that make sense for one class, such as ``iterations``,
        ``max_shift_px`` or ``threads``.

    Returns
    -------
    Classification
        With one class: ``averages[0]`` and ``poses``.

    Raises
    ------
    InputError
        If an option, the reference, the particles or the folder cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> import cl2d
    >>> images = np.random.default_rng(0).normal(size=(40, 32, 32))
    >>> cl2d.align(images, iterations=2).averages.shape
    (1, 32, 32)
    """
    for name in MEANINGLESS:
        if name in options:
            message = f"{name} must be left out: there is one class to align to"
            raise InputError(message)
    return classify(
        particles,
        output=output,
        pixel_size_angstrom=pixel_size_angstrom,
        references=reference,
        resume=resume,
        on_event=on_event,
        **{**options, **ONE_CLASS},  # type: ignore[arg-type]
    )
