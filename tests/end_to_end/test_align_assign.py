"""One class with and without reference; new particles in finished classes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import starfile
from scipy import ndimage

import cl2d
from cl2d.agreement import matched_classes
from cl2d.cli import main
from cl2d.io import read_stack, write_stack
from cl2d.outputs.saved_run import load_run
from cl2d.simulate import SimulationOptions, simulate_particles

BOX = 48
RUN = {"initial_classes": 2, "iterations": 8, "threads": 1, "core": False, "evaluate": False}


def template() -> np.ndarray:
    """Return an image without any symmetry, mirror symmetry included."""
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    blobs = [(0, 0, 5, 1.0), (9, 2, 3, 0.8), (-4, 8, 2.5, 0.9), (3, -9, 2, 0.7)]
    return sum(a * np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * s * s)) for u, v, s, a in blobs)


def turned_copies(n: int, noise: float) -> np.ndarray:
    """Return copies of the template at random angles, with noise."""
    rng = np.random.default_rng(3)
    angles = rng.uniform(0, 360, n)
    copies = [ndimage.rotate(template(), a, reshape=False, order=3) for a in angles]
    return (np.array(copies) + noise * rng.normal(size=(n, BOX, BOX))).astype(np.float32)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def test_average_lies_in_the_frame_of_the_reference():
    images = turned_copies(60, noise=0.3)
    reference = template()[None].astype(np.float32)
    result = cl2d.align(
        images, reference=reference, iterations=3, threads=1, core=False, evaluate=False
    )
    assert result.n_classes == 1
    assert correlation(result.averages[0], template()) > 0.97


def test_without_reference_the_particles_find_their_average():
    images = turned_copies(80, noise=0.3)
    result = cl2d.align(images, iterations=10, threads=1, core=False, evaluate=False)
    assert len(result.levels[-1].iterations) == 10
    # In an unknown frame: lay the template over it with one more alignment.
    laid = cl2d.align(
        result.averages,
        reference=template()[None].astype(np.float32),
        iterations=1,
        threads=1,
        core=False,
        evaluate=False,
        resolution_angstrom=None,
    )
    assert correlation(laid.averages[0], template()) > 0.95


@pytest.mark.parametrize("name", ["n_classes", "references", "clustering", "tolerance"])
def test_option_without_meaning_for_one_class_is_refused(name):
    with pytest.raises(cl2d.InputError, match=f"{name} must be left out"):
        cl2d.align(np.zeros((3, BOX, BOX)), **{name: 1})


def test_align_command_writes_a_run_of_one_class(tmp_path, capsys):
    write_stack(tmp_path / "particles.mrcs", turned_copies(30, noise=0.2), 3.0)
    write_stack(tmp_path / "reference.mrcs", template()[None], 3.0)
    words = ["align", str(tmp_path / "particles.mrcs"), "-o", str(tmp_path / "out"), "--no-core"]
    words += [
        "--reference",
        str(tmp_path / "reference.mrcs"),
        "--iterations",
        "2",
        "--threads",
        "1",
    ]
    assert main(words) == 0, capsys.readouterr().err
    assert read_stack(tmp_path / "out" / "classes.mrcs").shape == (1, BOX, BOX)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["options"]["levels"]["classes"] == 1
    assert main([*words, "--overwrite", "-k", "2"]) == 2


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Return a run on half of 600 particles of 3 views, the other half, and the true views."""
    options = SimulationOptions(n_particles=600, box_px=BOX, n_views=3, snr=1.0, seed=2)
    simulation = simulate_particles(options)
    out = tmp_path_factory.mktemp("assign") / "run"
    own = cl2d.array_source(simulation.images[:300], 4.0)
    result = cl2d.classify(own, n_classes=3, output=out, **RUN)
    held_back = cl2d.array_source(simulation.images[300:], 4.0)
    return result, out, held_back, np.asarray(simulation.truth.view)


def test_held_back_particles_are_placed_as_well_as_the_members(halves):
    result, out, held_back, views = halves
    found = cl2d.assign(out, held_back, threads=1)
    view_of_class = matched_classes(views[:300], result.labels)
    own = np.mean([view_of_class[k] == view for k, view in zip(result.labels, views, strict=False)])
    new = np.mean(
        [view_of_class[k] == view for k, view in zip(found.labels, views[300:], strict=True)]
    )
    assert own > 0.98
    assert new >= own - 0.01  # three of 300 images, the sampling error of the two figures


def test_members_given_again_stay_in_their_classes_and_frames(halves):
    result, out, _, _ = halves
    again = cl2d.assign(out, result.source, threads=1)
    same = again.labels == result.labels
    assert same.mean() > 0.99
    for own, new in zip(result.averages, again.averages, strict=True):
        assert correlation(own, new) > 0.99


def test_assigning_leaves_the_run_as_it_was_and_writes_a_run(halves, tmp_path):
    _, out, held_back, _ = halves
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    found = cl2d.assign(out, held_back, output=tmp_path / "new", threads=1)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    table = starfile.read(tmp_path / "new" / "particles.star")["particles"]
    assert (table["rlnClassNumber"] - 1).tolist() == found.labels.tolist()
    saved = load_run(tmp_path / "new")
    assert saved.options.levels.references == str(out)
    assert [level.n_classes for level in saved.levels] == [3]


def test_unusable_particles_are_flagged_and_kept(halves):
    _, out, held_back, _ = halves
    images = held_back.read(0, 5)
    images[2] = np.nan
    found = cl2d.assign(out, images, threads=1)
    assert found.flags.tolist() == [0, 0, 1, 0, 0]
    assert found.labels[2] == -1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (cl2d.array_source(np.ones((2, 40, 40)), 4.0), "the box of .* must be .* 48 px, not 40 px"),
        (
            cl2d.array_source(np.ones((2, BOX, BOX)), 5.0),
            "pixel size of .* 4 A, not 5 A",
        ),
    ],
)
def test_particles_that_do_not_fit_the_run_are_refused(halves, source, message):
    with pytest.raises(cl2d.InputError, match=message):
        cl2d.assign(halves[1], source)


def test_assigning_to_no_run_is_refused_by_the_command(tmp_path, capsys):
    words = ["assign", str(tmp_path), "new.star", "-o", str(tmp_path / "out")]
    assert main(words) == 2
    assert "must be the folder of a run" in capsys.readouterr().err
