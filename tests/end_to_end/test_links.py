"""Nothing is written outside the output folder, whatever links lie in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cl2d
from cl2d.errors import InputError
from cl2d.io import array_source, write_stack
from cl2d.outputs import write_run
from tests.faults.table import WRITTEN
from tests.finished_run import finished
from tests.level_of_labels import level_of

FOLDERS = sorted({str(part) for name in WRITTEN for part in Path(name).parents} - {"."})


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).normal(size=(40, 24, 24))
    write_stack(tmp_path / "in.mrcs", images, 8.0)
    return tmp_path / "in.mrcs"


def classified(stack: Path, out: Path, **options: object) -> None:
    cl2d.classify(
        stack,
        n_classes=2,
        initial_classes=1,
        iterations=1,
        threads=1,
        output=out,
        overwrite=True,
        format="relion,xmipp,cryosparc",
        **options,
    )


def test_links_in_place_of_every_file_are_replaced_not_followed(
    stack: Path, tmp_path: Path
) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    for number, name in enumerate(WRITTEN):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (outside / str(number)).write_text("not yours")
        (out / name).symlink_to(outside / str(number))
    classified(stack, out)
    assert all((outside / str(number)).read_text() == "not yours" for number in range(len(WRITTEN)))
    assert [name for name in WRITTEN if (out / name).is_symlink()] == []
    assert all((out / name).is_file() for name in WRITTEN)


@pytest.mark.parametrize("folder", FOLDERS)
def test_links_in_place_of_folders_are_refused(stack: Path, tmp_path: Path, folder: str) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    (out / folder).parent.mkdir(parents=True)
    (out / folder).symlink_to(outside)
    with pytest.raises(InputError, match="not a symbolic link"):
        classified(stack, out)
    assert list(outside.iterdir()) == []


def test_link_in_place_of_the_folder_of_rejected_particles_is_refused(tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    out.mkdir()
    (out / "rejected").symlink_to(outside)
    source = array_source(np.random.default_rng(0).normal(size=(4, 16, 16)), 2.0)
    levels = [level_of([0, 0, 1, 0], 2)]
    run = replace(finished(source, levels), rejected=finished(source, levels))
    with pytest.raises(InputError, match="not a symbolic link"):
        write_run(out, run)
    assert list(outside.iterdir()) == []
