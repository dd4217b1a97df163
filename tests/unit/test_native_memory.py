"""Where the system gives no more memory, the extension raises MemoryError and can go on."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from cl2d import _native

grid = _native.PolarGrid(64, 1, 21, 30.0)
block = _native.ImageBlock(grid, 2000)
samples = np.ones((300, grid.n_rings, grid.n_half_angles), np.complex64)
psi, shift_xy, mirror = np.zeros(2000), np.zeros((2000, 2)), np.zeros(2000, np.uint8)
slots = np.zeros(2000, np.int32)
members = np.ones((30000, 200), np.float32)
tiles = _native.TileRange(0, block.n_tiles)
options = _native.SearchOptions(True, 1)
calls = {
    "block": lambda: _native.ImageBlock(grid, 4000),
    "select": lambda: block.select(np.arange(2000)),
    "from_polar": lambda: _native.ImageBlock.from_polar(grid, np.repeat(samples[:1], 2000, 0), 1),
    "moved_images": lambda: _native.moved_images(block, tiles, shift_xy, 1),
    "search": lambda: _native.search(block, tiles, samples[:1], np.zeros((4000, 2)), options),
    "accumulate": lambda: _native.accumulate(block, slots, psi, shift_xy, mirror, 3000, 1),
    "align_members": lambda: _native.align_members(block, psi, shift_xy, mirror, 1),
    "sums": lambda: _native.gram_spectrum(members, 8),
}
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
most = resource.getrlimit(resource.RLIMIT_AS)
for name, call in calls.items():
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 18), most[1]))
    try:
        call()
    except MemoryError:
        print("refused", name)
    else:
        print("accepted", name)
    resource.setrlimit(resource.RLIMIT_AS, most)
print("after", _native.accumulate(block, slots, psi, shift_xy, mirror, 1, 1).shape[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does")
def test_too_little_memory_is_a_memory_error_and_not_the_end():
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert said.pop() == "after 1"
    assert len(said) == 8
    assert all(line.startswith("refused ") for line in said)
