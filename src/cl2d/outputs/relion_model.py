"""The model.star and optimiser.star of a RELION job: its classes, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

from cl2d.io import StarBlock
from cl2d.outputs.evaluation import UNKNOWN_RESOLUTION_ANGSTROM
from cl2d.outputs.relion_data import GROUP_NUMBER, group_names
from cl2d.preprocess.spectrum import RingAverage

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.evaluate import LevelEvaluation
    from cl2d.io import ParticleTable
    from cl2d.outputs.relion_classes import RelionClasses
    from cl2d.preprocess import PreprocessPlan

    Floats = npt.NDArray[np.float64]

UNKNOWN_ACCURACY = 999.0
"""What RELION writes for accuracies that it has not estimated."""
ITERATION = 25


@dataclass(frozen=True, eq=False)
class RelionModel:
    """What model.star tells.

    Attributes
    ----------
    classes : RelionClasses
    averages : (n_classes, box, box) float32, of these classes
    stack_name : what RELION, in its project directory, calls the stack of the averages
    plan : PreprocessPlan
    evaluation : LevelEvaluation of the classes of the run, None if there is none
    offset_sd_px : standard deviation of the origins in either direction
    mean_confidence : of the members of all classes
    """

    classes: RelionClasses
    averages: npt.NDArray[np.float32]
    stack_name: str
    plan: PreprocessPlan
    evaluation: LevelEvaluation | None
    offset_sd_px: float
    mean_confidence: float

    @property
    def pixel_size_angstrom(self) -> float:
        """Pixel size; 1 if it is not known, as the table of optics groups says then."""
        return self.plan.pixel_size_angstrom or 1.0

    def resolution_angstrom(self) -> Floats:
        """Return the resolution of each class; 999 if not known."""
        unknown = np.full(self.classes.n_classes, UNKNOWN_RESOLUTION_ANGSTROM)
        if self.evaluation is None:
            return unknown
        crossing = self.evaluation.crossing_per_px[self.classes.parent, 0]
        found: Floats = np.divide(
            self.pixel_size_angstrom, crossing, out=unknown, where=np.nan_to_num(crossing) > 0
        )
        return found

    def curves(self) -> tuple[Floats, Floats]:
        """Return FRC and SSNR of each class, (n_classes, n_rings); 0 where not measured."""
        if self.evaluation is None:
            nothing = np.zeros((self.classes.n_classes, self.averages.shape[-1] // 2 + 1))
            return nothing, nothing
        parent = self.classes.parent
        frc, ssnr = self.evaluation.frc[parent], self.evaluation.ssnr[parent]
        return np.nan_to_num(frc), np.nan_to_num(ssnr)


def model_blocks(model: RelionModel, data: ParticleTable) -> dict[str, StarBlock]:
    """Return the tables of a model.star.

    Parameters
    ----------
    model : RelionModel
    data : ParticleTable
        The particles as in data.star, with group numbers and optics groups.
    """
    groups = _groups(data)
    n_optics = data.optics.n_rows if data.optics is not None else 1
    blocks = {
        "model_general": StarBlock(_general(model, groups.n_rows, n_optics), is_loop=False),
        "model_classes": StarBlock(_classes(model)),
    }
    rings = _ring_columns(model)
    frc, ssnr = model.curves()
    power = _power(model.averages)
    for k in range(model.classes.n_classes):
        columns = {
            "rlnSsnrMap": ssnr[k],
            "rlnGoldStandardFsc": frc[k],
            "rlnFourierCompleteness": np.ones(len(frc[k])),
            # The power of an average is that of signal and noise, of which RELION has one half
            # in each of the real and imaginary parts.
            "rlnReferenceSigma2": power[k] / (1 + ssnr[k]) / 2,
            "rlnReferenceTau2": power[k] * ssnr[k] / (1 + ssnr[k]) / 2,
        }
        blocks[f"model_class_{k + 1}"] = StarBlock(rings | columns)
    blocks["model_groups"] = groups
    noise = StarBlock({**_two_columns(rings), "rlnSigma2Noise": _noise(model)})
    blocks |= {f"model_optics_group_{i + 1}": noise for i in range(n_optics)}
    return blocks


def optimiser_blocks(root: str, plan: PreprocessPlan, *, flipped: bool) -> dict[str, StarBlock]:
    """Return the table of an optimiser.star, from which RELION 4 and 5 find all other files.

    Parameters
    ----------
    root : str
        What the names of the job's files begin with, from RELION's project directory.
    plan : PreprocessPlan
    flipped : bool
        Whether the phases of the particles were flipped before they were given to cl2d.
    """
    pixels = plan.mask_radius_px * plan.box_px / plan.working_box_px
    values: dict[str, Any] = {
        "rlnOutputRootName": root.removesuffix(f"_it{ITERATION:03d}"),
        "rlnModelStarFile": f"{root}_model.star",
        "rlnExperimentalDataStarFile": f"{root}_data.star",
        "rlnOrientSamplingStarFile": "None",
        "rlnCurrentIteration": ITERATION,
        "rlnNumberOfIterations": ITERATION,
        "rlnParticleDiameter": 2 * pixels * (plan.pixel_size_angstrom or 1.0),
        # RELION's class ranker leaves at once unless this is 1.
        "rlnDoCorrectCtf": 1,
        "rlnDoIgnoreCtfUntilFirstPeak": 0,
        "rlnCtfDataArePhaseFlipped": int(flipped),
        "rlnDoOnlyFlipCtfPhases": int(plan.ctf == "flip"),
    }
    return {"optimiser_general": StarBlock(_single(values), is_loop=False)}


def _single(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [value] if isinstance(value, str) else np.array([value])
        for name, value in values.items()
    }


def _general(model: RelionModel, n_groups: int, n_optics: int) -> dict[str, Any]:
    box = model.averages.shape[-1]
    known = model.resolution_angstrom()
    return _single(
        {
            "rlnReferenceDimensionality": 2,
            "rlnDataDimensionality": 2,
            "rlnOriginalImageSize": box,
            "rlnCurrentResolution": float(known.min()),
            "rlnCurrentImageSize": min(2 * (model.plan.k_max + 1), box - box % 2),
            "rlnPaddingFactor": 2.0,
            "rlnIsHelix": 0,
            "rlnFourierSpaceInterpolator": 1,
            "rlnMinRadiusNnInterpolation": 10,
            "rlnPixelSize": model.pixel_size_angstrom,
            "rlnNrClasses": model.classes.n_classes,
            "rlnNrBodies": 1,
            "rlnNrGroups": n_groups,
            "rlnNrOpticsGroups": n_optics,
            "rlnTau2FudgeFactor": 1.0,
            "rlnNormCorrectionAverage": 1.0,
            "rlnSigmaOffsetsAngst": max(model.offset_sd_px, 0.1) * model.pixel_size_angstrom,
            "rlnOrientationalPriorMode": 0,
            "rlnSigmaPriorRotAngle": 0.0,
            "rlnSigmaPriorTiltAngle": 0.0,
            "rlnSigmaPriorPsiAngle": 0.0,
            "rlnLogLikelihood": 0.0,
            "rlnAveragePmax": model.mean_confidence,
        }
    )


def _classes(model: RelionModel) -> dict[str, Any]:
    members = model.classes.members()
    zeros = np.zeros(len(members))
    columns = {
        "rlnReferenceImage": [f"{k + 1:06d}@{model.stack_name}" for k in range(len(members))],
        "rlnClassDistribution": members / max(int(members.sum()), 1),
        "rlnAccuracyRotations": zeros + UNKNOWN_ACCURACY,
        "rlnAccuracyTranslationsAngst": zeros + UNKNOWN_ACCURACY,
        "rlnEstimatedResolution": model.resolution_angstrom(),
        "rlnOverallFourierCompleteness": zeros + 1,
        "rlnClassPriorOffsetX": zeros,
        "rlnClassPriorOffsetY": zeros,
        "cl2dClassNumber": model.classes.parent + 1,
        "cl2dIsMirrored": model.classes.is_mirrored.astype(np.int32),
        "cl2dMembers": members,
    }
    if model.evaluation is not None:
        columns["cl2dQuality"] = model.evaluation.quality[model.classes.parent]
    return columns


def _ring_columns(model: RelionModel) -> dict[str, Any]:
    box, pixel_size = model.averages.shape[-1], model.pixel_size_angstrom
    rings = np.arange(box // 2 + 1)
    lengths = np.full(len(rings), UNKNOWN_RESOLUTION_ANGSTROM)
    lengths[1:] = box * pixel_size / rings[1:]
    return {
        "rlnSpectralIndex": rings,
        "rlnResolution": rings / (box * pixel_size),
        "rlnAngstromResolution": lengths,
    }


def _two_columns(rings: dict[str, Any]) -> dict[str, Any]:
    return {name: rings[name] for name in ("rlnSpectralIndex", "rlnResolution")}


def _power(averages: npt.NDArray[np.float32]) -> Floats:
    """Return the mean power by ring of each average, scaled as RELION's transforms are."""
    box = averages.shape[-1]
    rings = RingAverage(box, box // 2 + 1)
    scale = 1.0 / box**4
    return np.stack([scale * rings(np.square(np.abs(fft.rfft2(image))))[:-1] for image in averages])


def _noise(model: RelionModel) -> Floats:
    """Return the variance of the noise of normalised images in each part of RELION's transforms."""
    box, measured = model.averages.shape[-1], model.plan.noise_power
    rings = np.minimum(np.arange(box // 2 + 1), len(measured) - 1)
    variance: Floats = measured[rings] / (2.0 * box**2)
    return variance


def _groups(data: ParticleTable) -> StarBlock:
    numbers = data.numbers(GROUP_NUMBER).astype(np.int64)
    _, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    names = group_names(data)[first]
    return StarBlock(
        {
            "rlnGroupNumber": np.arange(1, len(names) + 1),
            "rlnGroupName": names,
            "rlnGroupNrParticles": counts,
            "rlnGroupScaleCorrection": np.ones(len(names)),
        }
    )
