"""report.html: one page that shows a run, made from the files of its folder."""

from __future__ import annotations

from cl2d.outputs.report.provenance import REPORT_PHASE
from cl2d.outputs.report.write import remake_pictures, renew_report, write_report

__all__ = ["REPORT_PHASE", "remake_pictures", "renew_report", "write_report"]
