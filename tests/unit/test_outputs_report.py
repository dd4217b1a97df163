"""Parts of the page of a run: what is chosen, counted, drawn and embedded."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from cl2d.outputs.report.distributions import N_BINS, Bins
from cl2d.outputs.report.junk import junk_by_micrograph
from cl2d.outputs.report.members import (
    MOST_OF_A_CLASS,
    MOST_PICTURES,
    SIDE_PX,
    choose_members,
    laid_over_average,
)
from cl2d.outputs.report.page import embedded_json, html
from cl2d.outputs.report.pictures import (
    average_pictures,
    average_side_px,
    core_side_px,
    tree_side_px,
)
from cl2d.results import Poses
from tests.report_pages import HOSTILE, HOSTILE_IMAGE

if TYPE_CHECKING:
    import numpy.typing as npt


def greys_of(uri: str) -> npt.NDArray[np.uint8]:
    """Return the pixels of a data URI."""
    kind, content = uri.split(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        return np.asarray(picture)


def test_best_and_worst_members_are_those_of_highest_and_lowest_score() -> None:
    labels = np.array([0, 1, 0, -1, 0, 1, 0], dtype=np.int64)
    scores = np.array([0.5, 0.1, 0.9, 1.0, 0.2, 0.3, 0.7], dtype=np.float32)
    shown = choose_members(labels, scores, 3)
    assert [rows.tolist() for rows in shown.best] == [[2, 6], [5], []]
    assert [rows.tolist() for rows in shown.worst] == [[4, 0], [1], []]


@pytest.mark.parametrize("n_classes", [1, 64, 200, 500, 3000])
def test_no_more_members_are_shown_than_the_page_may_hold(n_classes: int) -> None:
    n = 20_000
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes, n)
    shown = choose_members(labels, rng.random(n).astype(np.float32), n_classes)
    pairs = zip(shown.best, shown.worst, strict=True)
    of_class = [np.concatenate(pair) for pair in pairs]
    assert sum(map(len, of_class)) <= MOST_PICTURES
    assert all(len(rows) == len(set(rows.tolist())) for rows in of_class)
    assert max(map(len, of_class)) <= 2 * MOST_OF_A_CLASS


def test_small_classes_leave_their_room_to_large_ones() -> None:
    labels = np.repeat(np.arange(500), np.where(np.arange(500) < 10, 50, 1))
    shown = choose_members(labels, np.arange(len(labels), dtype=np.float32), 500)
    assert len(shown.best[0]) == MOST_OF_A_CLASS


def blob(box: int, x: float, y: float) -> npt.NDArray[np.float32]:
    """Return a round spot, as wide as a tenth of the box, at a place from the origin."""
    at = np.arange(box) - box // 2
    distance2 = np.square(at[:, None] - y) + np.square(at[None, :] - x)
    return np.exp(-distance2 / (2 * (box / 20) ** 2)).astype(np.float32)


@pytest.mark.parametrize("box", [50, 64, 97, 200, 257])
@pytest.mark.parametrize("mirror", [False, True])
def test_member_is_shown_where_its_pose_puts_it(box: int, mirror: bool) -> None:
    psi, shift = 0.7, np.array([0.06, -0.04]) * box
    pose = Poses(np.array([psi]), shift[None], np.array([mirror]))
    x = np.array([0.15, 0.08]) * box
    turned = np.array([[np.cos(psi), -np.sin(psi)], [np.sin(psi), np.cos(psi)]]) @ x
    place = turned * [-1 if mirror else 1, 1] - shift  # p = F R(psi) x - t
    tile = laid_over_average(blob(box, *x), pose)
    assert tile.shape == (SIDE_PX, SIDE_PX)
    weight = np.clip(tile - 0.1 * tile.max(), 0, None)
    at = np.arange(SIDE_PX) - SIDE_PX // 2
    found = np.array([(weight * at[None, :]).sum(), (weight * at[:, None]).sum()]) / weight.sum()
    # A third of a pixel of the tile, which has some smoothing and binning behind it.
    np.testing.assert_allclose(found, place * SIDE_PX / box, atol=0.34)


def test_micrographs_are_ranked_by_the_lower_limit_of_the_share_of_junk() -> None:
    names = ["two"] * 2 + ["many"] * 40 + ["none"] * 10
    junk = np.array([1, 1] + [1] * 30 + [0] * 10 + [0] * 10, dtype=bool)
    used = np.ones(52, dtype=bool)
    found = junk_by_micrograph(names, junk, used)
    assert [row["name"] for row in found["worst"]] == ["many", "two"]
    assert [row["share"] for row in found["worst"]] == [0.75, 1.0]
    assert stats.binomtest(30, 40).proportion_ci(0.95, "wilson").low > (
        stats.binomtest(2, 2).proportion_ci(0.95, "wilson").low
    )
    assert np.sum(found["histogram"]) == 3
    np.testing.assert_allclose(found["course"], [1.0, 0.75, 0.0])


def test_images_in_no_class_count_for_no_micrograph() -> None:
    used = np.array([True, False, True])
    found = junk_by_micrograph(["a", "a", "b"], np.array([False, True, True]), used)
    assert [(row["name"], row["particles"]) for row in found["worst"]] == [("b", 1)]


def test_course_of_many_micrographs_is_thinned_out_and_keeps_its_mean() -> None:
    names = [f"mic{i // 2}" for i in range(2000)]
    junk = np.random.default_rng(0).random(2000) < 0.3
    found = junk_by_micrograph(names, junk, np.ones(2000, dtype=bool))
    assert len(found["course"]) <= 120
    assert len(found["worst"]) == 25
    last = 1000 - (len(found["course"]) - 1) * found["group"]
    weights = [*[found["group"]] * (len(found["course"]) - 1), last]
    assert np.average(found["course"], weights=weights) == pytest.approx(junk.mean(), abs=1e-4)


def test_values_outside_the_bins_count_at_their_ends() -> None:
    bins = Bins(0.0, 1.0)
    index = bins.index(np.array([-5.0, 0.0, 0.999, 1.0, 7.0]))
    assert index.tolist() == [0, 0, N_BINS - 1, N_BINS - 1, N_BINS - 1]
    assert Bins.around(np.full(5, 2.0)).high > 2.0


@pytest.mark.parametrize("n_classes", [1, 64, 200, 1000])
def test_pictures_keep_the_page_below_ten_megabytes(n_classes: int) -> None:
    averages = n_classes * average_side_px(n_classes) ** 2
    cores = 2 * n_classes * core_side_px(2 * n_classes) ** 2
    tree = n_classes * tree_side_px(n_classes) ** 2
    members = MOST_PICTURES * SIDE_PX**2
    # What noise takes as a JPEG (the test below), and 4 / 3 of that as text.
    assert (averages + cores + tree + members) * 0.6 * 4 / 3 < 9e6


def test_noise_takes_three_fifths_of_a_byte_a_pixel_and_looks_as_it_did() -> None:
    noise = np.random.default_rng(0).normal(size=(4, 128, 128)).astype(np.float32)
    uris = average_pictures(noise, None, 128)
    assert np.mean([len(uri) for uri in uris]) * 3 / 4 / 128**2 < 0.6
    shown = greys_of(uris[0])
    assert shown.shape == (128, 128)
    assert np.corrcoef(shown.ravel(), noise[0].ravel())[0, 1] > 0.97


@pytest.mark.parametrize("value", [HOSTILE, HOSTILE_IMAGE, "<!--", "\u2028", "\udcff", "Å & B"])
def test_embedded_data_come_back_and_hold_no_markup(value: str) -> None:
    text = embedded_json({"name": value, value: [None, 1.5]})
    assert not set("<>&\u2028") & set(text)
    assert text.isascii()
    assert json.loads(text) == {"name": value, value: [None, 1.5]}


def test_what_is_not_finite_is_null_in_the_data() -> None:
    assert embedded_json({"a": np.array([1.0, np.nan, np.inf])}) == '{"a":[1.0,null,null]}'


def test_page_holds_all_it_needs_and_allows_nothing_else() -> None:
    page = html({"name": "{{SCRIPT}} {{STYLE}}"})
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(scripts) == len(styles) == 1
    for text in (*scripts, *styles):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]
    addresses = set(re.findall(r"https?://[^\s\"'`]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not a place
    # What looks like a slot in the data is left as it is.
    assert '"name":"{{SCRIPT}} {{STYLE}}"' in page


def test_scripts_never_write_markup() -> None:
    page = html({})
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in page
