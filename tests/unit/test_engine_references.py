from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import normalised_references


def sums(n_classes, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_classes, 5, 8)) + 1j * rng.normal(size=(n_classes, 5, 8))


def test_references_have_norm_one():
    references = normalised_references(37.0 * sums(4))
    norms = np.sqrt((np.abs(references) ** 2).mean(axis=2).sum(axis=1))
    # Rounding to complex64: 6e-8 relative, in each of 40 numbers at random.
    np.testing.assert_allclose(norms, 1, rtol=1e-7)
    assert references.dtype == np.complex64


def test_references_keep_the_shape_of_the_sums():
    given = sums(3)
    references = normalised_references(given)
    ratio = references / given
    np.testing.assert_allclose(ratio, ratio[:, :1, :1] + np.zeros_like(ratio), rtol=1e-6)
    assert (ratio[:, 0, 0].real > 0).all()
    np.testing.assert_allclose(ratio.imag, 0, atol=1e-7)


def test_references_do_not_depend_on_the_number_of_members():
    # A power of two changes no digit.
    np.testing.assert_array_equal(
        normalised_references(sums(3)), normalised_references(8 * sums(3))
    )


@pytest.mark.parametrize("empty", [[1], [0, 1, 2]])
def test_class_without_members_stays_zero(empty):
    given = sums(3)
    given[empty] = 0
    references = normalised_references(given)
    assert np.flatnonzero(~references.any(axis=(1, 2))).tolist() == empty
    assert np.isfinite(references).all()


def test_no_classes_are_no_references():
    assert normalised_references(sums(0)).shape == (0, 5, 8)
