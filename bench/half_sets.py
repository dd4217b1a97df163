"""How optimistic half-set correlations are, by the way the halves were aligned.

``python bench/half_sets.py`` classifies white noise, in which halves have nothing in common;
``python bench/half_sets.py particles.star --classes 16`` the particles of a table. Three ways:

- common: the members at the poses of the classification, found with the average of all;
- own: each half aligned anew to its own average, starting from those poses;
- reference-free: each half aligned to its own average from where its images lie (cl2d evaluate).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

import cl2d
from cl2d.engine import ClassicalRule, LocalEngine, SearchSettings, normalised_references
from cl2d.engine.ingest import ingest
from cl2d.evaluate import LevelEvaluator, half_set_level
from cl2d.evaluate.half_sets import half_set_labels
from cl2d.outputs.averages import raw_averages

N_NOISE, NOISE_BOX_PX, NOISE_PIXEL_ANGSTROM = 1000, 64, 5.0
OWN_ROUNDS = 2


def main() -> None:
    options = parsed()
    if options.particles is None:
        noise = np.random.default_rng(options.seed).normal(
            size=(N_NOISE, NOISE_BOX_PX, NOISE_BOX_PX)
        )
        source = cl2d.array_source(noise.astype(np.float32), NOISE_PIXEL_ANGSTROM)
    else:
        source = cl2d.open_particles(options.particles)
    result = cl2d.classify(
        source,
        n_classes=options.classes,
        seed=options.seed,
        threads=options.threads,
        resolution_angstrom=options.resolution_angstrom,
        core=False,
        evaluate=False,
    )
    radius = result.options.alignment.shift_radius_px(source.box_px, source.pixel_size_angstrom)
    search = SearchSettings(radius)
    ingested = ingest(source, result.plan, options.threads)
    scale = result.plan.box_px / result.plan.working_box_px
    engine = LocalEngine(ingested.blocks, ingested.flags == 0, search, scale, options.threads)
    evaluator = LevelEvaluator(result.plan, search, options.threads)
    level, k_max = result.levels[-1], result.plan.k_max
    print(f"{source.name}: {level.n_classes} classes, compared to ring {k_max}")
    print(f"{'halves aligned':<16}{'mean FRC':>9}{'at k_max':>9}{'0.5':>7}{'0.143':>7}  seconds")
    for name, align in (("common", common), ("own", own), ("reference-free", half_set_level)):
        started = time.perf_counter()
        halves = align(engine, level)
        seconds = time.perf_counter() - started
        averages = raw_averages(source, [halves], options.threads)[0]
        found = evaluator.evaluate(level, result.averages, halves, averages)
        frc = found.frc[found.measured]
        crossings = np.median(found.crossing_per_px[found.measured], axis=0) * source.box_px
        print(
            f"{name:<16}{frc[:, 1 : k_max + 1].mean():>9.3f}{frc[:, k_max].mean():>9.3f}"
            f"{crossings[0]:>7.1f}{crossings[1]:>7.1f}  {seconds:.1f}"
        )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("particles", nargs="?", help="a table or stack; default: white noise")
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--resolution-angstrom", type=float, help="default: automatic")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def common(_engine, level):
    """Return the half-sets at the poses of the classification."""
    labels = half_set_labels(level.labels)
    return replace(level, n_classes=2 * level.n_classes, labels=labels)


def own(engine, level):
    """Return the half-sets aligned to their own averages, starting from those poses."""
    halves = common(engine, level)
    poses = replace(
        halves.poses,
        psi_rad=halves.poses.psi_rad.copy(),
        shift_px=halves.poses.shift_px.copy(),
        mirror=halves.poses.mirror.copy(),
    )
    for half in np.unique(halves.labels[halves.labels >= 0]).tolist():
        rows = np.flatnonzero(halves.labels == half)
        members, found = engine.subset(rows), poses.take(rows)
        one_class = np.zeros(len(rows), dtype=np.int32)
        for _ in range(OWN_ROUNDS):
            reference = normalised_references(members.update(one_class, found, 1).sums)
            found = members.assign(reference, ClassicalRule()).poses
        poses.psi_rad[rows], poses.shift_px[rows] = found.psi_rad, found.shift_px
        poses.mirror[rows] = found.mirror
    return replace(halves, poses=poses)


if __name__ == "__main__":
    main()
