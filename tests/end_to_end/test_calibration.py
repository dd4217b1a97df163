from __future__ import annotations

import numpy as np
import pytest

import cl2d
from cl2d.outputs.saved_run import load_run
from cl2d.simulate import SimulationOptions, simulate_particles

N_CLASSES = 4


@pytest.fixture(scope="module")
def weak():
    return simulate_particles(
        SimulationOptions(n_particles=800, box_px=40, n_views=N_CLASSES, snr=0.08, molecule_seed=3)
    )


@pytest.fixture(scope="module")
def found(weak):
    return cl2d.classify(
        weak.images, n_classes=N_CLASSES, threads=1, core=False, evaluate=False, seed=1
    )


def majority_is_right(truth, labels):
    shown = [np.bincount(truth[labels == k]).argmax() for k in range(labels.max() + 1)]
    return np.array(shown)[labels] == truth


def test_mean_confidence_is_the_share_of_images_that_are_right(weak, found):
    right = majority_is_right(weak.truth.view, found.labels)
    assert 0.6 < right.mean() < 0.99
    assert found.confidence.mean() == pytest.approx(right.mean(), abs=0.05)


def test_unsure_images_are_wrong_as_often_as_they_say(weak, found):
    right = majority_is_right(weak.truth.view, found.labels)
    for low, high in ((0.2, 0.8), (0.8, 1.01)):
        inside = (found.confidence >= low) & (found.confidence < high)
        # Three standard errors of the share of right images, and what 800 images leave open.
        error = 3 * np.sqrt(0.25 / inside.sum())
        assert right[inside].mean() == pytest.approx(
            found.confidence[inside].mean(), abs=error + 0.03
        )


def test_two_identical_classes_share_the_confidence(weak):
    """Every image twice as probable views: assigned to the views given twice, each gets half."""
    views = np.concatenate([weak.views, weak.views])
    given = cl2d.classify(
        weak.images,
        n_classes=2 * N_CLASSES,
        references=views,
        threads=1,
        iterations=1,
        core=False,
        evaluate=False,
    )
    once = cl2d.classify(
        weak.images,
        n_classes=N_CLASSES,
        references=weak.views,
        threads=1,
        iterations=1,
        core=False,
        evaluate=False,
    )
    np.testing.assert_allclose(given.confidence, once.confidence / 2, rtol=1e-3)
    assert given.confidence.max() <= 0.5001


def test_one_class_of_one_view_is_certain_at_every_image(weak):
    of_one_view = weak.images[weak.truth.view == 0]
    assert (cl2d.align(of_one_view, iterations=20, threads=1).confidence == 1).all()


def test_one_class_of_several_views_is_sure_of_no_more_than_its_main_view(weak):
    confidence = cl2d.align(weak.images, iterations=1, threads=1).confidence
    assert 1 / N_CLASSES < confidence.mean() < 0.75


def test_margin_tells_sure_images_apart_where_confidence_is_one(found):
    margin = found.levels[-1].margin
    assert margin is not None
    assert (margin >= 0).all()
    order = np.argsort(margin)
    assert found.confidence[order[-100:]].min() > found.confidence[order[:100]].mean()


def test_files_keep_confidence_and_margin(found, tmp_path):
    saved = load_run(found.save(tmp_path / "run"))
    for level, stored in zip(found.levels, saved.levels, strict=True):
        np.testing.assert_array_equal(stored.confidence, level.confidence)
        np.testing.assert_array_equal(stored.margin, level.margin)


def test_new_particles_have_confidences_that_hold_too(weak, found, tmp_path):
    out = found.save(tmp_path / "run")
    # A longer set begins with the particles of the shorter one.
    n_known = len(weak.images)
    longer = simulate_particles(weak.options.model_copy(update={"n_particles": 2 * n_known}))
    assigned = cl2d.assign(out, longer.images[n_known:], threads=1)
    views, labels = weak.truth.view, found.labels
    shown = np.array([np.bincount(views[labels == k]).argmax() for k in range(N_CLASSES)])
    right = shown[assigned.labels] == longer.truth.view[n_known:]
    assert right.mean() > 0.8
    assert assigned.confidence.mean() == pytest.approx(right.mean(), abs=0.07)
