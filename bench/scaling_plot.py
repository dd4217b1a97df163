"""Speed-up against workers, as a picture of lines on logarithmic axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scaling_course import Outcome

WIDTH, HEIGHT = 560, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 20, 52
COLOURS = ("#4477aa", "#228833", "#ccbb44", "#aa3377")
MOST = 1000.0
LEAST = 0.5


def speed_up_plot(outcomes: Sequence[Outcome]) -> str:
    """Return an SVG with a line for each number of particles, and the ideal one."""
    marks = [_line("#999999", [(1, 1), (MOST, MOST)], dashed=True), *_axes()]
    for i, n_images in enumerate(sorted({one.n_images for one in outcomes})):
        points = [(one.n_workers, one.speed_up) for one in outcomes if one.n_images == n_images]
        colour = COLOURS[i % len(COLOURS)]
        marks.append(_line(colour, sorted(points)))
        marks += [
            f'<circle cx="{_x(w):.1f}" cy="{_y(s):.1f}" r="3" fill="{colour}"/>' for w, s in points
        ]
        label = f"{n_images:,} particles"
        marks.append(_text(LEFT + 12, TOP + 16 + 18 * i, label, colour, anchor="start"))
    lines = "\n".join(marks)
    title = "Speed-up by the number of workers"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{title}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n{lines}\n</svg>\n'
    )


def _axes() -> list[str]:
    marks = []
    for value in (1, 10, 100, 1000):
        x, y = _x(value), _y(value)
        marks.append(_line("#dddddd", [(value, LEAST), (value, MOST)]))
        marks.append(_line("#dddddd", [(1, value), (MOST, value)]))
        marks.append(_text(x, HEIGHT - BOTTOM + 18, f"{value:,}"))
        marks.append(_text(LEFT - 8, y + 4, f"{value:,}", anchor="end"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    marks.append(_text(middle, HEIGHT - 10, "workers of one thread"))
    height = (TOP + HEIGHT - BOTTOM) / 2
    marks.append(
        f'<text transform="translate(16 {height:.0f}) rotate(-90)" text-anchor="middle" '
        'fill="#333333">speed-up</text>'
    )
    return marks


def _x(n_workers: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(n_workers) / math.log10(MOST)


def _y(speed_up: float) -> float:
    share = math.log10(max(speed_up, LEAST) / LEAST) / math.log10(MOST / LEAST)
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _line(colour: str, points: Sequence[tuple[float, float]], *, dashed: bool = False) -> str:
    places = " ".join(f"{_x(w):.1f},{_y(s):.1f}" for w, s in points)
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>'


def _text(x: float, y: float, words: str, colour: str = "#333333", anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
