"""The ceiling of a classification: every image assigned to the true clean views.

What is lost against the engine's own assignment is lost in clustering. The search on the Cartesian
grid, slow and plain, shares only the band and the noise spectrum with the engine: what the engine
loses against it is lost in alignment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage

from cl2d.engine import ClassicalRule, LocalEngine, SearchSettings, normalised_references
from cl2d.engine.ingest import ingest
from cl2d.io import array_source
from cl2d.options import PreprocessOptions, RunOptions
from cl2d.preprocess import plan_preprocessing
from cl2d.results import Poses, identity_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.preprocess import PreprocessPlan

    Spectra = npt.NDArray[np.complex64]

STEP_DEG = 5.0
LARGEST_SHIFT = 0.1  # of the box, as the engine searches by default
BLOCK_IMAGES = 256


@dataclass(frozen=True)
class Band:
    """The part of a half-plane transform that is compared, and the weight of each coefficient."""

    box_px: int
    side: int  # of the transform back: correlations come at steps of box / side pixels
    root_weight: npt.NDArray[np.float32]

    def spectra(self, images: npt.NDArray[np.float32], workers: int) -> Spectra:
        """Return the whitened transforms of images within the band, (n, side, side // 2 + 1)."""
        whole = fft.rfft2(images, workers=workers)[:, :, : self.side // 2 + 1]
        rows = np.rint(fft.fftfreq(self.side) * self.side).astype(int)
        kept: Spectra = whole[:, rows] * self.root_weight
        return kept

    def shifts_px(self) -> npt.NDArray[np.float64]:
        """Return the displacement along one axis of each line of a correlation map."""
        steps: npt.NDArray[np.float64] = fft.fftfreq(self.side) * self.box_px
        return steps


def oracle_labels(
    source: ParticleSource, views: npt.NDArray[np.float32], threads: int | None
) -> tuple[npt.NDArray[np.int32], Poses]:
    """Return the view the engine gives each image (n,) and its pose, the views given as classes."""
    n_threads = RunOptions(threads=threads).n_threads()
    plan = plan_preprocessing(source, PreprocessOptions())
    search = SearchSettings(max_shift_px=LARGEST_SHIFT * plan.box_px)

    def engine_of(images: ParticleSource) -> LocalEngine:
        read = ingest(images, plan, n_threads)
        scale = plan.box_px / plan.working_box_px
        return LocalEngine(read.blocks, read.flags == 0, search, scale, n_threads)

    labels = np.arange(len(views), dtype=np.int32)
    clean = engine_of(array_source(views)).update(labels, identity_poses(len(views)), len(views))
    found = engine_of(source).assign(normalised_references(clean.sums), ClassicalRule())
    return found.labels, found.poses


def cartesian_labels(
    source: ParticleSource, views: npt.NDArray[np.float32], threads: int | None
) -> tuple[npt.NDArray[np.int32], Poses]:
    """Return the best view of each image (n,) and its pose, by exhaustive search."""
    workers = RunOptions(threads=threads).n_threads()
    band = band_of(plan_preprocessing(source, PreprocessOptions()))
    psi = np.radians(np.arange(0.0, 360.0, STEP_DEG))
    n_images, blocks = source.n_images, range(0, source.n_images, BLOCK_IMAGES)
    best = [
        best_templates(
            band, source.read(start, min(start + BLOCK_IMAGES, n_images)), views, psi, workers
        )
        for start in blocks
    ]
    view, mirror, turn, shift = (np.concatenate(parts) for parts in zip(*best, strict=True))
    cos, sin = np.cos(psi[turn]), np.sin(psi[turn])
    x = cos * shift[:, 0] - sin * shift[:, 1]
    y = sin * shift[:, 0] + cos * shift[:, 1]
    shift_px = np.stack([np.where(mirror, -x, x), y], axis=1)
    return view.astype(np.int32), Poses(psi[turn], shift_px, mirror.astype(bool))


def band_of(plan: PreprocessPlan) -> Band:
    """Return the plan's band with coefficients weighted to equal noise."""
    side = 2 * (plan.k_max + 1)
    along_y, along_x = np.meshgrid(
        fft.fftfreq(side) * side, np.arange(side // 2 + 1), indexing="ij"
    )
    ring = np.rint(np.hypot(along_y, along_x)).astype(int)
    inside = (ring >= plan.k_min) & (ring <= plan.k_max)
    power = plan.noise_power[np.where(inside, ring, plan.k_min)]
    return Band(plan.box_px, side, np.where(inside, 1.0 / np.sqrt(power), 0.0).astype(np.float32))


def best_templates(
    band: Band,
    images: npt.NDArray[np.float32],
    views: npt.NDArray[np.float32],
    psi_rad: npt.NDArray[np.float64],
    workers: int,
) -> tuple[npt.NDArray[np.generic], ...]:
    """Return view, mirror, index of the turn and shift (x, y) of the best match of each image."""
    spectra = band.spectra(images, workers)
    near = np.abs(band.shifts_px()) <= LARGEST_SHIFT * band.box_px
    score = np.full(len(images), -np.inf, dtype=np.float32)
    view, mirror, turn, peak = (np.zeros(len(images), dtype=np.intp) for _ in range(4))
    for index, image in enumerate(views):
        for side in (False, True):
            templates = band.spectra(turned_views(image, psi_rad, mirror=side), workers)
            templates /= np.sqrt((np.abs(templates) ** 2).sum(axis=(1, 2), keepdims=True))
            for step, template in enumerate(templates.conj()):
                maps = fft.irfft2(spectra * template, workers=workers)[:, near][:, :, near]
                flat = maps.reshape(len(images), -1)
                place = flat.argmax(axis=1)
                value = flat[np.arange(len(images)), place]
                better = value > score
                score[better] = value[better]
                view[better], mirror[better], turn[better] = index, side, step
                peak[better] = place[better]
    steps = band.shifts_px()[near]
    row, column = np.divmod(peak, len(steps))
    return view, mirror, turn, np.stack([steps[column], steps[row]], axis=1)


def turned_views(
    view: npt.NDArray[np.float32], psi_rad: npt.NDArray[np.float64], *, mirror: bool
) -> npt.NDArray[np.float32]:
    """Return particles of a view at each angle: value at x is the view's at F R(psi) x."""
    middle = np.full(2, view.shape[0] // 2)
    turned = np.empty((len(psi_rad), *view.shape), dtype=np.float32)
    coefficients = ndimage.spline_filter(view.astype(np.float64))
    for image, psi in zip(turned, psi_rad, strict=True):
        cos, sin = np.cos(psi), np.sin(psi)
        # Rows and columns of the matrix in array order: y first.
        matrix = np.array([[cos, sin], [-sin, cos]])
        if mirror:
            matrix[1] *= -1.0
        offset = middle - matrix @ middle
        ndimage.affine_transform(coefficients, matrix, offset, output=image, prefilter=False)
    return turned
