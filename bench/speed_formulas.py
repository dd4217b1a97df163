"""What the phases of a run have to compute and to move, by formula; and the roofline.

Operations are useful ones: multiplications and additions of real numbers that the method needs,
however they are carried out. Bytes are those that must come from memory or go there when
everything that fits into a cache stays in it: what each image brings and leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cl2d import _native

FLOAT, DOUBLE = 4, 8
REFINE_TURNS = 4
TAPS = 6
"""In each axis, of gridding and of quintic splines."""

COMPONENT_VECTORS, COMPONENT_ITERATIONS = 4, 11


@dataclass(frozen=True)
class Work:
    """Useful operations and compulsory bytes."""

    flop: float
    bytes: float

    def __add__(self, other: Work) -> Work:
        return Work(self.flop + other.flop, self.bytes + other.bytes)

    def bound(self, peak: Peak) -> Bound:
        """Return the least time by the roofline, and which of the two sets it."""
        computing, moving = self.flop / peak.flop_per_s, self.bytes / peak.bytes_per_s
        return Bound(max(computing, moving), "memory" if moving > computing else "arithmetic")


@dataclass(frozen=True)
class Peak:
    """What one thread of the machine can do."""

    flop_per_s: float
    bytes_per_s: float


@dataclass(frozen=True)
class Bound:
    """Least time of some work, and what it is bound by."""

    seconds: float
    by: str


@dataclass(frozen=True)
class Sizes:
    """All that the formulas know of a run."""

    box_px: int
    working_box_px: int
    n_rings: int
    n_angles: int
    n_coefficients: int
    n_shifts: int

    @classmethod
    def of(cls, box_px: int, grid: _native.PolarGrid, n_shifts: int) -> Sizes:
        """Return the sizes of a grid."""
        return cls(box_px, grid.box_px, grid.n_rings, grid.n_angles, grid.n_coefficients, n_shifts)

    @property
    def n_samples(self) -> int:
        """Complex samples on the polar grid, half a circle of each ring."""
        return self.n_rings * self.n_angles // 2

    @property
    def image_bytes(self) -> int:
        """Memory of the coefficients of an image."""
        return 2 * FLOAT * self.n_coefficients

    @property
    def padded_bytes(self) -> int:
        """Memory of the padded transform of an image."""
        return 2 * FLOAT * 2 * self.working_box_px * (self.working_box_px + 1)

    @property
    def rings_flop(self) -> float:
        """Real transforms of all rings."""
        return self.n_rings * real_dft(self.n_angles)


def complex_dft(n: int) -> float:
    """Return the usual count of operations of a complex transform of n values."""
    return 5 * n * log2(n)


def real_dft(n: int) -> float:
    """Return the same of n real values."""
    return complex_dft(n) / 2


def pair_flop(n_coefficients: int, n_angles: int) -> float:
    """Return the useful operations for one image, reference and shift.

    Four multiply-adds a coefficient give the direct and the mirrored product; one complex
    transform gives both correlations for all angles.
    """
    return 8 * n_coefficients + complex_dft(n_angles)


def search(sizes: Sizes, n_classes: int) -> Work:
    """Every class at every shift; a score and a code for each class."""
    pairs = n_classes * sizes.n_shifts
    return Work(
        pairs * pair_flop(sizes.n_coefficients, sizes.n_angles),
        sizes.image_bytes + 2 * FLOAT * n_classes,
    )


def fast(sizes: Sizes, n_classes: int, pairs: float) -> Work:
    """Some pairs of class and shift for each image, moved to its last centre; and refinement."""
    moving = 2 * sizes.rings_flop + 6 * sizes.n_samples
    compared = Work(
        pairs * pair_flop(sizes.n_coefficients, sizes.n_angles) + moving,
        3 * sizes.image_bytes + 2 * FLOAT * n_classes,
    )
    return compared + refine(sizes)


def turning(sizes: Sizes) -> float:
    """Return the operations that bring coefficients to a pose, as samples."""
    return 6 * sizes.n_coefficients + sizes.rings_flop + 6 * sizes.n_samples


def refine(sizes: Sizes) -> Work:
    """Score, slopes and curvatures by turn and shift, at each pose on the way to the peak."""
    # Products with the reference 6, with its two derivatives 6 and 3, sums weighted by x and y.
    slopes = 33 * sizes.n_samples
    return Work(
        REFINE_TURNS * (turning(sizes) + slopes),
        sizes.image_bytes + 2 * FLOAT * sizes.n_samples,
    )


def update(sizes: Sizes) -> Work:
    """One turn, and an addition in double precision; the sums stay in the cache."""
    return Work(turning(sizes) + 2 * sizes.n_samples, sizes.image_bytes)


def component(sizes: Sizes) -> Work:
    """One turn, then products of the aligned members with a few vectors and back, repeatedly."""
    numbers = 2 * sizes.n_samples
    products = COMPONENT_ITERATIONS * 2 * COMPONENT_VECTORS * 2 * numbers
    return Work(turning(sizes) + products, sizes.image_bytes + 2 * FLOAT * numbers)


def read(sizes: Sizes) -> Work:
    """Nothing but a copy of the pixels out of the page cache."""
    return Work(0, 2 * FLOAT * sizes.box_px**2)


def statistics(sizes: Sizes) -> Work:
    """Mean, sums and sums of squares of patches: about five operations a pixel."""
    return Work(5 * sizes.box_px**2, FLOAT * sizes.box_px**2)


def prepare(sizes: Sizes) -> Work:
    """Normalisation and mask; a transform of the box, cropped, and back."""
    box, side = sizes.box_px, sizes.working_box_px
    forward = box * real_dft(box) + side / 2 * complex_dft(box)
    back = side / 2 * complex_dft(side) + side * real_dft(side)
    return Work(5 * box**2 + forward + back, FLOAT * (box**2 + side**2))


def transform(sizes: Sizes) -> Work:
    """A real transform of twice the working box."""
    side = 2 * sizes.working_box_px
    return Work(
        side * real_dft(side) + (side / 2 + 1) * complex_dft(side),
        FLOAT * sizes.working_box_px**2 + sizes.padded_bytes,
    )


def sample(sizes: Sizes) -> Work:
    """Six by six taps a sample, rows first; transforms of the rings; the norm."""
    taps = 4 * TAPS * (TAPS + 1)
    flop = sizes.n_samples * taps + sizes.rings_flop + 8 * sizes.n_coefficients
    return Work(flop, sizes.padded_bytes + sizes.image_bytes)


def average(sizes: Sizes) -> Work:
    """Quintic splines at the input box: prefilter, weights, taps and the sum.

    The prefilter takes two poles in two axes, there and back, two operations each. A weight is a
    polynomial of degree 5.
    """
    prefilter = 2 * 2 * 2 * 2
    weights = 2 * TAPS * 2 * 5
    taps = 2 * TAPS * (TAPS + 1)
    pixels = sizes.box_px**2
    return Work((prefilter + weights + taps + 1) * pixels, FLOAT * pixels)
