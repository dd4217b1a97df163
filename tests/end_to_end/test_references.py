from __future__ import annotations

import json

import numpy as np
import pytest

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.cli.app import main
from cl2d.errors import InputError
from cl2d.io import StarBlock, open_references, read_star, write_stack, write_star, write_xmd
from cl2d.simulate import SimulationOptions, simulate_particles

QUICK = {"iterations": 3, "threads": 1}


@pytest.fixture(scope="module")
def simulation():
    options = SimulationOptions(
        n_particles=240, box_px=48, pixel_size_angstrom=2.5, n_views=4, snr=0.5, seed=3
    )
    return simulate_particles(options)


@pytest.fixture(scope="module")
def by_views(simulation):
    # Greys of another scale and offset, and no noise at all.
    views = 50 * simulation.views + 7
    return cl2d.classify(
        simulation.images, n_classes=4, references=views, pixel_size_angstrom=2.5, **QUICK
    )


def test_particles_are_sorted_by_the_views_given(simulation, by_views):
    assert by_views.n_classes == 4
    assert len(by_views.levels) == 1
    numbers = by_views.levels[-1].reference_numbers
    assert sorted(numbers.tolist()) == [0, 1, 2, 3]
    assert (numbers[by_views.labels] == simulation.truth.view).mean() > 0.95


def test_poses_stay_in_the_frame_of_the_view(simulation, by_views):
    level = by_views.levels[-1]
    for k, number in enumerate(level.reference_numbers):
        average, view = by_views.averages[k], simulation.views[number]
        assert np.corrcoef(average.ravel(), view.ravel())[0, 1] > 0.9


def test_more_classes_than_references_descend_from_them(simulation):
    result = cl2d.classify(
        simulation.images,
        n_classes=7,
        references=simulation.views,
        pixel_size_angstrom=2.5,
        **QUICK,
    )
    assert [level.n_classes for level in result.levels] == [4, 7]
    first, last = result.levels
    np.testing.assert_array_equal(last.reference_numbers, first.reference_numbers[last.parents])
    assert set(last.reference_numbers.tolist()) <= {0, 1, 2, 3}
    assert last.class_sizes().sum() == 240


def test_view_that_no_particle_shows_stays_without_members(simulation):
    shown = simulation.truth.view < 3
    noise = np.random.default_rng(0).normal(size=(1, 48, 48)).astype(np.float32)
    views = np.concatenate([noise, simulation.views[:3]])
    result = cl2d.classify(
        simulation.images[shown],
        n_classes=4,
        references=views,
        pixel_size_angstrom=2.5,
        **QUICK,
    )
    level = result.levels[-1]
    sizes = dict(zip(level.reference_numbers.tolist(), level.class_sizes().tolist(), strict=True))
    assert sum(sizes.values()) == shown.sum()
    assert sizes[0] <= 2
    truth = simulation.truth.view[shown]
    assert adjusted_rand_index(truth, level.labels) > 0.9


def test_run_starts_from_an_earlier_run_by_folder_stack_or_table(simulation, tmp_path):
    write_stack(tmp_path / "p.mrcs", simulation.images, 2.5)
    words = ["--quiet", "--iterations", "2", "--threads", "1"]
    first = tmp_path / "first"
    assert main(["classify", str(tmp_path / "p.mrcs"), "-k", "4", "-o", str(first), *words]) == 0
    tables = []
    for i, given in enumerate([first, first / "classes.mrcs", first / "classes.star"]):
        out = tmp_path / f"second_{i}"
        arguments = ["classify", str(tmp_path / "p.mrcs"), "-k", "4", "-o", str(out), *words]
        assert main([*arguments, "--references", str(given)]) == 0
        tables.append(read_star(out / "classes.star")["classes"])
        options = json.loads((out / "run.json").read_text())["options"]["levels"]
        assert options["references"] == str(given)
        assert options["initial_classes"] == 4
    assert sorted(tables[0].numbers("cl2dReference").tolist()) == [1, 2, 3, 4]
    for table in tables[1:]:
        assert table.text("cl2dMembers") == tables[0].text("cl2dMembers")
        assert table.text("cl2dReference") == tables[0].text("cl2dReference")
    assert "cl2dReference" not in read_star(first / "classes.star")["classes"]


def test_references_are_found_in_tables_of_classes(simulation, tmp_path):
    write_stack(tmp_path / "v.mrcs", simulation.views, 2.5)
    names = [f"{k:06d}@v.mrcs" for k in (3, 1)]
    others = StarBlock({"image": ["000001@v.mrcs"] * 3})
    write_star(
        tmp_path / "model.star",
        {
            "model_general": StarBlock({"rlnNrClasses": ["2"]}, is_loop=False),
            "model_classes": StarBlock({"rlnReferenceImage": names}),
        },
    )
    write_xmd(
        tmp_path / "c.xmd",
        {"classes": StarBlock({"image": names}), "class000001_images": others},
    )
    for name in ("model.star", "c.xmd"):
        found = open_references(tmp_path / name)
        np.testing.assert_array_equal(found.read(0, 2), simulation.views[[2, 0]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"references": np.ones((2, 30, 30))}, "references must have the box of the particles, 48"),
        ({"n_classes": 3}, r"n_classes \(3\) must be at least the number of references \(4 in"),
        ({"references": np.ones((2, 48, 48))}, "references must be finite and not constant, as"),
    ],
)
def test_unfit_references_are_refused(simulation, change, words):
    given = {"n_classes": 4, "references": simulation.views, "pixel_size_angstrom": 2.5}
    with pytest.raises(InputError, match=words):
        cl2d.classify(simulation.images, **{**given, **change}, **QUICK)


def test_references_of_another_pixel_size_are_refused(simulation, tmp_path):
    write_stack(tmp_path / "v.mrcs", simulation.views, 3.0)
    with pytest.raises(InputError, match=r"pixel size of the particles, 2\.5 A, not 3 A"):
        cl2d.classify(
            simulation.images,
            n_classes=4,
            references=tmp_path / "v.mrcs",
            pixel_size_angstrom=2.5,
            **QUICK,
        )


def test_folder_without_a_run_is_refused_as_start(simulation, tmp_path):
    with pytest.raises(InputError, match="must be the folder of a run"):
        cl2d.classify(simulation.images, n_classes=4, references=tmp_path, **QUICK)


def test_one_image_of_a_stack_is_named_by_its_number(tmp_path):
    images = np.random.default_rng(0).normal(size=(3, 24, 24)).astype(np.float32)
    write_stack(tmp_path / "views.mrcs", images, 2.0)
    found = open_references(f"3@{tmp_path / 'views.mrcs'}")
    np.testing.assert_array_equal(found.read(0, found.n_images), images[2:])
    with pytest.raises(InputError, match=r"named as 1@.*views\.mrcs"):
        cl2d.align(images, reference=tmp_path / "views.mrcs")
