"""RELION's own programs, driven as its users drive them; tests skip where there are none."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

PATIENCE_SECONDS = 120  # for one step on a machine that is busy; as a rule it takes a tenth of one
SECONDS_TO_A_REPEAT = 10
# The menu of 3.1's display for classes: 16 entries, "Save selected classes" the last but one.
MENU_ENTRIES, SAVE_ENTRY = 16, 14
SCREEN_WIDTH, SCREEN_HEIGHT = 1000, 700
SELECTED_RGB = (255, 0, 0)


def _missing(*programs: str) -> list[str]:
    return [name for name in programs if shutil.which(name) is None]


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test unless all of some programs are installed."""
    missing = _missing(*programs)
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def needs_version_3_1(*programs: str) -> pytest.MarkDecorator:
    """Skip a test unless RELION's programs are there, of the version whose windows it knows."""
    missing = _missing(*programs)
    found = "no RELION" if missing else _version(programs[0])
    reason = f"needs {', '.join(missing) or 'RELION 3.1'}, found {found}"
    return pytest.mark.skipif(not found.startswith("3.1"), reason=reason)


def _version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.partition("version:")[2].strip().partition(" ")[0]


needs_relion = needs("relion_stack_create", "relion_star_printtable", "relion_star_handler")
needs_display = needs_version_3_1("relion_display", "Xvfb", "xdotool")
needs_pipeline = needs_version_3_1("relion_pipeliner")


def relion(program: str, *words: object) -> str:
    """Run one of RELION's programs in the working directory and return what it says."""
    command = [f"relion_{program}", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
    return done.stdout


def wait_for(
    found: Callable[[], object], what: str, again: Callable[[], object] | None = None
) -> None:
    """Wait until something is true; the test fails if it never becomes so.

    ``again`` repeats what should make it true: a window that has just been drawn may lose a click.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    repeat_at = time.monotonic() + SECONDS_TO_A_REPEAT
    while not found():
        if time.monotonic() > give_up:
            pytest.fail(f"{what}: not within {PATIENCE_SECONDS} s")
        if again is not None and time.monotonic() > repeat_at:
            again()
            repeat_at = time.monotonic() + SECONDS_TO_A_REPEAT
        time.sleep(0.05)


class ClassDisplay:
    """``relion_display`` on a model.star, on a screen that nobody sees.

    Parameters
    ----------
    folder : Path
        Holds the screen and what the program says.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment: dict[str, str] = {}
        self._log = folder / "display.log"

    @contextmanager
    def showing(self, model: str, select: Path, tile_px: int) -> Iterator[None]:
        """Open a job's classes as RELION's subset selection does; results go to ``select``.

        Tiles, of a side that includes a border of 2 px, stand in one row.
        """
        self._tile = tile_px
        words = ["--i", model, "--display", "rlnReferenceImage", "--class", "--allow_save"]
        words += ["--fn_parts", f"{select}/particles.star"]
        words += ["--fn_imgs", f"{select}/class_averages.star", "--scale", "1", "--col", "9"]
        with self._screen(), self._log.open("wb") as log:
            program = subprocess.Popen(
                ["relion_display", *words], stdout=log, stderr=log, env=self._environment
            )
            try:
                wait_for(self._window_is_drawn, "the window of the classes")
                yield
            finally:
                program.kill()
                program.wait()

    def click_class(self, number: int) -> None:
        """Click a class that is not selected, and wait until it is framed."""
        before = self._n_selected_pixels()

        def click() -> None:
            self._click((number - 0.5) * self._tile, self._tile / 2, button=1)

        click()
        wait_for(lambda: self._n_selected_pixels() > before, f"the frame of class {number}", click)

    def save(self) -> None:
        """Choose "Save selected classes" from the menu, and wait until the files are written."""

        def ask() -> None:
            self._click(self._tile / 2, self._tile / 2, button=3)

        ask()
        wait_for(self._menu, "the menu", ask)
        left, top, width, height = self._menu()
        self._pointer(left + width / 2, top + height * (SAVE_ENTRY + 0.5) / MENU_ENTRIES, button=1)
        wait_for(lambda: "selected particles" in self._log.read_text(), "the saved particles")

    @contextmanager
    def _screen(self) -> Iterator[None]:
        size = f"{SCREEN_WIDTH}x{SCREEN_HEIGHT}x24"
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", size, "-fbdir", str(self._folder)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                assert server.stdout is not None
                number = server.stdout.readline().strip()
                assert number, "Xvfb must find a free display"
                self._environment = {
                    "DISPLAY": f":{number}",
                    "PATH": "/usr/local/bin:/usr/bin:/bin",
                }
                yield
            finally:
                server.kill()

    def _pixels(self) -> npt.NDArray[np.uint8]:
        """Return what is on the screen, (height, width, 3), from the server's own memory."""
        dump = (self._folder / "Xvfb_screen0").read_bytes()
        header = np.frombuffer(dump[:100], ">u4")
        start, n_colours, bytes_per_line = int(header[0]), int(header[19]), int(header[12])
        pixels = np.frombuffer(dump, np.uint8, offset=start + 12 * n_colours)
        rows = pixels[: SCREEN_HEIGHT * bytes_per_line].reshape(SCREEN_HEIGHT, bytes_per_line)
        return rows[:, : 4 * SCREEN_WIDTH].reshape(SCREEN_HEIGHT, SCREEN_WIDTH, 4)[:, :, 2::-1]

    def _n_selected_pixels(self) -> int:
        return int(np.count_nonzero((self._pixels() == SELECTED_RGB).all(axis=2)))

    def _windows(self) -> dict[str, tuple[int, int, int, int]]:
        """Return name and left, top, width and height of the windows that can be seen."""
        found = self._xdotool("search", "--onlyvisible", "--name", ".*").split()
        windows = {}
        for window in found:
            name = self._xdotool("getwindowname", window).strip() or window
            lines = self._xdotool("getwindowgeometry", "--shell", window).split()
            place = dict(line.split("=", 1) for line in lines)
            if place:
                windows[name] = tuple(int(place[key]) for key in ("X", "Y", "WIDTH", "HEIGHT"))
        return windows  # type: ignore[return-value]

    def _classes(self) -> tuple[int, int, int, int] | None:
        windows = self._windows().items()
        return next((place for name, place in windows if name.endswith("model.star")), None)

    def _menu(self) -> tuple[int, int, int, int] | None:
        for name, place in self._windows().items():
            if not name.endswith("model.star") and 100 < place[3] < SCREEN_HEIGHT:
                left, top, width, height = place
                drawn = self._pixels()[top : top + height, left : left + width]
                return place if len(np.unique(drawn)) > 2 else None
        return None

    def _window_is_drawn(self) -> bool:
        place = self._classes()
        if place is None:
            return False
        left, top, _, _ = place
        tile = self._pixels()[top : top + self._tile, left : left + self._tile]
        return len(np.unique(tile)) > 10

    def _click(self, x: float, y: float, *, button: int) -> None:
        place = self._classes()
        assert place is not None
        self._pointer(place[0] + x, place[1] + y, button=button)

    def _pointer(self, x: float, y: float, *, button: int) -> None:
        self._xdotool("mousemove", str(round(x)), str(round(y)), "click", str(button))

    def _xdotool(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words],
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return done.stdout
