"""What the page says of each phase: its formulas, and why it is not at the roofline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PhaseWords:
    """Formulas as in `speed_formulas`, and a sentence on what is left."""

    does: str
    flop: str
    bytes: str
    why: str


SYMBOLS = """B, w: input and working box; R rings of n angles, S = R n / 2 complex samples; C
coefficients of an image; K classes, T shifts; D(n) = 5 n log2 n, a complex transform; P = 8 C +
D(n), a *pair*: one image, reference and shift with all rotations and both mirrors; E = R D(n) /
2, the real transforms of all rings; M = 6 C + E + 6 S, an image turned and shifted; F = 16 w (w
+ 1) bytes, a padded transform."""

PHASES = {
    "read": PhaseWords(
        "pixels of a stack in the page cache to an array",
        "0",
        "8 B^2",
        """A copy; the pages of the new array are touched for the first time.""",
    ),
    "statistics": PhaseWords(
        "by which junk is told",
        "5 B^2",
        "4 B^2",
        """Sums of patches are made by the engine in one pass, in vectors of four; ranges and
        differences of neighbours by numpy.""",
    ),
    "prepare": PhaseWords(
        "normalise, mask, crop in Fourier space",
        "5 B^2 + B D(B)/2 + w/2 D(B) + w/2 D(w) + w D(w)/2",
        "4 B^2 + 4 w^2",
        """Scipy's transforms, of lines and then of columns, take the larger part; the engine's
        passes over the pixels (clipped mean and deviation of the background, scale, mask) the
        rest.""",
    ),
    "transform": PhaseWords(
        "transform of an image padded to twice its box",
        "2 w D(2 w)/2 + (w + 1) D(2 w)",
        "4 w^2 + F",
        """Scipy's transform; three quarters of the pixels are zeros that are written and
        transformed like others.""",
    ),
    "sample": PhaseWords(
        "polar samples by gridding, transforms of the rings",
        "168 S + E + 8 C",
        "F + 8 C",
        """Six rows of taps begin at another place for each sample, too short for wide vectors,
        and this loop is compiled for any x86-64.""",
    ),
    "search": PhaseWords(
        "all classes at all shifts",
        "K T P",
        "8 C + 8 K",
        """About half of the operations are those of the transform, mostly additions that cannot
        be fused with a multiplication; the maximum over angles and mirrors and the shifted
        references are not useful operations.""",
    ),
    "fast": PhaseWords(
        "the fast search with refinement, a twenty-fourth of the images searched everywhere",
        "(K + 4 T + K T / 24) P + 2 E + 6 S, and refine",
        "24 C + 8 K, and refine",
        """Every call makes the shifted references of all classes anew, for few images each;
        images that share a class do not fill whole tiles; and classes are ranked by numpy.""",
    ),
    "refine": PhaseWords(
        "score, slopes and curvatures at up to four poses on the way to the peak",
        "4 (M + 33 S)",
        "8 C + 8 S",
        """Most go on for fewer poses than four. References and their derivatives are copied into
        the lanes one by one, which is a sixth of the instructions; the transforms of the rings
        carry the zeros beyond the last order of each.""",
    ),
    "update": PhaseWords(
        "an image turned and added to the sum of its class",
        "M + 2 S",
        "8 C",
        """The transforms of the rings; and additions in double precision that pick one image out
        of a tile of 16.""",
    ),
    "component": PhaseWords(
        "members of a class turned, and their leading component",
        "M + 352 S",
        "8 C + 16 S",
        """At most eleven products of the members with only four vectors and back: each number
        that is loaded meets four multiply-adds. Copies of the members are made for it.""",
    ),
    "average": PhaseWords(
        "original pixels by quintic splines, added to the delivered average",
        "221 B^2",
        "4 B^2",
        """The prefilter is a recursion, and each pixel gathers its 36 taps from elsewhere: six
        loads and six multiply-adds, of which two lanes of eight are wasted.""",
    ),
}
