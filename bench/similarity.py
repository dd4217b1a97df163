"""Correlation against correntropy on particles that something else lies on.

    python bench/similarity.py clean neighbour ice edge hot --seeds 3

Each set holds good particles alone; a share of its images also shows what its name says. Two
figures for each similarity: how many images are given their own view when the class averages are
those of the true views at the true poses (`assigned`, no clustering), and the adjusted Rand index
of a whole run. Set and run have the same seed.
"""

from __future__ import annotations

import argparse
import statistics
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.engine import (
    ClassicalRule,
    LikelihoodRule,
    LocalEngine,
    SearchSettings,
    expected_scores,
    normalised_references,
    sum_lengths,
)
from cl2d.engine import correntropy as correntropy_module
from cl2d.engine.ingest import ingest, working_images
from cl2d.io import array_source
from cl2d.options import PreprocessOptions, RunOptions
from cl2d.preprocess import plan_preprocessing
from cl2d.simulate import SimulationOptions, simulate_particles, truth_poses
from cl2d.simulate.junk import JunkDrawing
from cl2d.simulate.molecule import project
from cl2d.simulate.truth import JUNK_KINDS

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.simulate import Simulation

    Images = npt.NDArray[np.float32]

KINDS = {"clean": None, "neighbour": "off_centre", "ice": "ice", "edge": "edge", "hot": None}
HOT_SHARE, HOT_GREY = 0.01, 8.0
"""Share of hot pixels and their grey, in standard deviations of the noise: below the value at which
preprocessing cuts spikes."""
SIMILARITIES = ("likelihood", "correlation", "correntropy")


def main() -> None:
    options = parse()
    for name in options.sets:
        assigned: dict[str, list[float]] = {similarity: [] for similarity in SIMILARITIES}
        found: dict[str, list[float]] = {similarity: [] for similarity in SIMILARITIES}
        for seed in range(options.seeds):
            simulation = simulate_particles(
                SimulationOptions(
                    n_particles=options.particles, n_views=options.views, snr=options.snr, seed=seed
                )
            )
            images = contaminated(simulation, name, options)
            for similarity, share in share_assigned(images, simulation, options).items():
                assigned[similarity].append(share)
            if not options.no_runs:
                for similarity in SIMILARITIES:
                    found[similarity].append(run_ari(images, simulation, similarity, seed, options))
        for similarity in SIMILARITIES:
            print(f"{name} {similarity}: assigned {in_words(assigned[similarity])}", end="")
            print(f"  ARI {in_words(found[similarity])}" if found[similarity] else "", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+", choices=list(KINDS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--particles", type=int, default=2000)
    parser.add_argument("--views", type=int, default=10)
    parser.add_argument("--snr", type=float, default=0.1)
    parser.add_argument("--share", type=float, default=0.5, help="of the images with a contaminant")
    parser.add_argument("--strength", type=float, default=1.0, help="factor on the contaminants")
    parser.add_argument("--kernel-width", type=float, default=correntropy_module.KERNEL_WIDTH)
    parser.add_argument("--no-runs", action="store_true", help="only the share assigned")
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


def contaminated(simulation: Simulation, name: str, options: argparse.Namespace) -> Images:
    """Return the images of a set with its contaminants added."""
    images, rng = simulation.images.copy(), np.random.default_rng(simulation.options.seed)
    if name == "hot":
        images[rng.random(images.shape) < HOT_SHARE] += HOT_GREY
    kind = KINDS[name]
    if kind is None:
        return images
    settings = simulation.options
    drawing = JunkDrawing()
    for row in np.flatnonzero(rng.random(len(images)) < options.share).tolist():
        drawing.add(row, JUNK_KINDS.index(kind), None, settings.box_px, rng)
    for row, artefact in drawing.artefacts.items():
        images[row] += options.strength * np.sqrt(settings.snr) * artefact
    if drawing.rows:
        copies = project(
            simulation.molecule,
            np.array(drawing.rotations),
            np.array(drawing.shifts_px),
            settings.box_px,
        )
        scale = np.float32(options.strength * simulation.signal_scale)
        np.add.at(images, np.array(drawing.rows), scale * copies)
    return images


def share_assigned(
    images: Images, simulation: Simulation, options: argparse.Namespace
) -> dict[str, float]:
    """Return the share of images given their own view, the averages being right, by similarity."""
    n_threads = RunOptions(threads=options.threads).n_threads()
    plan = plan_preprocessing(array_source(images), PreprocessOptions())
    read = ingest(array_source(images), plan, n_threads, keep_images=True)
    engine = LocalEngine(
        read.blocks,
        read.flags == 0,
        SearchSettings(0.1 * plan.box_px),
        plan.box_px / plan.working_box_px,
        n_threads,
        working_images=working_images(read, plan, n_threads),
    )
    view, poses = simulation.truth.view, truth_poses(simulation.truth)
    sums = engine.update(view, poses, options.views)
    references = normalised_references(sums.sums)
    with mock.patch.object(correntropy_module, "KERNEL_WIDTH", options.kernel_width):
        averages = engine.averages(view, poses, options.views)
        present = np.ones(len(references), dtype=bool)
        expected = expected_scores(sum_lengths(sums.sums), sums.counts, ~present)
        labels = {
            "likelihood": engine.assign(references, LikelihoodRule(expected, present)).labels,
            "correlation": engine.assign(references, ClassicalRule()).labels,
            "correntropy": engine.assign(references, ClassicalRule(), averages=averages).labels,
        }
    return {name: float((given == view).mean()) for name, given in labels.items()}


def run_ari(
    images: Images, simulation: Simulation, similarity: str, seed: int, options: argparse.Namespace
) -> float:
    with mock.patch.object(correntropy_module, "KERNEL_WIDTH", options.kernel_width):
        result = cl2d.classify(
            images,
            n_classes=options.views,
            similarity=similarity,
            seed=seed,
            threads=options.threads,
        )
    return adjusted_rand_index(simulation.truth.view, result.labels)


def in_words(values: list[float]) -> str:
    each = " ".join(f"{value:.3f}" for value in values)
    return f"{statistics.median(values):.3f} [{each}]" if values else "-"


if __name__ == "__main__":
    main()
