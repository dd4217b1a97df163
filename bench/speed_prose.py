"""The words of docs/performance.md that no measurement changes."""

from __future__ import annotations

from dataclasses import dataclass

import speed_sections as titles


@dataclass(frozen=True)
class PageSection:
    """A heading, the command that measures, what to know, and the tables that follow."""

    heading: str
    command: str
    words: tuple[str, ...]
    titles: tuple[str, ...]


FIRST = """What a run costs, where the time goes and how far it is from what the machine could
do. This page is made by a program; nothing here is a promise. To make it on your own machine:"""

HOW_TO_READ = (
    """Columns are explained in [bench/README.md](../bench/README.md#speed-speedpy). Figures are
    medians of at least five repeats, but for whole runs, which are made once. What runs on one
    thread is processor time, which other jobs disturb through caches and clock rates; wall times
    mean something only where other jobs left the cores alone. `spread` is the interquartile
    range as a fraction of the median.""",
    """A grid is named by working box and last ring. 28/12 and 48/20 are usual for boxes of 64
    and 128 px, 64/28 for 256 px; 64/21 has a mask of 30 px, 21 rings and 128 angles.""",
)

ROOFLINE = (
    """One thread, microseconds an image. The peak is the rate of a large float32 matrix product
    by numpy (sgemm), the bandwidth that of a copy or a sum of vectors larger than any cache,
    both measured anew in turn with each phase. The least time by the roofline is operations /
    peak or bytes / bandwidth, whichever is longer, and that is what a phase is *bound by*;
    `share of roofline` is the least time as a fraction of the time taken.""",
    """Operations are those the method needs, whichever way they are made; bytes are those that
    an image brings from memory and leaves there when everything else stays in the cache. Sines,
    comparisons, conversions and copies count for nothing, so that 1 is out of reach for all but
    a matrix product.""",
    """The search is for 8 classes (4 with `--quick`), the fast search for 64, the others for
    classes of 64 images.""",
)

SECTIONS = (
    PageSection(
        "The search",
        "python bench/speed.py search",
        (
            """A pair is one image, reference and shift, with all rotations and both mirrors;
            shifts lie within 10 % of the box. Useful operations are 8 for each coefficient, four
            multiply-adds, and 5 n log2 n for a transform of n angles. sgemm runs with the widest
            vectors of the machine whatever the kernels, so that shares of narrower kernels
            compare two instruction sets; `cl2d_bench` holds each against multiply-adds of its
            own.""",
            """40 to 55 % of the useful operations are those of the transform, mostly additions
            that cannot be fused with a multiplication.""",
            """An assignment is the same search, cut into calls of about half a second, so that
            an interrupt is answered, and followed by the refinement. With few classes that
            weighs most; with many classes on large grids a call holds few images for the shifted
            references that it makes.""",
        ),
        (titles.SEARCH, titles.ASSIGNMENT),
    ),
    PageSection(
        "The fast search",
        "python bench/speed.py fast",
        (
            """`--search fast` ([architecture.md](architecture.md#the-fast-search)): a whole
            assignment of a block of noise images with refinement, and the same exhaustively for
            an eighth of them, in turn. A twenty-fourth of the images is doubted, as in a run.
            What is lost, and what a whole run gains, is in [experiments.md](experiments.md).""",
        ),
        (titles.FAST,),
    ),
    PageSection(
        "Other stages",
        "python bench/speed.py stages",
        (
            """Microseconds an image, one thread. Reading to sampling is done once, refinement
            and update once an iteration, the average once for each level.""",
        ),
        (titles.STAGES,),
    ),
    PageSection(
        "Two threads",
        "python bench/speed.py threads",
        (
            """The assignment step by the clock on the wall, in turn: with nothing else going on
            in the process, and right after a matrix product by numpy on all cores, whose threads
            wait for more for a while. `others busy` is the number of cores that other processes
            and the host of a virtual machine kept from this one; where too few are left the
            ratio says nothing about two threads.""",
            """On a busy machine threads that wait for each other actively, as OpenMP's default
            is, burn what the other thread needs: set `OMP_WAIT_POLICY=passive` there, or use
            `--threads 1`.""",
        ),
        (titles.THREADS,),
    ),
    PageSection(
        "Whole runs",
        "python bench/speed.py run",
        (
            """16 views in white noise, 64 px, SNR 0.1, 4000 images into 16 classes (500 with
            `--quick`), each run in a process of its own. A comparison is an image against a
            class at all shifts, with what the levels do with classes as wholes. `estimated` is
            what is predicted before the run; the peak counts pages of files, too.""",
        ),
        (titles.RUNS, titles.MEMORY),
    ),
    PageSection(
        "Growth",
        "python bench/speed.py growth",
        (
            """One thread, one run each, so that the number of iterations (2 to 4 levels of at
            most 10, the last of 20) moves the processor time; the time of a comparison does not
            depend on it as much. Exponents are those of least-squares fits, time ~ size^p.""",
        ),
        (titles.GROWTH, titles.EXPONENTS),
    ),
    PageSection(
        "Large sets",
        "python bench/speed.py growth --large",
        ("""The same for stacks that are simulated block by block to disk.""",),
        (titles.LARGE, titles.LARGE_EXPONENTS),
    ),
    PageSection(
        "A million images",
        "python bench/speed.py million",
        (
            """One block of simulated images of 64 px read over and over: everything is read,
            assigned and added up once. A whole run is then extrapolated from the time of an
            assignment of one block with the classes of each level, all the iterations that
            default options allow, most of them on a sample of the images, and the averages of
            each level. What levels do with classes as
            wholes, half-sets and cores are left out. The fast search is exhaustive in its first
            and in one more iteration.""",
        ),
        (titles.MILLION, titles.EXTRAPOLATED),
    ),
)

INSTRUCTIONS = """Instructions do not depend on other jobs. Each change is held against these
counts of small fixed cases ({compiler}, {kernels} kernels), within 5 %; they are renewed by `nox
-s instructions -- --renew`."""
