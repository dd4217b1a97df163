"""Some rows of a source read like a source of their own."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.io import array_source
from cl2d.io.subset_source import SubsetSource


@pytest.mark.parametrize("rows", [[0, 1, 2, 7, 9, 10, 19], [8, 9, 3, 7, 7, 1, 0]])
def test_rows_are_those_chosen(rows: list[int]) -> None:
    images = np.random.default_rng(0).normal(size=(20, 5, 5)).astype(np.float32)
    rows = np.array(rows)
    subset = SubsetSource(array_source(images, 2.0), rows)
    assert (subset.n_images, subset.box_px, subset.pixel_size_angstrom) == (7, 5, 2.0)
    np.testing.assert_array_equal(subset.read(0, 7), images[rows])
    np.testing.assert_array_equal(subset.read(2, 5), images[rows[2:5]])
    assert subset.read(3, 3).shape == (0, 5, 5)
    assert subset.image_name(3) == array_source(images).image_name(7)


def test_other_rows_have_another_fingerprint() -> None:
    source = array_source(np.random.default_rng(0).normal(size=(9, 4, 4)))
    prints = {SubsetSource(source, np.arange(n)).fingerprint() for n in (7, 8, 9)}
    assert len(prints | {source.fingerprint()}) == 4
