"""Classes in Python: the same members, poses and averages as the arrays they are made of."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import starfile

import cl2d
from cl2d.io import read_stack
from cl2d.outputs.averages import raw_averages
from cl2d.simulate import SimulationOptions, simulate_particles


@pytest.fixture(scope="module")
def result():
    """Return a classification of 120 particles, two of them not usable, with cores."""
    options = SimulationOptions(n_particles=120, box_px=32, n_views=2, snr=1.0, seed=1)
    images = simulate_particles(options).images.copy()
    images[7] = np.nan
    images[8] = 5.0
    source = cl2d.array_source(images, 3.0)
    return cl2d.classify(source, n_classes=2, initial_classes=1, iterations=3, threads=1)


def test_classes_divide_the_usable_particles(result):
    classes = result.classes
    assert len(classes) == 2
    rows = np.concatenate(list(classes))
    assert sorted(rows.tolist()) == [row for row in range(120) if row not in (7, 8)]
    assert classes.sizes.tolist() == [len(members) for members in classes]
    assert (classes.labels == result.labels).all()


def test_members_bring_their_poses_and_scores(result):
    rows = result.classes.members(1)
    np.testing.assert_array_equal(result.classes.scores(1), result.scores[rows])
    np.testing.assert_array_equal(result.classes.poses(1).shift_px, result.poses.shift_px[rows])


@pytest.mark.parametrize("name", ["core", "stable_core"])
def test_cores_are_parts_of_the_classes_with_averages_of_their_own(result, name):
    part = getattr(result, name)
    assert not (part.is_member & (result.labels < 0)).any()
    assert (part.sizes <= result.classes.sizes).all()
    again = np.flatnonzero(part.labels >= 0)
    np.testing.assert_array_equal(again, np.sort(np.concatenate(list(part))))
    from_members = raw_averages(result.source, [_only(part)], 1)[0]
    np.testing.assert_allclose(part.averages, from_members, atol=1e-5)


def _only(part):
    level = part.level
    return type(level)(
        level.level,
        level.n_classes,
        part.labels,
        level.poses,
        level.scores,
        level.confidence,
        level.parents,
    )


def test_class_that_does_not_exist_is_an_index_error(result):
    with pytest.raises(IndexError, match="from 0 to 1, not 2"):
        result.classes.members(2)
    with pytest.raises(IndexError):
        result.classes.poses(-1)


def test_without_cores_there_is_no_core_set(result):
    plain = cl2d.classify(
        result.source, n_classes=1, iterations=1, threads=1, core=False, evaluate=False
    )
    with pytest.raises(cl2d.InputError, match="core must be asked for"):
        _ = plain.core
    with pytest.raises(cl2d.InputError, match="stable core must be asked for"):
        _ = plain.stable_core


def test_frame_has_a_row_for_each_member(result):
    frame = result.classes.to_frame()
    assert len(frame) == 118
    assert frame["label"].tolist() == result.labels[frame["row"]].tolist()
    assert frame["image"][0] == result.source.image_name(0)
    np.testing.assert_array_equal(frame["shift_y_px"], result.poses.shift_px[frame["row"], 1])


def test_without_pandas_the_error_says_what_to_install(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        result.classes.to_frame()


def test_saved_set_holds_its_members_alone(result, tmp_path):
    folder = result.core.save(tmp_path / "core")
    table = starfile.read(folder / "particles.star")["particles"]
    assert (table["rlnClassNumber"] - 1).tolist() == result.labels[result.core.is_member].tolist()
    np.testing.assert_array_equal(read_stack(folder / "classes.mrcs"), result.core.averages)
    with pytest.raises(cl2d.InputError, match="must not hold a run already"):
        result.core.save(tmp_path / "core")
