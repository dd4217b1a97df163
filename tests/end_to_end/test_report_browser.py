"""The page of a run in a real browser: everything that a user does with it."""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import cl2d
from cl2d.cli import main
from cl2d.io import read_particle_table
from tests.browser import by_id, complaints, open_page, requests, resize, start_browser
from tests.report_pages import HOSTILE, page_data, write_hostile_particles

pytest.importorskip("selenium", reason="needs selenium")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

pytestmark = pytest.mark.programs
N_CLASSES = 12
DOWNLOAD_SECONDS = 120


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(downloads: Path) -> Iterator[Chrome]:
    driver = start_browser(downloads)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def run(browser: Chrome, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001 - none without
    """Return a run in a folder whose name a shell would take apart, with a hostile warning."""
    folder = tmp_path_factory.mktemp("report")
    particles = write_hostile_particles(folder)
    out = folder / "it's a run; $(echo no)"
    options = {"n_classes": N_CLASSES, "initial_classes": 3, "iterations": 2, "threads": 1}
    cl2d.classify(particles, output=out, **options)
    record = json.loads((out / "run.json").read_text())
    record["warnings"].append(f"a warning {HOSTILE}")
    (out / "run.json").write_text(json.dumps(record))
    cl2d.report(out)
    return out


@pytest.fixture
def page(browser: Chrome, run: Path) -> Iterator[Chrome]:
    """Return the browser with the page open and nothing selected; it must not complain."""
    open_page(browser, run / "report.html")
    by_id(browser, "none").click()
    yield browser
    assert complaints(browser) == []
    assert [a for a in requests(browser) if not a.startswith("file:")] == []


def shown(driver: Chrome) -> list[int]:
    return driver.execute_script(
        "return [...document.querySelectorAll('.tile')].map((t) => Number(t.dataset.number))"
    )


def selected(driver: Chrome) -> list[int]:
    return driver.execute_script(
        "return [...document.querySelectorAll('.tile')].filter((t) =>"
        " t.querySelector('.pick').getAttribute('aria-checked') === 'true')"
        ".map((t) => Number(t.dataset.number)).sort((a, b) => a - b)"
    )


def tile(driver: Chrome, number: int) -> WebElement:
    return driver.find_element("css selector", f'.tile[data-number="{number}"] .pick')


def shift_click(driver: Chrome, target: WebElement) -> None:
    ActionChains(driver).key_down(Keys.SHIFT).click(target).key_up(Keys.SHIFT).perform()


def press(driver: Chrome, *keys: str) -> None:
    driver.switch_to.active_element.send_keys(*keys)


def downloaded(path: Path) -> Path:
    """Wait for a file that the browser saves."""
    end = time.monotonic() + DOWNLOAD_SECONDS
    while not path.is_file():
        assert time.monotonic() < end, f"{path} was not saved"
        time.sleep(0.05)
    return path


def test_page_opens_with_the_proposal_selected_and_asks_for_nothing(
    browser: Chrome, run: Path
) -> None:
    open_page(browser, run / "report.html")
    data = page_data(run / "report.html")
    assert shown(browser) == list(range(1, N_CLASSES + 1))
    assert selected(browser) == [e["number"] for e in data["classes"] if e["selected"]]
    assert requests(browser) == [(run / "report.html").as_uri()]
    assert complaints(browser) == []


def test_hostile_names_are_text_and_run_nothing(page: Chrome) -> None:
    assert page.execute_script("return window.broken") is None
    for tab in ("micrographs", "run"):
        by_id(page, f"tab-{tab}").click()
    assert HOSTILE in by_id(page, "micrographs").get_attribute("textContent")
    assert HOSTILE in by_id(page, "warnings").get_attribute("textContent")
    assert page.execute_script("return document.scripts.length") == 2


def test_click_selects_and_counts_particles(page: Chrome, run: Path) -> None:
    members = [entry["members"] for entry in page_data(run / "report.html")["classes"]]
    tile(page, 2).click()
    tile(page, 5).click()
    assert selected(page) == [2, 5]
    words = by_id(page, "count").text
    assert words.startswith(f"2 of {N_CLASSES} classes selected: {members[1] + members[4]} of 320")
    tile(page, 2).click()
    assert selected(page) == [5]


def test_shift_click_selects_the_range_in_the_order_shown(page: Chrome) -> None:
    tile(page, 3).click()
    shift_click(page, tile(page, 6))
    assert selected(page) == [3, 4, 5, 6]
    tile(page, 5).click()
    shift_click(page, tile(page, 3))  # the last one picked was taken away, so the range is
    assert selected(page) == [6]


def test_buttons_select_all_none_the_others_and_the_proposal(page: Chrome, run: Path) -> None:
    every = list(range(1, N_CLASSES + 1))
    by_id(page, "all").click()
    assert selected(page) == every
    by_id(page, "none").click()
    assert selected(page) == []
    tile(page, 1).click()
    by_id(page, "invert").click()
    assert selected(page) == every[1:]
    by_id(page, "proposal").click()
    classes = page_data(run / "report.html")["classes"]
    assert selected(page) == [entry["number"] for entry in classes if entry["selected"]]


def test_order_follows_the_figures_and_can_be_reversed(page: Chrome, run: Path) -> None:
    classes = page_data(run / "report.html")["classes"]
    known = [e for e in classes if e["resolution"][0] is not None]
    unknown = [e["number"] for e in classes if e["resolution"][0] is None]
    Select(by_id(page, "sort")).select_by_value("resolution")
    by_resolution = [e["number"] for e in sorted(known, key=lambda e: e["resolution"][0])]
    assert shown(page) == [*by_resolution, *unknown]
    Select(by_id(page, "sort")).select_by_value("likeness_rank")
    by_likeness = [e["number"] for e in sorted(classes, key=lambda e: e["likeness_rank"])]
    assert shown(page) == by_likeness
    by_id(page, "reverse").click()
    assert shown(page) == by_likeness[::-1]


def test_filters_hide_classes_and_select_by_threshold(page: Chrome, run: Path) -> None:
    classes = page_data(run / "report.html")["classes"]
    limit = sorted(entry["quality"] for entry in classes)[N_CLASSES // 2]
    good = [entry["number"] for entry in classes if entry["quality"] >= limit]
    assert 0 < len(good) < N_CLASSES
    by_id(page, "min-quality").send_keys(f"{limit}")
    assert shown(page) == good
    by_id(page, "add-shown").click()
    by_id(page, "clear").click()
    assert shown(page) == list(range(1, N_CLASSES + 1))
    assert selected(page) == good
    smallest = min(entry["members"] for entry in classes)
    by_id(page, "min-size").send_keys(f"{smallest + 1}")
    assert set(shown(page)) == {e["number"] for e in classes if e["members"] > smallest}
    by_id(page, "drop-shown").click()
    by_id(page, "clear").click()
    assert set(selected(page)) == {e["number"] for e in classes if e["members"] == smallest} & {
        *good
    }


def test_keys_move_select_extend_and_open_the_details(page: Chrome) -> None:
    page.execute_script("document.querySelector('.pick[tabindex=\"0\"]').focus()")
    press(page, Keys.ARROW_RIGHT)
    press(page, Keys.SPACE)
    assert selected(page) == [2]
    press(page, Keys.SHIFT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.NULL)
    assert selected(page) == [2, 3, 4]
    press(page, Keys.END)
    press(page, Keys.ENTER)
    assert by_id(page, "panel").is_displayed()
    assert page.find_element("css selector", "#panel h2").text == f"Class {N_CLASSES}"
    press(page, Keys.ESCAPE)
    assert not by_id(page, "panel").is_displayed()
    assert page.switch_to.active_element == tile(page, N_CLASSES)
    press(page, Keys.CONTROL, "a", Keys.NULL)
    assert selected(page) == list(range(1, N_CLASSES + 1))


def test_details_show_averages_curve_histograms_and_members(page: Chrome, run: Path) -> None:
    data = page_data(run / "report.html")
    page.find_element("css selector", '.tile[data-number="1"] .more').click()
    panel = by_id(page, "panel")
    pictures = panel.find_elements("css selector", ".average img")
    assert [p.get_attribute("src") for p in pictures] == [
        data["pictures"][name][0] for name in ("all", "core", "stable_core")
    ]
    charts = [c.get_attribute("aria-label") for c in panel.find_elements("css selector", "svg")]
    assert len(charts) == 7  # curve, score, lead, confidence, junk z, shift, angle
    assert charts[0].startswith("Fourier ring correlation")
    n_shown = len(data["members"]["best"][0]) + len(data["members"]["worst"][0])
    assert len(panel.find_elements("css selector", ".member")) == n_shown
    by_id(page, "panel-selected").click()
    assert selected(page) == [1]
    panel.find_element("css selector", '[aria-label="Next class"]').click()
    assert panel.find_element("css selector", "h2").text == "Class 2"


def test_pictures_are_whole(page: Chrome) -> None:
    assert page.execute_script(
        "return [...document.querySelectorAll('.tile img')].every((i) => i.naturalWidth > 0)"
    )


def test_every_part_has_its_tab_and_the_tree_folds(page: Chrome) -> None:
    for tab in ("hierarchy", "convergence", "micrographs", "run"):
        by_id(page, f"tab-{tab}").click()
        assert by_id(page, tab).is_displayed()
        assert not by_id(page, "classes").is_displayed()
    by_id(page, "tab-hierarchy").click()
    nodes = by_id(page, "hierarchy").find_elements("css selector", ".node")
    visible = sum(node.is_displayed() for node in nodes)
    fold = by_id(page, "hierarchy").find_element("css selector", ".fold")
    fold.click()
    assert fold.get_attribute("aria-expanded") == "false"
    assert sum(node.is_displayed() for node in nodes) < visible
    nodes[0].click()
    assert by_id(page, "panel").text.startswith("Level 0, class 1")


def test_selection_survives_a_reload_and_a_new_visit(page: Chrome, run: Path) -> None:
    tile(page, 4).click()
    tile(page, 7).click()
    page.refresh()
    assert selected(page) == [4, 7]
    page.get("about:blank")
    page.get((run / "report.html").as_uri())  # no address to tell the selection by
    assert selected(page) == [4, 7]


def test_selection_survives_a_reload_without_a_store(page: Chrome) -> None:
    tile(page, 3).click()
    page.execute_script("localStorage.clear()")
    page.refresh()
    assert selected(page) == [3]


def test_saved_selection_gives_cl2d_exactly_its_particles(
    page: Chrome, run: Path, downloads: Path, tmp_path: Path
) -> None:
    tile(page, 2).click()
    tile(page, 6).click()
    by_id(page, "save").click()
    # The name of the folder, with all that a shell or a file system minds replaced.
    saved = downloaded(downloads / "it_s_a_run_echo_no__selection.json")
    table = read_particle_table(run / "particles.star")
    numbers = table.numbers("rlnClassNumber")
    rows = np.isin(numbers, [2, 6])
    names = np.array(table.text("rlnImageName"))
    good = tmp_path / "good.star"
    command = ["select", str(run), "--selection", str(saved), "-o", str(good), "--quiet"]
    assert main(command) == 0
    assert read_particle_table(good).text("rlnImageName") == names[rows].tolist()
    core = tmp_path / "core.star"
    command = ["cores", str(run), "--selection", str(saved), "-o", str(core), "--quiet"]
    assert main(command) == 0
    in_core = read_particle_table(run / "particles.star").numbers("cl2dIsCore") == 1
    assert read_particle_table(core).text("rlnImageName") == names[rows & in_core].tolist()
    by_id(page, "none").click()
    by_id(page, "load").send_keys(str(saved))
    assert selected(page) == [2, 6]


def test_file_of_another_run_is_not_loaded(page: Chrome, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"run": {"id": "x", "folder": "elsewhere"}, "classes": [1]}))
    tile(page, 5).click()
    by_id(page, "load").send_keys(str(other))
    assert "another run, elsewhere" in by_id(page, "message").text
    assert selected(page) == [5]


def test_command_on_the_page_does_what_it_says(
    page: Chrome, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3, 8):
        tile(page, number).click()
    page.find_element("css selector", "#use summary").click()
    words = shlex.split(by_id(page, "command").text)
    assert words[:3] == ["cl2d", "select", str(run)]
    monkeypatch.chdir(tmp_path)
    assert main([*words[1:], "--quiet"]) == 0
    chosen = read_particle_table(tmp_path / "selected.star").numbers("rlnClassNumber")
    assert set(chosen) == {1, 2, 3, 8}


def test_theme_can_be_changed_and_is_kept(page: Chrome) -> None:
    def paper() -> str:
        return page.execute_script("return getComputedStyle(document.body).backgroundColor")

    light = paper()
    by_id(page, "theme").click()
    dark = paper()
    assert dark != light
    page.refresh()
    assert paper() == dark
    by_id(page, "theme").click()
    assert paper() == light


@pytest.mark.parametrize("width", [400, 1280])
def test_page_is_not_wider_than_the_screen(page: Chrome, width: int) -> None:
    resize(page, width, 800)
    try:
        for tab in ("classes", "hierarchy", "convergence", "micrographs", "run"):
            by_id(page, f"tab-{tab}").click()
            assert page.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        resize(page, 1280, 800)


def test_every_control_has_a_name_for_those_who_hear_the_page(page: Chrome) -> None:
    tile(page, 1).click()
    page.find_element("css selector", '.tile[data-number="1"] .more').click()
    # Tiles and branches of the tree are all alike.
    controls = ":is(button, select, input, [role=img]):not(.tile ~ .tile *):not(li ~ li *)"
    nameless = [
        control.get_attribute("outerHTML")
        for tab in ("hierarchy", "convergence", "micrographs", "run", "classes")
        if by_id(page, f"tab-{tab}").click() is None
        for control in page.find_elements("css selector", controls)
        if control.is_displayed() and not control.accessible_name.strip()
    ]
    assert nameless == []
