"""Whether the particles' contrast transfer is corrected, and the source that does it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputError
from cl2d.io.ctf_parameters import ctf_state, has_defocus, read_ctf_parameters
from cl2d.pipeline.ctf_evidence import phase_evidence
from cl2d.preprocess.ctf_source import phase_flipped
from cl2d.preprocess.ctf_weighted import CtfWeightedSource, SmoothRings

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.io.ctf_parameters import CtfParameters
    from cl2d.io.particle_table import ParticleTable
    from cl2d.options import ClassifyOptions
    from cl2d.preprocess.plan import CtfCorrection, PreprocessPlan

CLEAR_Z = 4.0
"""Standard errors beyond which the images tell whether their phases have been flipped."""

_DONE = {
    "flipped": "their table says that their phases are flipped",
    "premultiplied": "their table says that they are multiplied by their CTF",
    "corrected": "their table says that their CTF is corrected",
}


@dataclass(frozen=True)
class CorrectedParticles:
    """Particles as everything after this sees them, what was done to them, and remarks."""

    source: ParticleSource
    ctf: CtfCorrection
    warnings: tuple[str, ...] = ()

    def noted_in(self, plan: PreprocessPlan) -> PreprocessPlan:
        """Return a plan made from these particles that says what was done to them."""
        return replace(plan, ctf=self.ctf, warnings=(*self.warnings, *plan.warnings))


def corrected_particles(
    source: ParticleSource, options: ClassifyOptions, enabled: npt.NDArray[np.bool_]
) -> CorrectedParticles:
    """Correct the CTF of particles as asked for, or as they need it.

    Parameters
    ----------
    source : ParticleSource, as read
    options : ClassifyOptions
    enabled : (n,) bool, the particles that take part

    Raises
    ------
    InputError
        If a correction is asked for and the table lacks what it needs.
    """
    wish = options.preprocess.ctf
    if wish == "none" or (wish is None and not has_defocus(source.table)):
        return CorrectedParticles(source, "none")
    if wish is not None:
        return _corrected(source, wish, options.run.n_threads())
    try:
        return _flipped_if_needed(source, options, np.flatnonzero(enabled))
    except InputError as error:
        # Nobody asked for a correction: a table that does not allow for one is no error.
        return CorrectedParticles(source, "none", (f"the CTF is not corrected: {error}",))


def with_correction(source: ParticleSource, ctf: CtfCorrection, n_threads: int) -> ParticleSource:
    """Return particles corrected as those of an earlier run were.

    Raises
    ------
    InputError
        If their table lacks what it needs.
    """
    return source if ctf == "none" else _corrected(source, ctf, n_threads).source


def as_particles_show_them(
    averages: npt.NDArray[np.float32], source: ParticleSource
) -> npt.NDArray[np.float32]:
    """Return delivered averages as particles are to be compared with them.

    Averages that are corrected for the amplitudes of the CTF are seen through the root mean square
    CTF of the particles (its square, if the particles are multiplied by their CTF); others are
    returned as they are.
    """
    if not isinstance(source, CtfWeightedSource):
        return averages
    smooth = SmoothRings(source.box_px)
    transfer = smooth.between(source.shown_transfer)
    shown = [smooth.filtered(average, transfer, mean_factor=1.0) for average in averages]
    return np.array(shown, dtype=np.float32)


def _corrected(source: ParticleSource, ctf: CtfCorrection, n_threads: int) -> CorrectedParticles:
    return (_weighted if ctf == "full" else _flipped)(source, n_threads)


def _weighted(source: ParticleSource, n_threads: int) -> CorrectedParticles:
    table = _table_of_defoci(source)
    state = ctf_state(table)
    if state == "corrected":
        message = (
            f"the particles of {source.name} must be raw, phase-flipped or multiplied by their CTF "
            "for ctf full, but their table says that their CTF is corrected"
        )
        raise InputError(message)
    weighted = CtfWeightedSource(source, read_ctf_parameters(table), state, n_threads)
    return CorrectedParticles(weighted, "full")


def _flipped(source: ParticleSource, n_threads: int) -> CorrectedParticles:
    table = _table_of_defoci(source)
    state = ctf_state(table)
    if state != "raw":
        warning = f"the phases of {source.name} are left alone: {_DONE[state]}"
        return CorrectedParticles(source, "none", (warning,))
    flipping = phase_flipped(source, read_ctf_parameters(table), n_threads)
    return CorrectedParticles(flipping, "flip")


def _table_of_defoci(source: ParticleSource) -> ParticleTable:
    if source.table is None:
        message = f"{source.name} must come with a table of defoci to correct the CTF"
        raise InputError(message)
    return source.table


def _flipped_if_needed(
    source: ParticleSource, options: ClassifyOptions, rows: npt.NDArray[np.intp]
) -> CorrectedParticles:
    """Flip phases where the images show that nobody did; tables often do not say."""
    assert source.table is not None
    if ctf_state(source.table) != "raw" or source.pixel_size_angstrom is None:
        return CorrectedParticles(source, "none")
    ctf: CtfParameters = read_ctf_parameters(source.table)
    evidence = phase_evidence(source, ctf, options, rows)
    if evidence <= -CLEAR_Z:
        return CorrectedParticles(phase_flipped(source, ctf, options.run.n_threads()), "flip")
    if evidence >= CLEAR_Z:
        return CorrectedParticles(source, "none")
    warning = (
        f"{source.name} has defoci, but its images do not show whether their phases are flipped; "
        "they are taken as they are, give ctf flip if they are not"
    )
    return CorrectedParticles(source, "none", (warning,))
