"""The folder ``cryosparc`` of a run: particles and averages as datasets, keyed by uid.

cryoSPARC's sign of a 2-D pose is not documented. Written is RELION's form, ``p = R(pose) (x +
shift)``, which agrees with converters that copy both and with its recentring of locations.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputError
from cl2d.io import relion_table, write_stack
from cl2d.io.cs_columns import blob_fields, fields_of_table, row_uids
from cl2d.io.cs_dataset import UID, read_cs, read_joined_cs, rows_of_uids, write_cs
from cl2d.io.cs_source import SUFFIX
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS
from cl2d.io.working_directory import path_from_here
from cl2d.outputs.own_folders import own_folder
from cl2d.outputs.program_folders import (
    CRYOSPARC,
    CRYOSPARC_AVERAGES,
    CRYOSPARC_CLASSES,
    CRYOSPARC_EXCLUDED,
    CRYOSPARC_PARTICLES,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.io import ParticleSource, ParticleTable
    from cl2d.io.cs_dataset import Fields
    from cl2d.outputs.classification import FinishedRun, RunState
    from cl2d.results import LevelResult

_POSES, _SPLIT = "alignments2D/", "alignments2D/split"


def wants_cryosparc(run: RunState) -> bool:
    """Tell whether a run writes datasets: if asked to, or if its particles come from one.

    With ``format`` "none" nothing is written for any program.
    """
    formats = run.options.output.formats
    from_dataset = any(path.suffix == SUFFIX for path in run.source.files)
    return CRYOSPARC in formats or (from_dataset and bool(formats))


def write_cryosparc(out: Path, result: FinishedRun) -> None:
    """Write particles with class and pose, and the averages, as datasets of cryoSPARC.

    ``particles.cs`` has the particles that are in a class, in the order of the input, with all
    fields of the input but its 2-D poses. Those in no class, which no class number can say, are in
    ``particles_excluded.cs`` as they came.
    """
    level = result.levels[-1]
    fields = _input_fields(result.source)
    used = np.flatnonzero(level.labels >= 0)
    found = _pose_fields(level, result.source, fields)
    if result.cores:
        found |= _core_fields(result.cores[-1])
    folder = own_folder(out, CRYOSPARC)
    kept = {name: values for name, values in fields.items() if not name.startswith(_POSES)}
    write_cs(folder / CRYOSPARC_PARTICLES, _taken(kept | found, used))
    unused = np.flatnonzero(level.labels < 0)
    if len(unused):
        write_cs(folder / CRYOSPARC_EXCLUDED, _taken(fields, unused))
    else:
        (folder / CRYOSPARC_EXCLUDED).unlink(missing_ok=True)
    write_stack(folder / CRYOSPARC_AVERAGES, result.averages, result.source.pixel_size_angstrom)
    write_cs(folder / CRYOSPARC_CLASSES, _class_fields(folder / CRYOSPARC_AVERAGES, result))


def renew_cryosparc_cores(out: Path, level: LevelResult, core: LevelCores) -> None:
    """Write the cores of a finished run anew; nothing if it has no datasets."""
    path = out / CRYOSPARC / CRYOSPARC_PARTICLES
    if path.is_file():
        own_folder(out, CRYOSPARC)
        found = _taken(_core_fields(core), np.flatnonzero(level.labels >= 0))
        kept = {name: values for name, values in read_cs(path).items() if name not in _CORE_FIELDS}
        write_cs(path, kept | found)


def write_rows_cs(path: Path, table: ParticleTable, rows: npt.NDArray[np.intp]) -> None:
    """Write some of a run's particles as a dataset with all fields; those in no class are left out.

    Parameters
    ----------
    path : Path
    table : ParticleTable, the particles.star of the run
    rows : (n,) intp

    Raises
    ------
    InputError
        If the run has no datasets.
    """
    particles = table.path.parent / CRYOSPARC / CRYOSPARC_PARTICLES
    if not particles.is_file():
        message = (
            f"'{path}' can be written for runs with datasets only, but there is no {particles}; "
            "classify with --format cryosparc, or write a .star file"
        )
        raise InputError(message)
    if path.resolve() == particles.resolve():
        message = f"the selection must be written to a file of its own, not over '{path}'"
        raise InputError(message)
    fields = read_cs(particles)
    found = rows_of_uids(fields[UID], row_uids(table)[rows])
    write_cs(path, _taken(fields, found[found >= 0]))


def _input_fields(source: ParticleSource) -> Fields:
    """Return the fields of all particles of a source, in its order."""
    table = relion_table(source)
    datasets = [path for path in source.files if path.suffix == SUFFIX]
    if not datasets:
        return fields_of_table(table, source)
    fields = read_joined_cs(datasets)
    # A source may be a part of its datasets.
    return _taken(fields, rows_of_uids(fields[UID], row_uids(table)))


def _taken(fields: Fields, rows: npt.NDArray[np.intp]) -> Fields:
    return {name: values[rows] for name, values in fields.items()}


def _pose_fields(level: LevelResult, source: ParticleSource, fields: Fields) -> Fields:
    n_rows = len(level.labels)
    return {
        _SPLIT: fields.get(_SPLIT, (np.arange(n_rows) % 2).astype(np.uint32)),
        "alignments2D/class": np.maximum(level.labels, 0).astype(np.uint32),
        "alignments2D/pose": level.poses.psi_rad.astype(np.float32),
        "alignments2D/shift": level.poses.relion_origin_px().astype(np.float32),
        "alignments2D/psize_A": fields["blob/psize_A"]
        if source.pixel_size_angstrom
        else np.ones(n_rows, np.float32),
        "alignments2D/class_posterior": level.confidence.astype(np.float32),
        "alignments2D/cross_cor": level.scores.astype(np.float32),
        "cl2d/mirror": level.poses.mirror.astype(np.uint8),
    }


_CORE_FIELDS = (
    "cl2d/junk_zscore",
    "cl2d/pca_zscore",
    "cl2d/is_core",
    "cl2d/is_stable_core",
)


def _core_fields(core: LevelCores) -> Fields:
    values = (core.zscores.junk, core.zscores.pca, core.is_core, core.is_stable_core)
    types = (np.float32, np.float32, np.uint8, np.uint8)
    return {
        name: value.astype(kind)
        for name, value, kind in zip(_CORE_FIELDS, values, types, strict=True)
        if value is not None
    }


def _class_fields(stack: Path, result: FinishedRun) -> Fields:
    """Return a row for each class, in the order of their numbers."""
    n_classes = len(result.averages)
    name = str(path_from_here(stack)).encode(TEXT_ENCODING, TEXT_ERRORS)
    paths = np.full(n_classes, name)
    key = result.source.fingerprint().encode()
    digests = [hashlib.blake2b(key + b"%d" % k, digest_size=8) for k in range(n_classes)]
    uids = [int.from_bytes(digest.digest(), "little") for digest in digests]
    return {
        UID: np.array(uids, dtype=np.uint64),
        **blob_fields(paths, np.arange(n_classes), result.source),
        "cl2d/members": result.levels[-1].class_sizes().astype(np.uint32),
    }
