from __future__ import annotations

import numpy as np
import pytest

from cl2d.cluster.parts import dealt, dealt_near, moved_from, parts_of
from cl2d.engine import BLOCK_IMAGES


@pytest.mark.parametrize("n_images", [1, BLOCK_IMAGES, BLOCK_IMAGES + 1, 25 * BLOCK_IMAGES - 7])
@pytest.mark.parametrize("n_workers", [1, 2, 7])
def test_parts_are_whole_blocks_and_cover_every_image_once(n_images: int, n_workers: int) -> None:
    parts = parts_of(n_images, n_workers)
    rows = np.concatenate([np.arange(part.start, part.stop) for part in parts])
    np.testing.assert_array_equal(rows, np.arange(n_images))
    for part in parts:
        assert part.start == part.first_block * BLOCK_IMAGES
        assert part.n_images > 0
    assert parts[-1].end_block == -(-n_images // BLOCK_IMAGES)


def test_workers_get_neighbouring_parts_by_their_speed() -> None:
    parts = parts_of(64 * BLOCK_IMAGES, 4)
    owners = dealt(parts, {"a": 1.0, "b": 3.0})
    held = [owners[part] for part in parts]
    assert held == ["a"] * 4 + ["b"] * 12
    assert set(dealt(parts, {"alone": 2.0}).values()) == {"alone"}


def test_a_slow_worker_hands_parts_to_fast_ones() -> None:
    parts = parts_of(64 * BLOCK_IMAGES, 2)
    owners = dealt(parts, {"a": 1.0, "b": 1.0})
    moved = moved_from(owners, {"a": 1.0, "b": 3.0}, 0.15)
    assert list(moved.values()).count("a") == 2
    assert {part for part in parts if moved[part] != owners[part]} <= {
        part for part in parts if owners[part] == "a"
    }


def test_workers_of_one_speed_keep_what_they_hold() -> None:
    parts = parts_of(64 * BLOCK_IMAGES, 2)
    owners = dealt(parts, {"a": 1.0, "b": 1.0})
    assert moved_from(owners, {"a": 1.0, "b": 1.1}, 0.15) == owners
    assert moved_from(owners, {"a": 1.0, "b": 1.0}, 0.15) == owners


def test_parts_go_to_who_holds_their_images_as_far_as_that_is_fair() -> None:
    parts = parts_of(16 * BLOCK_IMAGES, 2)
    speeds = {"a": 1.0, "b": 1.0}
    other_way = {p: {"b": p.n_images} if p.first_block < 8 else {"a": p.n_images} for p in parts}
    assert [dealt_near(parts, other_way, speeds)[p] for p in parts] == ["b"] * 4 + ["a"] * 4
    one_has_all = {part: {"a": part.n_images} for part in parts}
    assert list(dealt_near(parts, one_has_all, speeds).values()).count("a") == 4
    owners = dealt_near(parts, one_has_all, {"a": 3.0, "b": 1.0})
    assert list(owners.values()).count("a") == 6
