"""What can go wrong with files while a run goes on, and what must come of it.

Every row is one run of the command line with faults put into its calls to the file system. The
files that a run writes are all here by name; each fails in turn to be written, synced and renamed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.shim import Rule

OPTIONS = (
    *("-k", "2", "--initial-classes", "1", "--iterations", "2", "--threads", "1", "--quiet"),
    *("--format", "relion,xmipp,cryosparc"),
)
N_LEVELS = 2
HEADER_READS = 2
N_IMAGES = 40

OF_LEVELS = [
    f"levels/level_{level:02d}/{name}"
    for level in range(N_LEVELS)
    for name in ("particles.npz", "classes.mrcs", "classes.star", "frc.npz")
]
OF_XMIPP = [
    f"xmipp/level_{level:02d}/level_classes.{suffix}"
    for level in range(N_LEVELS)
    for suffix in ("stk", "xmd")
]
WRITTEN = (
    *OF_LEVELS,
    *("classes.mrcs", "classes.star", "particles.star", "hierarchy.json", "hierarchy.txt"),
    *("classes_core.mrcs", "classes_stable_core.mrcs", "particles_core.star"),
    *("particles_stable_core.star", "particles_rejected.star", "metrics.json"),
    *("relion/run_it025_data.star", "relion/run_it025_classes.mrcs", "relion/run_it025_model.star"),
    *("relion/class_averages.star", "relion/run_it025_optimiser.star"),
    *("relion/backup_selection.star", *OF_XMIPP, "xmipp/images.xmd"),
    *(f"xmipp/level_01/level_classes_{c}core.{s}" for c in ("", "stable_") for s in ("stk", "xmd")),
    *("cryosparc/particles.cs", "cryosparc/class_averages.mrc", "cryosparc/class_averages.cs"),
    *("gallery.png", "report.html", "run.json"),
)
"""All files of such a run; run.json at its beginning, too. If it writes others, a test fails."""

PASSING = "checkpoint"
"""Folder of files that a run writes, as often as time allows, and removes when it is complete."""


@dataclass(frozen=True)
class Row:
    """One run with faults.

    ``code`` is its exit code, ``names`` the file that its one line must name (None: nothing is
    said), ``status`` what the record may say afterwards (None: there is no record).
    """

    moment: str
    fault: str
    rules: tuple[Rule, ...]
    code: int
    names: str | None
    status: tuple[str | None, ...]
    earlier_run: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        again = " (overwrite)" if self.earlier_run else ""
        return f"{self.moment}: {self.fault}{again}"


STACK, TABLE = "*/in/particles.mrcs", "*/in/particles.star"


def _reading_rows(first: dict[str, int], *, every: bool) -> list[Row]:
    """Return faults of reading, by the number of the call that begins each moment."""
    rows = [
        Row(
            "reading the table",
            "EACCES",
            (Rule("open", TABLE, "EACCES"),),
            2,
            "particles.star",
            (None,),
        ),
        Row(
            "reading the table",
            "EIO for ever",
            (Rule("read", TABLE, "EIO"),),
            2,
            "particles.star",
            (None,),
        ),
        Row(
            "reading the table",
            "ESTALE twice",
            (Rule("read", TABLE, "ESTALE", 2, 2),),
            0,
            "particles.star",
            ("complete",),
        ),
        Row(
            "opening the stack",
            "EACCES",
            (Rule("open", STACK, "EACCES"),),
            2,
            "particles.mrcs",
            (None,),
        ),
        Row(
            "opening the stack",
            "ETIMEDOUT once",
            (Rule("read", STACK, "ETIMEDOUT", 1, 1),),
            0,
            "particles.mrcs",
            ("complete",),
        ),
    ]
    may_say = {"planning": (None,), "reading the images": (None,), "averaging": ("failed",)}
    for moment, left in may_say.items():
        nth = first[moment]
        for name in ("EIO", "ESTALE", "ETIMEDOUT") if every else ("ESTALE",):
            rows += [
                Row(
                    moment,
                    f"{name} for ever",
                    (Rule("read", STACK, name, nth),),
                    1,
                    "particles.mrcs",
                    left,
                ),
                Row(
                    moment,
                    f"{name} twice",
                    (Rule("read", STACK, name, nth, 2),),
                    0,
                    None,
                    ("complete",),
                ),
            ]
    rows += [
        Row(
            "all reading",
            "a slow disk",
            (Rule("read", STACK, "sleep 0.02"),),
            0,
            None,
            ("complete",),
        ),
        Row(
            "all reading",
            "short reads",
            (Rule("read", STACK, "short 1000"),),
            0,
            None,
            ("complete",),
        ),
    ]
    return rows


def _writing_rows(*, every: bool) -> list[Row]:
    rows = []
    failed = ("failed",)
    for number, name in enumerate(WRITTEN[:-1]):
        file = Path("*/out") / name
        temporary = str(file.with_name(f".{file.stem}.*{file.suffix}"))
        of_file = [
            Row(name, "ENOSPC at a write", (Rule("write", temporary, "ENOSPC"),), 1, name, failed),
            Row(name, "EIO at fsync", (Rule("fsync", temporary, "EIO"),), 1, name, failed),
            Row(
                name,
                "EACCES at rename",
                (Rule("rename", f"*/out/{name}", "EACCES"),),
                1,
                name,
                failed,
            ),
        ]
        rows += of_file if every else [of_file[number % len(of_file)]]
    checkpoint = f"*/out/{PASSING}/.*"
    passing = (
        ("ENOSPC at a write", Rule("write", checkpoint, "ENOSPC")),
        ("EIO at fsync", Rule("fsync", checkpoint, "EIO")),
        ("EACCES at rename", Rule("rename", f"*/out/{PASSING}/*", "EACCES")),
    )
    rows += [Row("checkpoints", fault, (rule,), 0, None, ("complete",)) for fault, rule in passing]
    killed = (Rule("write", checkpoint, "kill"),)
    rows.append(Row("checkpoints", "the process is killed", killed, -9, None, ("running",)))
    stack = "*/out/.classes.*.mrcs"
    rows += [
        Row(
            "classes.mrcs",
            "EROFS at open",
            (Rule("open", stack, "EROFS"),),
            1,
            "classes.mrcs",
            failed,
        ),
        Row(
            "classes.mrcs",
            "EDQUOT at a write",
            (Rule("write", stack, "EDQUOT"),),
            1,
            "classes.mrcs",
            failed,
        ),
        Row(
            "classes.mrcs",
            "EIO at close",
            (Rule("close", stack, "EIO"),),
            1,
            "classes.mrcs",
            failed,
        ),
        Row(
            "classes.mrcs",
            "short writes",
            (Rule("write", stack, "short 100"),),
            0,
            None,
            ("complete",),
        ),
        Row(
            "classes.mrcs",
            "the process is killed",
            (Rule("write", stack, "kill"),),
            -9,
            None,
            ("running",),
        ),
        Row(
            "classes.mrcs",
            "ENOSPC at a write",
            (Rule("write", stack, "ENOSPC"),),
            1,
            "classes.mrcs",
            failed,
            earlier_run=True,
        ),
        Row(
            "report.html",
            "the process is killed",
            (Rule("rename", "*/out/report.html", "kill"),),
            -9,
            None,
            ("running",),
            earlier_run=True,
        ),
    ]
    return rows


def _record_rows(n_records: int) -> list[Row]:
    """Return faults of the record: at its first, a middle and its last writing."""
    record = "*/out/run.json"
    last = ("failed", "running")
    return [
        Row(
            "the first record",
            "EACCES at rename",
            (Rule("rename", record, "EACCES"),),
            1,
            "run.json",
            (None,),
        ),
        Row(
            "the record of a level",
            "EACCES at rename",
            (Rule("rename", record, "EACCES", 2),),
            1,
            "run.json",
            ("running",),
        ),
        Row(
            "the last record",
            "EACCES at rename",
            (Rule("rename", record, "EACCES", n_records, 1),),
            1,
            "run.json",
            last,
        ),
        Row(
            "the last record",
            "ENOSPC on all disks",
            (Rule("write", "*/out/.run.*", "ENOSPC", n_records),),
            1,
            "run.json",
            last,
        ),
        Row(
            "the last record",
            "EIO at fsync",
            (Rule("fsync", "*/out/.run.*", "EIO", n_records),),
            1,
            "run.json",
            last,
        ),
        Row(
            "the last record",
            "the process is killed",
            (Rule("rename", record, "kill", n_records),),
            -9,
            None,
            ("running",),
        ),
    ]


def table_rows(lines: list[str], stack: str, *, every: bool) -> list[Row]:
    """Return the rows of the table.

    ``lines`` are all reads and renames of a run without faults, which tell the numbers of calls;
    unless ``every``, each file that is written fails in one way only.
    """
    renames = [i for i, line in enumerate(lines) if line.startswith("rename\t")]
    records = [i for i in renames if lines[i].endswith("/run.json")]
    reads = [i for i, line in enumerate(lines) if line == f"read\t{stack}"]
    # The record is written first when all images are read, last of all, and after each level.
    averaging = sum(i < records[N_LEVELS] for i in reads) + 1
    # The record asks for a fingerprint, which reads every image of a set as small as this.
    last_read = sum(i < records[0] for i in reads) - N_IMAGES
    first = {
        "planning": HEADER_READS + 1,
        "reading the images": last_read,
        "averaging": averaging,
    }
    return [
        *_reading_rows(first, every=every),
        *_record_rows(len(records)),
        *_writing_rows(every=every),
    ]
