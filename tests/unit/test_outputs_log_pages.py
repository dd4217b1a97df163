from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cl2d.evaluate import LevelEvaluation
from cl2d.io import array_source
from cl2d.outputs.log_pages import class_figures, write_log
from cl2d.results import ClassHomogeneity
from tests.finished_run import FinishedClassification, finished
from tests.level_of_labels import level_of

if TYPE_CHECKING:
    from pathlib import Path

BOX = 8


def run(n_classes: int) -> FinishedClassification:
    """A run of three particles in its first class and one in its second."""
    images = np.random.default_rng(0).normal(size=(4, BOX, BOX))
    return finished(array_source(images, 2.0), [level_of([0, 0, 1, 0], n_classes)])


def test_figures_of_a_class_are_those_of_the_run() -> None:
    result = run(2)
    homogeneity = ClassHomogeneity(np.zeros(2), np.zeros(2), np.array([0.25, 0.5]))
    result.levels = [replace(result.levels[0], homogeneity=homogeneity)]
    result.evaluations = (
        LevelEvaluation(
            level=0,
            half_members=np.array([[2, 1], [0, 0]]),
            frequency_per_px=np.arange(5) / BOX,
            frc=np.ones((2, 5)),
            ssnr=np.ones((2, 5)),
            crossing_per_px=np.array([[0.25, 0.4], [np.nan, np.nan]]),
            quality=np.array([0.9, 0.0]),
            order=np.arange(2),
            pixel_size_angstrom=2.0,
            reasons=((), ("too_small", "weak")),
        ),
    )
    assert class_figures(result) == [
        ("1", "3", "75.0 %", "8.0 A", "0.90", "0.25", "good"),
        ("2", "1", "25.0 %", "-", "0.00", "0.50", "too small, weak"),
    ]


def test_what_was_not_measured_is_a_dash() -> None:
    assert class_figures(run(3))[2] == ("3", "0", "0.0 %", "-", "-", "-", "-")


@pytest.mark.parametrize(("n_classes", "n_pages"), [(1, 2), (35, 2), (36, 3), (100, 4)])
def test_classes_fill_as_many_pages_as_they_need(
    tmp_path: Path, n_classes: int, n_pages: int
) -> None:
    images = array_source(np.zeros((1, BOX, BOX)), 2.0)
    result = finished(images, [level_of([0], n_classes)])
    write_log(tmp_path / "log.pdf", result)
    assert len(re.findall(rb"/Type /Page\b", (tmp_path / "log.pdf").read_bytes())) == n_pages
