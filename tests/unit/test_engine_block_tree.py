"""Sums over blocks are the same bits in whatever order and wherever blocks are done."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine.block_tree import BlockTree


def values_of(n_blocks):
    """Return numbers whose sums depend on the order of the additions."""
    rng = np.random.default_rng(n_blocks)
    return rng.normal(size=(n_blocks, 20)) * 10.0 ** rng.integers(-8, 8, (n_blocks, 20))


def recursive_sum(values):
    """Return the sum by its definition: of the largest power of two that is less, and the rest."""
    n = len(values)
    if n == 1:
        return values[0].copy()
    half = 1 << ((n - 1).bit_length() - 1)
    return recursive_sum(values[:half]) + recursive_sum(values[half:])


@pytest.mark.parametrize("n_blocks", range(1, 41))
def test_any_order_and_any_merging_give_the_bits_of_the_definition(n_blocks):
    values, rng = values_of(n_blocks), np.random.default_rng(0)
    expected = recursive_sum(values)
    for n_trees in (1, 1, 2, 3, 7):
        trees = [BlockTree() for _ in range(n_trees)]
        for block in rng.permutation(n_blocks):
            trees[rng.integers(n_trees)].add(int(block), values[block].copy())
        while len(trees) > 1:
            other = trees.pop(int(rng.integers(len(trees))))
            trees[int(rng.integers(len(trees)))].merge(other)
            assert not other.nodes
        np.testing.assert_array_equal(trees[0].total(n_blocks), expected)


def test_order_of_plain_additions_does_matter_here():
    values = values_of(40)
    assert (sum(values) != sum(values[::-1])).any()


def test_blocks_in_order_are_held_as_few_sums():
    tree = BlockTree()
    for block in range(1000):
        tree.add(block, np.ones(1))
        assert len(tree.nodes) == (block + 1).bit_count() <= 10
    assert tree.total(1000) == 1000
    assert not tree.nodes


def test_value_of_the_left_neighbour_is_changed_in_place():
    tree, left = BlockTree(), np.ones(3)
    tree.add(1, np.ones(3))
    tree.add(0, left)
    assert tree.total(2) is left


@pytest.mark.parametrize("added", [[], [0, 2], [0, 1, 2, 3], [1, 2], [3]])
def test_other_blocks_than_all_are_refused(added):
    tree = BlockTree()
    for block in added:
        tree.add(block, np.ones(1))
    with pytest.raises(ValueError, match="the blocks added must be the 3 of the run"):
        tree.total(3)


def test_block_added_twice_is_refused():
    tree, other = BlockTree(), BlockTree()
    for block in (0, 1, 4):
        tree.add(block, np.ones(1))
    other.add(5, np.ones(1))
    other.add(1, np.ones(1))
    for block in (0, 1, 4):
        with pytest.raises(ValueError, match="added once, not twice"):
            tree.add(block, np.ones(1))
    with pytest.raises(ValueError, match="added once, not twice"):
        tree.merge(other)
