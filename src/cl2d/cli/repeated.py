"""What may keep a run from being that of the record it is made after."""

from __future__ import annotations

from pathlib import Path

import cl2d
from cl2d.cli.streams import say
from cl2d.options import ConfigFile


def tell_differences(job: ConfigFile, particles: Path) -> None:
    """Say what is not as it was in the run of a record; nothing for a file written by hand.

    Raises
    ------
    InputFileError
        If the particles cannot be read.
    """
    if job.version is not None and job.version != cl2d.__version__:
        say(
            f"warning: {job.path} was written by cl2d {job.version}, this is {cl2d.__version__}: "
            "results may differ"
        )
    if job.fingerprint is None:
        return
    if cl2d.open_particles(particles).fingerprint() != job.fingerprint:
        say(f"warning: {particles} does not hold the particles of {job.path}: results will differ")
