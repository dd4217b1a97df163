"""Images that are no good particle: what a picker brings along."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import scipy

from cl2d.simulate.truth import JUNK_KINDS

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

OFF_CENTRE = (0.32, 0.48)  # distance from the centre, of the box
NEIGHBOURS_APART = (0.25, 0.40)  # distance between the two of an aggregate, of the box
STRENGTH = (2.0, 4.0)  # standard deviation of ice and edges over that of a particle


@dataclass
class JunkDrawing:
    """What to draw for the junk of one block of images.

    ``rows``, ``rotations`` and ``shifts_px`` list copies of the molecule, several of which may go
    to one row; ``artefacts`` are images of unit particle contrast by row.
    """

    rows: list[int] = field(default_factory=list)
    rotations: list[FloatArray] = field(default_factory=list)
    shifts_px: list[FloatArray] = field(default_factory=list)
    artefacts: dict[int, FloatArray] = field(default_factory=dict)

    def add(
        self, row: int, kind: int, views: FloatArray | None, box_px: int, rng: np.random.Generator
    ) -> None:
        """Draw at random what shows in the junk image of one row."""
        name = JUNK_KINDS[kind]
        if name == "off_centre":
            self._add_copy(row, views, rng, box_px * rng.uniform(*OFF_CENTRE) * _direction(rng))
        elif name == "aggregate":
            middle = rng.normal(0.0, 0.03 * box_px, 2)
            half = 0.5 * box_px * rng.uniform(*NEIGHBOURS_APART) * _direction(rng)
            self._add_copy(row, views, rng, middle + half)
            self._add_copy(row, views, rng, middle - half)
        elif name in {"ice", "edge"}:
            image = _ice(box_px, rng) if name == "ice" else _edge(box_px, rng)
            image -= image.mean()
            self.artefacts[row] = image * (rng.uniform(*STRENGTH) / image.std())

    def _add_copy(
        self, row: int, views: FloatArray | None, rng: np.random.Generator, shift_px: FloatArray
    ) -> None:
        """Add the molecule in one of the views (any orientation if None), turned in plane."""
        if views is None:
            matrix = scipy.spatial.transform.Rotation.from_quat(rng.standard_normal(4)).as_matrix()
        else:
            turn = scipy.spatial.transform.Rotation.from_rotvec(
                [0.0, 0.0, rng.uniform(0.0, 2.0 * np.pi)]
            )
            matrix = turn.as_matrix() @ views[rng.integers(len(views))]
        self.rows.append(row)
        self.rotations.append(matrix)
        self.shifts_px.append(shift_px)


def _direction(rng: np.random.Generator) -> FloatArray:
    angle = rng.uniform(0.0, 2.0 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _positions(box_px: int) -> tuple[FloatArray, FloatArray]:
    """Return x and y of every pixel as fractions of the box, relative to its middle pixel."""
    line = (np.arange(box_px) - box_px // 2) / box_px
    return line[None, :], line[:, None]


def _ice(box_px: int, rng: np.random.Generator) -> FloatArray:
    """Return one to three compact flat-topped crystals."""
    x, y = _positions(box_px)
    image = np.zeros((box_px, box_px))
    for _ in range(rng.integers(1, 4)):
        centre_x, centre_y = rng.uniform(-0.35, 0.35, 2)
        size, stretch = rng.uniform(0.04, 0.12), rng.uniform(0.6, 1.6)
        distance = ((x - centre_x) / (size * stretch)) ** 2 + ((y - centre_y) / size) ** 2
        image += rng.uniform(1.0, 3.0) * np.exp(-(distance**2))
    return image


def _edge(box_px: int, rng: np.random.Generator) -> FloatArray:
    """Return a grainy half plane: carbon film that ends within the box."""
    x, y = _positions(box_px)
    across_x, across_y = _direction(rng)
    depth = x * across_x + y * across_y - rng.uniform(-0.25, 0.25)
    film = 1.0 / (1.0 + np.exp(-depth / 0.02))
    grain = scipy.ndimage.gaussian_filter(rng.standard_normal((box_px, box_px)), 1.5)
    image: FloatArray = film * (1.0 + 2.0 * grain)
    return image
