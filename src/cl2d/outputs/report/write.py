"""Write report.html of a run, and its gallery, from the files of its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl2d.io import atomic_path
from cl2d.outputs.folder import GALLERY, REPORT
from cl2d.outputs.gallery import Gallery, write_gallery
from cl2d.outputs.report.contents import contents
from cl2d.outputs.report.page import html
from cl2d.outputs.report.run_files import RunFiles
from cl2d.outputs.saved_run import read_run_record

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.io import ParticleSource
    from cl2d.outputs.saved_run import SavedRun


def write_report(
    folder: Path, record: dict[str, Any], source: ParticleSource | None, missing: str = ""
) -> Path:
    """Write the page of a run whose other files are written.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    record : dict
        What run.json says or will say; that file is written after the page.
    source : ParticleSource or None
        The particles; without them the page has no pictures of members.
    missing : str
        Why there are no particles, which the page tells.

    Returns
    -------
    Path
        The page.
    """
    text = html(contents(RunFiles(folder, record), source, missing))
    path = folder / REPORT
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def remake_pictures(
    folder: Path, record: dict[str, Any], source: ParticleSource | None, missing: str = ""
) -> Path:
    """Write report.html and gallery.png of a finished run anew and return the former.

    Parameters are those of :func:`write_report`.
    """
    files = RunFiles(folder, record)
    averages = files.averages()
    if averages is not None:
        gallery = Gallery(
            averages=averages,
            members=files.numbers("cl2dMembers").astype("int64"),
            pixel_size_angstrom=files.pixel_size_angstrom,
            mask_radius_px=files.mask_radius_px,
            n_in_no_class=int(record["levels"][-1]["n_in_no_class"]),
        )
        write_gallery(folder / GALLERY, gallery)
    return write_report(folder, record, source, missing)


def renew_report(saved: SavedRun, source: ParticleSource | None, missing: str = "") -> None:
    """Make the page of a run anew after other files have changed, if the run was to have one.

    Parameters
    ----------
    saved : SavedRun, as before the change
    source, missing : as for :func:`write_report`
    """
    if saved.options.output.report:
        remake_pictures(saved.folder, read_run_record(saved.folder), source, missing)
