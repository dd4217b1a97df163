"""Sets of images that leave classes empty, without spread or all alike: whatever is made of them
is finite, in memory and in the files."""

from __future__ import annotations

import json
import re

import mrcfile
import numpy as np
import pytest

import cl2d
from tests.engine_inputs import blob_particles, noise_images, random_poses

BOX = 32


def view(seed: int) -> np.ndarray:
    particle = blob_particles(BOX, random_poses(1, 2.0, seed), seed)
    return (particle + 0.2 * noise_images(1, BOX, seed)).astype(np.float32)


ONE, OTHER = view(1), view(7)
NOISE = noise_images(30, BOX)
SETS = {
    "copies of one image": np.repeat(ONE, 40, axis=0),
    "copies of two images": np.concatenate([np.repeat(ONE, 20, 0), np.repeat(OTHER, 20, 0)]),
    "an image and its negative": np.concatenate([np.repeat(ONE, 20, 0), np.repeat(-ONE, 20, 0)]),
    "copies among noise": np.concatenate([np.repeat(ONE, 30, 0), NOISE]),
    "three images": np.concatenate([ONE, OTHER, ONE]),
    "three images among flat ones": np.concatenate([ONE, OTHER, ONE, np.zeros((9, BOX, BOX))]),
    "images without numbers": np.concatenate([NOISE[:10], np.full((9, BOX, BOX), np.nan)]),
    "one pixel each": np.eye(BOX * BOX, dtype=np.float32)[:20].reshape(20, BOX, BOX),
    "next to nothing": (1e-28 * NOISE).astype(np.float32),
    "nearly too large": (1e23 * NOISE).astype(np.float32),
}
OPTIONS = {
    "one class": {"n_classes": 1},
    "three classes": {"n_classes": 3, "report": False},
    "many, by correntropy": {
        "n_classes": 8, "similarity": "correntropy", "search": "fast", "report": False
    },
    "as many as there are": {
        "n_classes": "auto", "clustering": "robust", "split_by": "better", "analyze_rejected": True,
    },
    "all but one empty": {
        "n_classes": 3, "initial_classes": 3, "min_class_percent": 0, "allow_fewer": True,
        "report": False,
    },
}  # fmt: skip


def refuse_constant(word: str) -> None:
    message = f"{word} must not stand in a file"
    raise AssertionError(message)


def check_files(folder) -> None:
    """Read all that was written; only curves.npz may hold NaN, as its documentation says."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {".star", ".json", ".mrcs"} <= {path.suffix for path in files}
    for path in files:
        if path.suffix in {".star", ".csv", ".xmd"}:
            words = re.findall(r"(?i)\b(?:nan|inf|infinity)\b", path.read_text())
            assert not words, path
        elif path.suffix == ".json":
            json.loads(path.read_text(), parse_constant=refuse_constant)
        elif path.suffix in {".mrcs", ".mrc"}:
            assert np.isfinite(mrcfile.read(path)).all(), path
        elif path.name == "particles.npz":
            with np.load(path) as arrays:
                for name in arrays.files:
                    if arrays[name].dtype.kind == "f":
                        assert np.isfinite(arrays[name]).all(), name


def check_result(run: cl2d.Classification) -> None:
    used = run.labels >= 0
    assert np.isfinite(run.averages).all()
    for level in run.levels:
        assert np.isfinite(level.scores).all()
        assert np.isfinite(level.confidence).all()
        assert np.isfinite(level.poses.psi_rad).all()
        assert np.isfinite(level.poses.shift_px).all()
        assert np.array_equal(level.labels >= 0, used)
        if level.homogeneity is not None:
            assert np.isfinite(level.homogeneity.homogeneity).all()
            assert np.isfinite(level.homogeneity.split_gain).all()
    for cores in run.cores:
        assert np.isfinite(cores.zscores.junk).all()
        assert np.isfinite(cores.zscores.pca).all()


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", SETS)
def test_degenerate_sets_give_finite_results(tmp_path, name, options):
    images, given = SETS[name], dict(OPTIONS[options])
    usable = np.isfinite(images).all((1, 2)) & (np.ptp(images, axis=(1, 2)) > 0)
    if given["n_classes"] != "auto" and given["n_classes"] > usable.sum():
        with pytest.raises(cl2d.InputError, match="must not exceed the number of"):
            cl2d.classify(images, threads=1, **given)
        return
    run = cl2d.classify(
        images, output=tmp_path / "run", pixel_size_angstrom=2.0, threads=1, iterations=5, **given
    )
    np.testing.assert_array_equal(run.labels >= 0, usable)
    check_result(run)
    check_files(tmp_path / "run")
