"""What makes a class good, and what speaks against keeping it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from cl2d.evaluate.central_signal import central_shares
from cl2d.evaluate.quality import (
    JUNK,
    OFF_CENTRE,
    REASONS,
    TOO_SMALL,
    WEAK,
    ClassMeasures,
    class_quality,
    mean_frc,
    reasons_to_drop,
    weighted_median,
)
from tests.engine_inputs import white_plan

BOX = 48


def usual_classes(n=5):
    """Return classes that are all alike and good."""
    return ClassMeasures(
        members=np.full(n, 100.0),
        detail=np.full(n, 0.9),
        fit=np.full(n, 0.4),
        certainty=np.ones(n),
        central=np.full(n, 0.8),
        junk_share=np.zeros(n),
        junk_median=np.full(n, 0.8),
        noise_fit=0.2,
    )


def with_first(name, value):
    """Return usual classes of which the first has another value of one measure."""
    measures = usual_classes()
    values = getattr(measures, name).copy()
    values[0] = value
    return replace(measures, **{name: values})


def reasons(measures, measured=True):
    flags = np.full(len(measures.members), True)
    flags[0] = measured
    return reasons_to_drop(measures, flags)


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("members", 20.0),
        ("detail", 0.5),
        ("fit", 0.3),
        ("certainty", 0.5),
        ("central", 0.3),
        ("junk_share", 0.5),
    ],
)
def test_quality_falls_with_each_of_its_six_shares(name, worse):
    quality = class_quality(with_first(name, worse))
    assert 0 < quality[0] < quality[1]
    np.testing.assert_array_equal(quality[1:], quality[1])
    assert quality.max() <= 1


def test_quality_is_the_geometric_mean_of_the_shares():
    measures = with_first("junk_share", 0.5)
    # Detail 0.9, half of the members sound, all else as is usual.
    expected = (0.9 * 0.5) ** (1 / 6)
    assert class_quality(measures)[0] == pytest.approx(expected)


def test_class_without_half_sets_has_no_quality():
    assert class_quality(with_first("detail", 0.0))[0] == 0


def test_class_that_fits_worse_than_noise_has_no_quality():
    assert class_quality(with_first("fit", 0.1))[0] == 0


def test_fit_tells_nothing_where_the_usual_fit_is_that_of_noise():
    measures = replace(usual_classes(), noise_fit=0.4, fit=np.linspace(0.1, 0.4, 5))
    assert reasons(measures) == [[]] * 5
    assert len(set(class_quality(measures))) == 1


def test_alike_classes_are_all_kept():
    assert reasons(usual_classes()) == [[], [], [], [], []]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("fit", 0.29, WEAK),
        ("central", 0.39, OFF_CENTRE),
        ("junk_median", 2.0, JUNK),
    ],
)
def test_class_is_dropped_for_a_reason_and_no_other_class_is(name, value, reason):
    assert reasons(with_first(name, value)) == [[reason], [], [], [], []]


@pytest.mark.parametrize(
    ("name", "value"),
    [("detail", 0.1), ("fit", 0.31), ("central", 0.41), ("junk_median", 1.9), ("certainty", 0)],
)
def test_class_above_the_half_is_kept(name, value):
    assert reasons(with_first(name, value))[0] == []


def test_small_class_is_dropped_because_it_cannot_be_judged():
    measures = replace(with_first("detail", 0.0), junk_median=np.full(5, 9.0))
    assert reasons(measures, measured=False)[0] == [TOO_SMALL]


def test_few_members_are_no_reason():
    assert reasons(with_first("members", 11.0))[0] == []


def test_mean_frc_weighs_rings_by_their_samples_and_clips():
    curves = np.array([[1.0, 0.5, 1.0, -0.3, 0.9], [np.nan] * 5])
    np.testing.assert_allclose(mean_frc(curves, 3), [(0.5 + 2.0) / 6, 0])


def test_every_reason_has_its_words():
    assert set(REASONS) == {TOO_SMALL, WEAK, OFF_CENTRE, JUNK}


def test_median_goes_by_weight():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([10.0, 1.0, 1.0])
    assert weighted_median(values, weights) == 3
    assert weighted_median(np.zeros(0), np.zeros(0)) == 0


def test_no_members_at_all_is_no_division_by_zero():
    values = {field.name: np.zeros(2) for field in fields(ClassMeasures)}
    empty = ClassMeasures(**{**values, "noise_fit": 0.2})
    assert class_quality(empty).tolist() == [0, 0]
    assert reasons_to_drop(empty, np.zeros(2, dtype=bool)) == [[TOO_SMALL], [TOO_SMALL]]


def blob(x, y, width=3.0, box=BOX):
    axis = np.arange(box) - box // 2
    distance2 = (axis[None, :] - x) ** 2 + (axis[:, None] - y) ** 2
    return np.exp(-distance2 / (2 * width**2)).astype(np.float32)


@pytest.mark.parametrize("box", [48, 49])
def test_signal_is_in_the_middle_or_it_is_not(box):
    plan = white_plan(box)
    averages = np.stack([blob(0, 0, box=box), blob(18, 0, box=box), np.zeros((box, box))])
    middle, aside, empty = central_shares(averages.astype(np.float32), plan)
    assert middle > 0.95
    assert aside < 0.05
    assert empty == 0


def test_level_and_scale_of_the_greys_do_not_matter():
    plan = white_plan(BOX)
    average = blob(6, 2)[None]
    expected = central_shares(average, plan)
    np.testing.assert_allclose(central_shares(40 - 7 * average, plan), expected, rtol=1e-4)
