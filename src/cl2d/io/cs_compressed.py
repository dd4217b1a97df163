"""Compressed cryoSPARC datasets: what they promise is checked first, then another process unpacks.

Such a file begins with a mark, the length of a header and the header in JSON: how many rows there
are, and the name, type and shape of each field. The fields follow, each behind its length in bytes.
"""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.regular_files import open_file

if TYPE_CHECKING:
    from typing import BinaryIO, NoReturn

    import numpy.typing as npt

MARK = b"\x95CSDAT"
_MOST_HEADER_BYTES = 1 << 20
_LARGEST_RATIO = 255
"""LZ4 packs no more bytes than this into one."""

_UNPACK = Path(__file__).with_name("cs_unpack.py")


def read_compressed(path: Path) -> npt.NDArray[Any]:
    """Return the records of a compressed dataset.

    Raises
    ------
    InputFileError
        If the file is damaged, promises more than it can hold, or cryosparc-tools is missing.
    """
    _require_package(path)
    most_bytes = _check_promises(path)
    process = subprocess.run(
        # -P: names of modules beside the script are not those of others.
        [sys.executable, "-P", str(_UNPACK), str(path.absolute()), str(most_bytes)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    if process.returncode < 0:
        _refuse(path, f"unpacking it ended by signal {-process.returncode}")
    if process.returncode > 0:
        told = process.stderr.decode("utf-8", "replace").strip().splitlines()
        _refuse(path, told[-1] if told else "it cannot be unpacked")
    records: npt.NDArray[Any] = np.load(io.BytesIO(process.stdout), allow_pickle=False)
    return records


def _refuse(path: Path, reason: str) -> NoReturn:
    msg = f"{path}: must be a whole compressed dataset ({reason})"
    raise InputFileError(msg)


def _require_package(path: Path) -> None:
    try:
        import cryosparc.dataset  # noqa: F401, PLC0415 - not everyone has it
    except ImportError as error:
        msg = (
            f"{path}: is a compressed dataset; to read it, install cryosparc-tools "
            "(pip install 'cl2d[cryosparc]')"
        )
        raise InputFileError(msg) from error


def _check_promises(path: Path) -> int:
    """Return the bytes of the rows a dataset promises; refuse more than the file can hold."""
    with open_file(path) as stream:
        n_bytes = stream.seek(0, 2)
        stream.seek(len(MARK))
        n_rows, fields, compressed = _header(path, stream)
        for name, row_bytes in fields.items() if n_rows else ():
            stored = int.from_bytes(stream.read(4), "little")
            if stream.tell() + stored > n_bytes:
                _refuse(path, f"it ends within the field {name}")
            promised = n_rows * row_bytes
            if (promised > stored * _LARGEST_RATIO) if name in compressed else promised != stored:
                _refuse(path, f"{promised} bytes of the field {name} cannot be in {stored}")
            stream.seek(stored, 1)
    return n_rows * sum(fields.values()) + n_bytes


def _header(path: Path, stream: BinaryIO) -> tuple[int, dict[str, int], list[str]]:
    """Return the number of rows, the bytes of a row by field, and the fields that are packed."""
    length = int.from_bytes(stream.read(4), "little")
    if length > _MOST_HEADER_BYTES:
        _refuse(path, f"a header of {length} bytes")
    try:
        header = json.loads(stream.read(length))
        n_rows, compressed = int(header["length"]), list(header["compressed_fields"])
        fields = {
            str(name): np.dtype(kind).itemsize * math.prod(map(int, shape[0] if shape else ()))
            for name, kind, *shape in header["dtype"]
        }
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError) as error:
        _refuse(path, f"a header that is none: {error}")
    if n_rows < 0 or any(row_bytes < 1 for row_bytes in fields.values()):
        _refuse(path, "a header that is none: no rows or fields of no bytes")
    return n_rows, fields, compressed
