"""A run on pages, for programs that show PDF files: the averages, then the classes in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cl2d.io import atomic_path
from cl2d.outputs.evaluation import KEPT
from cl2d.outputs.gallery import draw_gallery
from cl2d.outputs.write import gallery_of

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.outputs.classification import FinishedRun

_DOTS_PER_INCH = 110.0
_PAGE_PX = (1280, 905)  # A4, lying
_MARGIN_PX, _LINE_PX, _TYPE_SIZE = 60, 21, 15
_COLUMNS_PX = (0, 90, 210, 310, 450, 560, 700)
_HEADINGS = ("class", "particles", "share", "resolution", "quality", "homogeneity", "proposal")
_ROWS_PER_PAGE = (_PAGE_PX[1] - 2 * _MARGIN_PX) // _LINE_PX - 2
_PAPER, _INK = 255, 20


def write_log(path: Path, run: FinishedRun) -> None:
    """Write a PDF file: a page of class averages, then pages of figures of the classes."""
    pages = [draw_gallery(gallery_of(run)), *_table_pages(run)]
    with atomic_path(path) as temporary:
        pages[0].save(
            temporary,
            format="PDF",
            save_all=True,
            append_images=pages[1:],
            resolution=_DOTS_PER_INCH,
            title="cl2d",
        )


def class_figures(run: FinishedRun) -> list[tuple[str, ...]]:
    """Return a row of words for each class, in the order of the headings of the table."""
    last = run.levels[-1]
    sizes = last.class_sizes()
    shares = 100 * sizes / max(int(sizes.sum()), 1)
    evaluation = run.evaluations[-1] if run.evaluations else None
    resolution = None if evaluation is None else evaluation.resolution_angstrom
    rows: list[tuple[str, ...]] = []
    for k in range(last.n_classes):
        detail = quality = proposal = homogeneity = "-"
        if resolution is not None and np.isfinite(resolution[k, 0]):
            detail = f"{resolution[k, 0]:.1f} A"
        if evaluation is not None:
            quality = f"{evaluation.quality[k]:.2f}"
            proposal = ", ".join(evaluation.reasons[k]).replace("_", " ") or KEPT
        if last.homogeneity is not None:
            homogeneity = f"{last.homogeneity.homogeneity[k]:.2f}"
        counts = (f"{k + 1}", f"{sizes[k]:,}", f"{shares[k]:.1f} %")
        rows.append((*counts, detail, quality, homogeneity, proposal))
    return rows


def _table_pages(run: FinishedRun) -> list[Image.Image]:
    rows = class_figures(run)
    starts = range(0, len(rows), _ROWS_PER_PAGE)
    return [_page(rows[start : start + _ROWS_PER_PAGE]) for start in starts]


def _page(rows: list[tuple[str, ...]]) -> Image.Image:
    page = Image.new("L", _PAGE_PX, _PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=_TYPE_SIZE)
    for i, row in enumerate((_HEADINGS, *rows)):
        top = _MARGIN_PX + i * _LINE_PX + (_LINE_PX // 2 if i else 0)
        for left, word in zip(_COLUMNS_PX, row, strict=True):
            draw.text((_MARGIN_PX + left, top), word, fill=_INK, font=font, anchor="lt")
    line = _MARGIN_PX + _LINE_PX
    draw.line((_MARGIN_PX, line, _PAGE_PX[0] - _MARGIN_PX, line), fill=_INK)
    return page
