"""Find out from a 2-D classification of cryoSPARC how its poses and shifts act.

Averages the members of some classes by every reading of ``alignments2D/pose`` and ``shift``:
either sign of each, shift before or after rotation. Only the right one superposes the particles, so
its averages vary most within the mask. cl2d writes poses by the reading ``+pose +shift``, shift
first.

    python cryosparc_pose_sign.py P3/J45/J45_020_particles.cs
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
from scipy.ndimage import affine_transform

from cl2d.io import open_particles
from cl2d.io.cs_dataset import read_joined_cs
from cl2d.io.cs_source import cs_paths

ORDERS = ("shift first", "rotation first")
READINGS = tuple(product((1, -1), (1, -1), ORDERS))


def moved(image: np.ndarray, pose_rad: float, shift_px: np.ndarray, order: str) -> np.ndarray:
    """Return an image moved by p = R (x + shift), or by p = R x + shift."""
    cos, sin = np.cos(pose_rad), np.sin(pose_rad)
    back = np.array([[cos, -sin], [sin, cos]])  # the inverse of R, for rows before columns
    centre = len(image) // 2
    shift = shift_px[::-1]
    origin = back @ -np.full(2, centre) + centre
    offset = origin - (shift if order == ORDERS[0] else back @ shift)
    return affine_transform(image, back, offset, order=1)


def readings(address: str, n_classes: int, members: int) -> dict[tuple[int, int, str], float]:
    """Return for each reading the mean variance of the averages of the largest classes."""
    source = open_particles(address)
    fields = read_joined_cs(cs_paths(Path(address)) or [])
    labels = fields["alignments2D/class"].astype(int)
    scale = fields["alignments2D/psize_A"] / fields["blob/psize_A"]
    y, x = np.mgrid[: source.box_px, : source.box_px] - source.box_px // 2
    disc = x**2 + y**2 < (0.4 * source.box_px) ** 2
    found = dict.fromkeys(READINGS, 0.0)
    for k in np.argsort(-np.bincount(labels))[:n_classes]:
        rows = np.flatnonzero(labels == k)[:members]
        images = [source.read(row, row + 1)[0] for row in rows.tolist()]
        for pose_sign, shift_sign, order in READINGS:
            total = np.zeros((source.box_px, source.box_px))
            for row, image in zip(rows, images, strict=True):
                pose = pose_sign * float(fields["alignments2D/pose"][row])
                shift = shift_sign * scale[row] * fields["alignments2D/shift"][row]
                total += moved(image, pose, shift, order)
            found[pose_sign, shift_sign, order] += float((total / len(rows))[disc].var())
    return found


def main() -> None:
    """Print the readings, the best one first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("particles", help="dataset with alignments2D; a.cs+b.cs joins two")
    parser.add_argument("--classes", type=int, default=8, help="how many, the largest")
    parser.add_argument("--members", type=int, default=200, help="how many of each class")
    asked = parser.parse_args()
    found = readings(asked.particles, asked.classes, asked.members)
    for (pose_sign, shift_sign, order), variance in sorted(
        found.items(), key=lambda item: -item[1]
    ):
        print(f"{pose_sign:+d} pose  {shift_sign:+d} shift  {order:<14}  variance {variance:.5g}")


if __name__ == "__main__":
    main()
