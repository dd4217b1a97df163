"""Image statistics: what makes each of them large, and what they do not depend on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from cl2d.preprocess import STATISTICS, image_statistics

BOX = 64
COLUMN = {name: k for k, name in enumerate(STATISTICS)}


def noise_images(n: int, box: int = BOX) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(n, box, box)).astype(np.float32)


def test_scale_and_offset_of_the_greys_do_not_matter() -> None:
    images = noise_images(5).astype(np.float64)
    np.testing.assert_allclose(
        image_statistics(-300.0 + 40.0 * images), image_statistics(images), rtol=1e-5, atol=1e-6
    )


def test_a_bright_patch_is_bright_and_skewed() -> None:
    images = noise_images(100)
    images[0, 30:36, 30:36] += 4
    table = image_statistics(images)
    for name in ("brightest_patch", "patch_skewness"):
        assert table[0, COLUMN[name]] > table[1:, COLUMN[name]].max()


def test_a_ramp_has_a_gradient_and_outer_power() -> None:
    images = noise_images(100)
    images[0] += np.linspace(-1, 1, BOX, dtype=np.float32)
    table = image_statistics(images)
    for name in ("gradient", "outer_power", "coarse_power"):
        assert table[0, COLUMN[name]] > table[1:, COLUMN[name]].max()


@pytest.mark.parametrize("box", [4, 15, 16, 33, 65])
def test_any_box_will_do(box: int) -> None:
    table = image_statistics(noise_images(3, box))
    assert table.shape == (3, len(STATISTICS))
    assert np.isfinite(table).all()


def test_images_that_cannot_be_used_get_zeros_and_spoil_no_others() -> None:
    images = noise_images(6)
    alone = image_statistics(images)
    images[1, 5, 5] = np.nan
    images[2] = 7.0
    images[3, 0, 0] = np.inf
    table = image_statistics(images)
    assert not table[1:4].any()
    np.testing.assert_array_equal(table[[0, 4, 5]], alone[[0, 4, 5]])


def test_statistics_do_not_depend_on_the_block() -> None:
    images = noise_images(150)
    whole = image_statistics(images)
    parts = [image_statistics(images[i : i + 37]) for i in range(0, 150, 37)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert image_statistics(images[:0]).shape == (0, len(STATISTICS))
