"""CL2D as an estimator: its manners, alone and among those of scikit-learn."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

import cl2d
from cl2d import CL2D
from cl2d.errors import InputError
from cl2d.options import ClassifyOptions, ClusterOptions
from cl2d.simulate import SimulationOptions, simulate_particles

QUICK = {"n_classes": 2, "iterations": 8, "threads": 1, "max_shift_px": 2.0}
NOT_OF_THE_ESTIMATOR = {  # what is written, and what only a written run tells
    "seed",
    "max_time",
    "analyze_rejected",
    "overwrite",
    "evaluate",
    "format",
    "relion_mirrors",
    *ClusterOptions.model_fields,
    "report",
}


@pytest.fixture(scope="module")
def two_views():
    """Return images of two views at little noise, and the view of each."""
    options = SimulationOptions(n_particles=120, n_views=2, box_px=32, snr=1, shift_sd_px=0.5)
    particles = simulate_particles(options)
    return particles.images, particles.truth.view


@pytest.fixture(scope="module")
def fitted(two_views):
    return CL2D(**QUICK).fit(two_views[0])


def test_parameters_are_the_options_with_their_defaults():
    of_options = ClassifyOptions().to_flat()
    own = CL2D().get_params()
    extra = {"pixel_size_angstrom", "random_state", "on_event"}
    assert set(own) - extra == set(of_options) - NOT_OF_THE_ESTIMATOR
    assert all(own[name] == of_options[name] for name in set(own) - extra)
    assert own["random_state"] == of_options["seed"]


def test_the_classes_are_the_views(two_views, fitted):
    images, views = two_views
    assert adjusted_rand_score(views, fitted.labels_) == 1.0
    assert fitted.class_averages_.shape == (2, 32, 32)
    assert fitted.class_sizes_.sum() == len(images)
    assert fitted.core_mask_.sum() >= fitted.stable_core_mask_.sum() > 0


def test_it_is_the_classification_of_the_function(two_views, fitted):
    options = {**QUICK, "initial_classes": 2}
    result = cl2d.classify(two_views[0], seed=0, **options)
    assert np.array_equal(result.labels, fitted.labels_)
    assert np.array_equal(result.averages, fitted.class_averages_)


def test_images_that_were_fitted_are_put_where_they_were(two_views, fitted):
    assert np.mean(fitted.predict(two_views[0]) == fitted.labels_) > 0.95


def test_an_image_that_cannot_be_used_is_in_no_class(two_views, fitted):
    images = two_views[0][:4].copy()
    images[1] = np.nan
    labels = fitted.predict(images)
    assert labels[1] == -1
    assert (labels[[0, 2, 3]] >= 0).all()


def test_fit_predict_returns_the_labels_and_is_reproducible(two_views, fitted):
    assert np.array_equal(CL2D(**QUICK).fit_predict(two_views[0]), fitted.labels_)


def test_flattened_images_and_lists_are_the_same_images(two_views, fitted):
    images = two_views[0]
    flat = images.reshape(len(images), -1)
    assert np.array_equal(fitted.predict(flat), fitted.predict(images))
    assert np.array_equal(fitted.predict(list(images[:3])), fitted.predict(images[:3]))


def test_rows_that_are_no_squares_are_refused(fitted):
    with pytest.raises(InputError, match="as a square of pixels"):
        fitted.predict(np.zeros((3, 1000)))


def test_a_memory_map_is_read_in_place(tmp_path, two_views, fitted):
    images = two_views[0].astype(np.float32)
    mapped = np.memmap(tmp_path / "images.dat", np.float32, "w+", shape=images.shape)
    mapped[:] = images
    assert np.array_equal(CL2D(**QUICK).fit(mapped).labels_, fitted.labels_)


def test_a_file_name_is_read(tmp_path, two_views, fitted):
    cl2d.io.write_stack(tmp_path / "images.mrcs", two_views[0].astype(np.float32), 2.0)
    assert np.array_equal(CL2D(**QUICK).fit(tmp_path / "images.mrcs").labels_, fitted.labels_)


def test_clone_and_pickle_keep_parameters_and_pickle_keeps_classes(two_views, fitted):
    again = clone(fitted)
    assert again.get_params() == fitted.get_params()
    assert not hasattr(again, "labels_")
    thawed = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(thawed.predict(two_views[0]), fitted.predict(two_views[0]))
    assert np.array_equal(copy.deepcopy(fitted).labels_, fitted.labels_)


def test_what_was_fitted_does_not_keep_the_images(two_views, fitted):
    assert len(pickle.dumps(fitted)) < two_views[0].astype(np.float32).nbytes / 4


def test_the_number_of_classes_is_searched_on_a_grid(two_views):
    images, _ = two_views
    search = GridSearchCV(CL2D(**QUICK), {"n_classes": [1, 2]}, cv=2).fit(images)
    assert search.best_params_ == {"n_classes": 2}
    assert search.best_estimator_.n_classes_ == 2


def test_it_ends_a_pipeline(two_views, fitted):
    turned_grey = make_pipeline(FunctionTransformer(np.negative), CL2D(**QUICK))
    labels = turned_grey.fit(two_views[0]).predict(two_views[0])
    assert adjusted_rand_score(labels, fitted.labels_) == 1.0


def test_scikit_learn_takes_it_for_a_clusterer_of_images():
    tags = get_tags(CL2D())
    assert tags.estimator_type == "clusterer"
    assert tags.input_tags.three_d_array
    assert not tags.target_tags.required


def test_random_states_of_all_kinds(two_views):
    images = two_views[0][:20]
    for state in (3, np.int64(3), np.random.default_rng(3), np.random.RandomState(3), None):
        model = CL2D(**{**QUICK, "iterations": 1}, random_state=state).fit(images)
        assert len(model.labels_) == 20
    with pytest.raises(TypeError, match="random_state must be a whole number"):
        CL2D(**QUICK, random_state="three").fit(images)


def test_progress_is_told(two_views):
    seen: list[object] = []
    CL2D(**QUICK, on_event=seen.append).fit(two_views[0][:20])
    assert any(type(event).__name__ == "RunFinished" for event in seen)


def test_parameters_are_judged_by_fit_and_names_by_set_params(two_views):
    assert CL2D().set_params(n_classes=3).n_classes == 3
    with pytest.raises(InputError, match=r"must be one of n_classes, .*, not 'k'"):
        CL2D().set_params(k=3)
    model = CL2D(n_classes=0)  # like all of scikit-learn, unchecked until it is used
    with pytest.raises(InputError, match="n_classes must be a whole number >= 1"):
        model.fit(two_views[0])


def test_nothing_is_told_before_anything_was_fitted(two_views):
    with pytest.raises(InputError, match="must be fitted"):
        CL2D().predict(two_views[0])


def test_fitting_again_without_cores_leaves_none_behind(two_views):
    model = CL2D(**QUICK).fit(two_views[0])
    model.set_params(core=False, stable_core=False).fit(two_views[0])
    assert not hasattr(model, "core_mask_")
    assert not hasattr(model, "stable_core_mask_")


def test_it_says_how_to_make_it():
    assert repr(CL2D()) == "CL2D()"
    assert repr(CL2D(n_classes=8, mirrors=False)) == "CL2D(n_classes=8, mirrors=False)"


def test_scikit_learn_is_not_loaded():
    code = "import sys, cl2d; cl2d.CL2D(); assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
