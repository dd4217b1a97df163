"""Columns of particles.star and classes.star, level archives and the hierarchy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cl2d.io import read_star
from cl2d.outputs.hierarchy import hierarchy, write_hierarchy
from cl2d.outputs.level_files import write_level_classes, write_level_particles
from cl2d.outputs.tables import class_columns, particle_columns, write_class_table
from cl2d.results import ClassHomogeneity, LevelResult, Poses, identity_poses

if TYPE_CHECKING:
    from pathlib import Path


def make_level(
    labels: list[int], n_classes: int, parents: list[int] | None = None, level: int = 0
) -> LevelResult:
    rng = np.random.default_rng(level)
    n = len(labels)
    poses = Poses(rng.uniform(-3, 3, n), rng.normal(size=(n, 2)), rng.random(n) < 0.5)
    scores = rng.random((2, n)).astype(np.float32)
    parents = [-1] * n_classes if parents is None else parents
    return LevelResult(
        level,
        n_classes,
        np.array(labels, dtype=np.int32),
        poses,
        scores[0],
        scores[1],
        np.array(parents, dtype=np.int32),
    )


@pytest.fixture
def three_levels() -> list[LevelResult]:
    """2, 3 and 4 classes; the last class of all is empty, the fifth image is in no class."""
    return [
        make_level([0, 0, 1, 1, -1], 2),
        make_level([2, 1, 0, 0, -1], 3, [1, 0, 0], level=1),
        make_level([2, 1, 0, 0, -1], 4, [0, 1, 2, 1], level=2),
    ]


def test_origins_are_in_angstrom_where_the_pixel_size_is_known() -> None:
    level = make_level([0, 1, 0], 2)
    columns = particle_columns(level, np.zeros(3, dtype=np.uint8), 1.5)
    origin = level.poses.relion_origin_px()
    np.testing.assert_allclose(columns["rlnOriginXAngst"], 1.5 * origin[:, 0])
    np.testing.assert_allclose(columns["rlnOriginYAngst"], 1.5 * origin[:, 1])
    assert "rlnOriginX" not in columns


def test_origins_are_in_pixels_too_where_it_is_not() -> None:
    level = make_level([0, 1, 0], 2)
    columns = particle_columns(level, np.zeros(3, dtype=np.uint8), None)
    origin = level.poses.relion_origin_px()
    np.testing.assert_allclose(columns["rlnOriginX"], origin[:, 0])
    np.testing.assert_allclose(columns["rlnOriginY"], origin[:, 1])
    np.testing.assert_allclose(columns["rlnOriginXAngst"], origin[:, 0])
    np.testing.assert_allclose(columns["rlnOriginYAngst"], origin[:, 1])


def test_columns_say_class_angle_flip_and_scores() -> None:
    level = make_level([0, 1, 0], 2)
    columns = particle_columns(level, np.zeros(3, dtype=np.uint8), 1.0)
    np.testing.assert_array_equal(columns["rlnClassNumber"], [1, 2, 1])
    np.testing.assert_allclose(columns["rlnAnglePsi"], np.degrees(level.poses.psi_rad))
    np.testing.assert_array_equal(columns["rlnIsFlip"], level.poses.mirror.astype(int))
    np.testing.assert_array_equal(columns["cl2dScore"], level.scores)
    np.testing.assert_array_equal(columns["cl2dConfidence"], level.confidence)
    assert columns["cl2dFlag"] == ["usable"] * 3


def test_margin_is_written_where_it_is_known() -> None:
    level = replace(make_level([0, -1, 1], 2), margin=np.array([0.2, 0.5, 0.1], dtype=np.float32))
    columns = particle_columns(level, np.array([0, 2, 0], dtype=np.uint8), 1.0)
    np.testing.assert_array_equal(columns["cl2dMargin"], np.float32([0.2, 0, 0.1]))
    assert "cl2dMargin" not in particle_columns(make_level([0], 1), np.zeros(1, np.uint8), 1.0)


def test_flagged_images_have_class_zero_no_pose_and_a_reason() -> None:
    level = make_level([-1, 0, -1, -1, -1], 1)
    flags = np.array([1, 0, 2, 9, 3], dtype=np.uint8)
    columns = particle_columns(level, flags, 1.0)
    assert columns["cl2dFlag"] == ["not_finite", "usable", "constant", "flag_9", "disabled"]
    for name, column in columns.items():
        if name != "cl2dFlag":
            assert np.asarray(column)[[0, 2, 3, 4]].tolist() == [0, 0, 0, 0], name


def test_old_tilts_of_the_input_are_set_to_zero() -> None:
    level = make_level([0, 0], 1)
    old = {"rlnAngleRot", "rlnAngleTilt", "rlnDefocusU"}
    columns = particle_columns(level, np.zeros(2, dtype=np.uint8), 2.0, old)
    assert np.asarray(columns["rlnAngleRot"]).tolist() == [0, 0]
    assert np.asarray(columns["rlnAngleTilt"]).tolist() == [0, 0]
    assert "rlnDefocusU" not in columns


def test_class_table_counts_shares_and_means(three_levels: list[LevelResult]) -> None:
    level = three_levels[2]
    columns = class_columns(three_levels)
    assert columns["rlnReferenceImage"] == [f"{k:06d}@classes.mrcs" for k in (1, 2, 3, 4)]
    np.testing.assert_array_equal(columns["cl2dMembers"], [2, 1, 1, 0])
    np.testing.assert_allclose(columns["rlnClassDistribution"], [0.5, 0.25, 0.25, 0])
    expected = [level.scores[[2, 3]].mean(), level.scores[1], level.scores[0], 0]
    np.testing.assert_allclose(columns["cl2dMeanScore"], expected, rtol=1e-6)
    expected = [level.confidence[[2, 3]].mean(), level.confidence[1], level.confidence[0], 0]
    np.testing.assert_allclose(columns["cl2dMeanConfidence"], expected, rtol=1e-6)


def test_class_table_follows_parents_through_all_levels(three_levels: list[LevelResult]) -> None:
    columns = class_columns(three_levels)
    np.testing.assert_array_equal(columns["cl2dParentLevel01"], [1, 2, 3, 2])
    np.testing.assert_array_equal(columns["cl2dParentLevel00"], [2, 1, 1, 1])
    names = [name for name in columns if name.startswith("cl2dParent")]
    assert names == ["cl2dParentLevel00", "cl2dParentLevel01"]
    assert not any(name.startswith("cl2dParent") for name in class_columns(three_levels[:1]))


def test_class_without_a_known_parent_has_parent_zero() -> None:
    levels = [make_level([0], 1), make_level([0], 2, [0, -1], level=1)]
    levels.append(make_level([0], 2, [1, 0], level=2))
    columns = class_columns(levels)
    np.testing.assert_array_equal(columns["cl2dParentLevel01"], [2, 1])
    np.testing.assert_array_equal(columns["cl2dParentLevel00"], [0, 1])


def test_class_table_can_be_read_back(tmp_path: Path, three_levels: list[LevelResult]) -> None:
    write_class_table(tmp_path / "classes.star", three_levels)
    block = read_star(tmp_path / "classes.star")["classes"]
    assert block.text("rlnReferenceImage")[3] == "000004@classes.mrcs"
    np.testing.assert_array_equal(block.numbers("cl2dMembers"), [2, 1, 1, 0])
    assert block.numbers("rlnClassDistribution").sum() == pytest.approx(1)


def test_homogeneity_has_columns_where_it_is_known(three_levels: list[LevelResult]) -> None:
    assert "cl2dHomogeneity" not in class_columns(three_levels)
    figures = ClassHomogeneity(np.arange(4) / 100, np.arange(4) / 1000, np.arange(4) / 4)
    columns = class_columns([*three_levels[:2], replace(three_levels[2], homogeneity=figures)])
    np.testing.assert_array_equal(columns["cl2dSplitGain"], [0, 0.01, 0.02, 0.03])
    np.testing.assert_array_equal(columns["cl2dSplitGainError"], [0, 0.001, 0.002, 0.003])
    np.testing.assert_array_equal(columns["cl2dHomogeneity"], [0, 0.25, 0.5, 0.75])


def test_no_member_at_all_is_no_division_by_zero() -> None:
    columns = class_columns([make_level([-1, -1], 2)])
    np.testing.assert_array_equal(columns["rlnClassDistribution"], [0, 0])
    np.testing.assert_array_equal(columns["cl2dMeanScore"], [0, 0])


def test_level_archive_holds_everything_without_pickles(
    tmp_path: Path, three_levels: list[LevelResult]
) -> None:
    level = three_levels[1]
    path = write_level_particles(tmp_path, level)
    assert path == tmp_path / "levels" / "level_01" / "particles.npz"
    with np.load(path, allow_pickle=False) as archive:
        stored = dict(archive)
    used = level.labels >= 0
    assert stored["class_number"].tolist() == [3, 2, 1, 1, 0]
    np.testing.assert_array_equal(stored["psi_deg"][used], level.poses.relion_angle_deg()[used])
    origin = np.stack([stored["origin_x_px"], stored["origin_y_px"]], axis=1)
    np.testing.assert_array_equal(origin[used], level.poses.relion_origin_px()[used])
    np.testing.assert_array_equal(stored["flip"][used], level.poses.mirror[used])
    np.testing.assert_array_equal(stored["score"][used], level.scores[used])
    np.testing.assert_array_equal(stored["confidence"][used], level.confidence[used])
    assert all(not column[~used].any() for column in stored.values())


def test_same_level_gives_the_same_archive_bytes(
    tmp_path: Path, three_levels: list[LevelResult]
) -> None:
    first = write_level_particles(tmp_path, three_levels[0]).read_bytes()
    assert write_level_particles(tmp_path, three_levels[0]).read_bytes() == first


def test_level_classes_come_with_their_parents(
    tmp_path: Path, three_levels: list[LevelResult]
) -> None:
    averages = np.zeros((3, 9, 9), dtype=np.float32)
    write_level_classes(tmp_path, three_levels[:2], averages, 1.5)
    folder = tmp_path / "levels" / "level_01"
    assert {path.name for path in folder.iterdir()} == {"classes.mrcs", "classes.star"}
    block = read_star(folder / "classes.star")["classes"]
    np.testing.assert_array_equal(block.numbers("cl2dParentLevel00"), [2, 1, 1])


def test_hierarchy_counts_flows_between_levels(
    tmp_path: Path, three_levels: list[LevelResult]
) -> None:
    tree = hierarchy(three_levels)
    write_hierarchy(tmp_path, three_levels)
    assert json.loads((tmp_path / "hierarchy.json").read_text()) == tree
    first, second, third = tree["levels"]
    assert first["flows"] == []
    assert first["classes"][0] == {"class_number": 1, "members": 2, "parent": None}
    assert second["flows"] == [
        {"from": 1, "to": 2, "members": 1},
        {"from": 1, "to": 3, "members": 1},
        {"from": 2, "to": 1, "members": 2},
    ]
    assert [entry["parent"] for entry in third["classes"]] == [1, 2, 3, 2]
    assert sum(flow["members"] for flow in third["flows"]) == 4


def test_identity_pose_is_written_as_zeros() -> None:
    level = make_level([0, 0], 1)
    still = LevelResult(
        0, 1, level.labels, identity_poses(2), level.scores, level.confidence, level.parents
    )
    columns = particle_columns(still, np.zeros(2, dtype=np.uint8), 1.0)
    for name in ("rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", "rlnIsFlip"):
        assert not np.any(columns[name])
