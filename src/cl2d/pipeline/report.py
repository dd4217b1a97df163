"""Make the page of a finished run anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl2d.errors import InputError
from cl2d.options import RunOptions
from cl2d.outputs.report import remake_pictures
from cl2d.outputs.run_lock import locked_folder
from cl2d.outputs.saved_run import load_run
from cl2d.pipeline.evaluation import source_of_run

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from cl2d.io import ParticleSource
    from cl2d.outputs.saved_run import SavedRun
    from cl2d.pipeline.inputs import Particles


def report(
    run: str | os.PathLike[str],
    *,
    particles: Particles | None = None,
    threads: int | None = None,
) -> Path:
    """Write report.html and gallery.png of a finished run anew, from its files.

    Parameters
    ----------
    run : path
        Output folder of the run.
    particles : path, (n, y, x) array or ParticleSource, optional
        The particles of the run, where they are not found under the name it knew them by. A few
        members of each class are read and shown; where they are not found, the page says so.
    threads : int, optional

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If the run is not finished, or the particles given are not those it was made from.

    Examples
    --------
    >>> import cl2d
    >>> page = cl2d.report("out")  # doctest: +SKIP
    """
    saved = load_run(run)
    n_threads = RunOptions(threads=threads).n_threads()
    if particles is not None:
        source = source_of_run(saved, particles, n_threads)
        return _remade(saved, source)
    try:
        source = source_of_run(saved, None, n_threads)
    except (InputError, OSError) as error:
        return _remade(saved, None, str(error))
    return _remade(saved, source)


def _remade(saved: SavedRun, source: ParticleSource | None, missing: str = "") -> Path:
    with locked_folder(saved.folder):
        return remake_pictures(saved.folder, saved.record, source, missing)
