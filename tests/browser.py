"""A browser without a window that keeps account of errors and requests of a page."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

PROGRAMS = ("chromium", "chromedriver")


def start_browser(downloads: Path) -> Chrome:
    """Start Chromium, whose downloads go to a folder; the test is skipped where there is none."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    service = pytest.importorskip("selenium.webdriver.chrome.service", reason="needs selenium")
    paths = [shutil.which(name) for name in PROGRAMS]
    if None in paths:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = selenium.ChromeOptions()
    options.binary_location = str(paths[0])
    for argument in (
        "--headless=new",
        "--no-sandbox",  # tests may run as root
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver: Chrome = selenium.Chrome(options=options, service=service.Service(str(paths[1])))
    resize(driver, 1280, 800)
    return driver


def resize(driver: Chrome, width: int, height: int) -> None:
    """Give the page as much room as on a screen of this size."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def open_page(driver: Chrome, page: Path) -> None:
    """Open a page from disk, with nothing kept of earlier visits, and forget what was logged."""
    driver.get("about:blank")
    driver.get(page.as_uri())
    driver.execute_script("localStorage.clear()")
    driver.get("about:blank")
    for kind in ("browser", "performance"):
        driver.get_log(kind)
    driver.get(page.as_uri())


def complaints(driver: Chrome) -> list[str]:
    """Return what the page has written to the console since it was opened."""
    return [entry["message"] for entry in driver.get_log("browser")]


def requests(driver: Chrome) -> list[str]:
    """Return the addresses asked for since the page was opened, but those of data in the page."""
    found = []
    for entry in driver.get_log("performance"):
        message: dict[str, Any] = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            address = message["params"]["request"]["url"]
            if not address.startswith(("data:", "blob:")):
                found.append(address)
    return found


def by_id(driver: Chrome, name: str) -> WebElement:
    """Return the element of this id."""
    return driver.find_element("id", name)
