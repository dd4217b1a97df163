"""What a look finds: whole files, and those of their rows that are new."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cl2d.errors import InputError
from cl2d.io import write_stack
from cl2d.pipeline.watch_input import Lookout
from cl2d.pipeline.watch_state import WatchState
from tests.particle_files import BOX, numbered_images, write_table

OPTICS = (
    "data_optics\nloop_\n_rlnOpticsGroup\n_rlnOpticsGroupName\n_rlnVoltage\n"
    "_rlnSphericalAberration\n_rlnAmplitudeContrast\n_rlnImagePixelSize\n_rlnImageSize\n"
    f"_rlnImageDimensionality\n1 opticsGroup1 300 2.7 0.1 2.0 {BOX} 2\n"
)


def lookout(folder, watched):
    return Lookout(watched, WatchState(folder / "out", str(watched), str(Path.cwd()), {}))


def names(found):
    """Return the numbers and stacks of what was found, without folders."""
    if found.table is None:
        return []
    parts = (name.split("@") for name in found.table.text("rlnImageName"))
    return [f"{int(number)}@{Path(stack).name}" for number, stack in parts]


def table(folder, images, name="particles.star", **columns):
    groups = {"rlnOpticsGroup": ["1"] * len(images), **columns}
    path = write_table(folder, images, columns=groups, optics=OPTICS)
    return path.rename(folder / name)


def test_rows_that_are_added_are_taken_once(two_stacks):
    path = table(two_stacks, ["1@a.mrcs", "2@a.mrcs"])
    looks = lookout(two_stacks, path)
    assert names(looks.look(patient=False)) == ["1@a.mrcs", "2@a.mrcs"]
    assert names(looks.look(patient=False)) == []
    with path.open("a") as stream:
        stream.write("1@b.mrcs 1\n")
    assert names(looks.look(patient=False)) == ["1@b.mrcs"]


def test_a_longer_table_in_another_order_gives_its_new_rows(two_stacks):
    path = table(two_stacks, ["1@a.mrcs", "2@a.mrcs"])
    looks = lookout(two_stacks, path)
    looks.look(patient=False)
    table(two_stacks, ["3@b.mrcs", "2@a.mrcs", "4@a.mrcs", "1@a.mrcs"])
    assert names(looks.look(patient=False)) == ["3@b.mrcs", "4@a.mrcs"]


def test_an_image_that_two_rows_or_two_tables_name_is_taken_once(two_stacks):
    table(two_stacks, ["1@a.mrcs", "2@a.mrcs", "000001@a.mrcs"], "first.star")
    table(two_stacks, ["2@a.mrcs", "3@a.mrcs", f"1@{two_stacks / 'a.mrcs'}"], "second.star")
    found = lookout(two_stacks, two_stacks).look(patient=False)
    assert names(found) == ["1@a.mrcs", "2@a.mrcs", "3@a.mrcs"]


def test_columns_are_those_of_the_table(two_stacks):
    path = table(two_stacks, ["1@a.mrcs"], rlnDefocusU=["12345.678"])
    found = lookout(two_stacks, path).look(patient=False)
    assert found.table.text("rlnDefocusU") == ["12345.678"]
    assert found.table.optics.text("rlnVoltage") == ["300"]


def test_a_row_that_is_half_written_is_left_whole(two_stacks):
    path = table(two_stacks, ["1@a.mrcs", "2@a.mrcs"], rlnDefocusU=["1.25", "2.75"])
    whole = path.read_bytes()
    looks = lookout(two_stacks, path)
    cuts = range(whole.index(b"1@a.mrcs"), len(whole))
    for cut in cuts:
        path.write_bytes(whole[:cut])
        found = lookout(two_stacks, path).look(patient=False)
        if found.table is not None:  # cut between two rows
            assert found.table.text("rlnDefocusU") == ["1.25"]
            assert whole[cut - 1 : cut] == b"\n"
    path.write_bytes(whole[:-2])
    assert names(looks.look(patient=False)) == []
    assert "end of a line" in looks.left[str(path)]
    path.write_bytes(whole)
    assert names(looks.look(patient=False)) == ["1@a.mrcs", "2@a.mrcs"]
    assert looks.left == {}


def test_a_table_beyond_the_end_of_a_stack_waits_for_the_stack(two_stacks):
    path = table(two_stacks, ["4@a.mrcs", "5@a.mrcs"])
    looks = lookout(two_stacks, path)
    assert names(looks.look(patient=False)) == []
    assert "a.mrcs" in looks.left[str(path)]
    write_stack(two_stacks / "a.mrcs", numbered_images(5), 2.0)
    assert names(looks.look(patient=False)) == ["4@a.mrcs", "5@a.mrcs"]


def test_a_stack_that_is_cut_short_is_left(two_stacks):
    whole = (two_stacks / "b.mrcs").read_bytes()
    (two_stacks / "b.mrcs").write_bytes(whole[:-1])
    looks = lookout(two_stacks, two_stacks)
    assert names(looks.look(patient=False)) == [f"{i}@a.mrcs" for i in range(1, 5)]
    (two_stacks / "b.mrcs").write_bytes(whole)
    assert names(looks.look(patient=False)) == [f"{i}@b.mrcs" for i in range(1, 4)]


def test_a_patient_look_takes_what_has_not_changed_since_the_look_before(two_stacks):
    path = table(two_stacks, ["1@a.mrcs"])
    looks = lookout(two_stacks, path)
    assert names(looks.look(patient=True)) == []
    os.utime(two_stacks / "a.mrcs", ns=(1, 1))  # the stack is still being written
    assert names(looks.look(patient=True)) == []
    assert names(looks.look(patient=True)) == ["1@a.mrcs"]


def test_stacks_beside_tables_are_not_particles_of_their_own(two_stacks):
    table(two_stacks, ["1@b.mrcs"])
    assert names(lookout(two_stacks, two_stacks).look(patient=False)) == ["1@b.mrcs"]


def test_tables_that_come_after_bare_stacks_are_told(two_stacks):
    looks = lookout(two_stacks, two_stacks)
    assert len(names(looks.look(patient=False))) == 7
    path = table(two_stacks, ["1@b.mrcs"])
    assert names(looks.look(patient=False)) == []
    assert "without tables" in looks.left[str(path)]


@pytest.mark.parametrize("what", ["columns", "box", "pixel size"])
def test_particles_that_do_not_fit_are_left_with_the_reason(two_stacks, what):
    table(two_stacks, ["1@a.mrcs"], "first.star")
    looks = lookout(two_stacks, two_stacks)
    looks.look(patient=False)
    columns = {"rlnDefocusU": ["1"]} if what == "columns" else {}
    stack = np.ones((1, 8, 8), np.float32) if what == "box" else numbered_images(1)
    write_stack(two_stacks / "c.mrcs", stack, 2.0)
    path = table(two_stacks, ["1@c.mrcs"], "second.star", **columns)
    text = path.read_text()
    if what == "pixel size":
        path.write_text(text.replace("0.1 2.0", "0.1 2.5"))
    elif what == "box":
        path.write_text(text.replace(f"2.0 {BOX}", "2.0 8"))
    assert names(looks.look(patient=False)) == []
    assert what in looks.left[str(path)]


def test_a_stack_without_a_pixel_size_is_left(tmp_path):
    write_stack(tmp_path / "a.mrcs", numbered_images(4), None)
    looks = lookout(tmp_path, tmp_path)
    assert names(looks.look(patient=False)) == []
    assert "pixel size must be in" in looks.left[str(tmp_path / "a.mrcs")]


def test_tables_of_old_and_of_xmipp_get_optics_groups(two_stacks):
    path = write_table(two_stacks, ["1@a.mrcs"], columns={"rlnVoltage": ["200"]})
    found = lookout(two_stacks, path).look(patient=False)
    assert found.table.optics.text("rlnVoltage") == ["200.0"]
    (two_stacks / "p.xmd").write_text("data_noname\nloop_\n_image\n_enabled\n2@b.mrcs 1\n")
    found = lookout(two_stacks, two_stacks / "p.xmd").look(patient=False)
    assert names(found) == ["2@b.mrcs"]
    assert found.table.text("enabled") == ["1"]


def test_what_is_watched_must_be_there(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        lookout(tmp_path, tmp_path / "absent").look(patient=False)
