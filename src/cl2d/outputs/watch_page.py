"""The page of a watch: how many particles are in which class now, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from cl2d.io import atomic_path
from cl2d.outputs.folder import GALLERY, REPORT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WATCH_PAGE = "index.html"
SECONDS_TO_RELOAD = 30

_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.1rem .8rem;text-align:right}"
    "th{border-bottom:1px solid}img{max-width:100%}.words{text-align:left}"
)


@dataclass(frozen=True)
class RunLine:
    """What the page tells of a clustering."""

    number: int
    n_images: int
    reason: str
    status: str


@dataclass(frozen=True)
class WatchPage:
    """What the page tells.

    Attributes
    ----------
    watched : str, the file or folder
    n_images : int, particles so far
    run : str or None, folder of the newest complete run from that of the watch
    members, assigned : (n_classes,) tuples, particles of the run, and those that came later
    n_usable, n_poor : int, particles that came later, and those that their class explains poorly
    runs : tuple of RunLine
    left : tuple of str, why files are left for the next look
    """

    watched: str
    n_images: int
    run: str | None
    members: tuple[int, ...]
    assigned: tuple[int, ...]
    n_usable: int
    n_poor: int
    runs: tuple[RunLine, ...]
    left: tuple[str, ...]


def write_watch_page(folder: Path, page: WatchPage) -> None:
    """Write the page of a watch into its folder; it appears whole or not at all."""
    text = watch_page(
        page, has_report=page.run is not None and (folder / page.run / REPORT).exists()
    )
    with atomic_path(folder / WATCH_PAGE) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def watch_page(page: WatchPage, *, has_report: bool) -> str:
    """Return the page: no script, nothing fetched from elsewhere, names shown as text."""
    parts = [f"<h1>{page.n_images:,} particles of {escape(page.watched)}</h1>"]
    if page.run is None:
        parts.append("<p>They are not clustered yet.</p>")
    else:
        parts += _classes(page, has_report)
    if page.runs:
        rows = ((run.number, run.n_images, run.reason, run.status) for run in page.runs)
        parts.append("<h2>Clusterings</h2>")
        parts.append(_table(("run", "particles", "why", "state"), rows))
    if page.left:
        parts.append("<h2>Left for the next look</h2><ul>")
        parts += [f"<li>{escape(reason)}</li>" for reason in page.left]
        parts.append("</ul>")
    policy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta http-equiv="refresh" content="{SECONDS_TO_RELOAD}">'
        f"<title>{page.n_images:,} particles</title><style>{_STYLE}</style></head><body>"
    )
    return f"{head}{''.join(parts)}</body></html>\n"


def _classes(page: WatchPage, has_report: bool) -> list[str]:
    since = f"{page.n_usable:,} came since and were assigned to them"
    if page.n_usable:
        since += f", {100 * page.n_poor / page.n_usable:.1f} % of which they explain poorly"
    parts = [f"<p>The classes are those of {page.run}; {since}.</p>"]
    if has_report:
        parts.append(f'<p><a href="{page.run}/{REPORT}">Report of {page.run}</a></p>')
    parts.append(f'<img src="{page.run}/{GALLERY}" alt="class averages">')
    rows = (
        (k + 1, members, assigned, members + assigned)
        for k, (members, assigned) in enumerate(zip(page.members, page.assigned, strict=True))
    )
    return [*parts, _table(("class", "in the run", "since", "in all"), rows)]


def _table(names: Iterable[str], rows: Iterable[tuple[object, ...]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"<td>{value:,}</td>"
    return f'<td class="words">{escape(str(value))}</td>'
