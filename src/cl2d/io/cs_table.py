"""The particles of a cryoSPARC dataset as a table such as RELION has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.cs_dataset import UID
from cl2d.io.image_names import marked_as_stacks
from cl2d.io.particle_table import ParticleTable
from cl2d.io.regular_files import is_file
from cl2d.io.stacks import read_stack_header
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS, StarBlock
from cl2d.io.working_directory import path_from_here

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io.cs_dataset import Fields

    Columns = dict[str, npt.NDArray[Any]]

UID_COLUMN = "cl2dUid"
_PATH, _INDEX, _SIGN, _SHAPE = "blob/path", "blob/idx", "blob/sign", "blob/shape"
_PIXEL_SIZE = "blob/psize_A"
_SHOWN = 5
_GROUP = "ctf/exp_group_id"
# RELION's column, cryoSPARC's field, and what stands for it where there is no CTF.
_OPTICS = {
    "rlnVoltage": ("ctf/accel_kv", 300.0),
    "rlnSphericalAberration": ("ctf/cs_mm", 2.7),
    "rlnAmplitudeContrast": ("ctf/amp_contrast", 0.1),
}
_CTF = {"rlnDefocusU": "ctf/df1_A", "rlnDefocusV": "ctf/df2_A"}
_CTF_ANGLES = {"rlnDefocusAngle": "ctf/df_angle_rad", "rlnPhaseShift": "ctf/phase_shift_rad"}
_LOCATION = "location/center_x_frac", "location/center_y_frac"
_MICROGRAPH, _MICROGRAPH_SHAPE = "location/micrograph_path", "location/micrograph_shape"
_REAL = (_PIXEL_SIZE, _SIGN, _GROUP, *_CTF.values(), *_CTF_ANGLES.values(), *_LOCATION)
_KINDS = (
    ((_PATH, _MICROGRAPH), "S", 1, "a text"),
    ((_INDEX,), "iu", 1, "a whole number"),
    ((_SHAPE, _MICROGRAPH_SHAPE), "iu", 2, "two whole numbers"),
    ((*_REAL, *(field for field, _ in _OPTICS.values())), "iuf", 1, "a number"),
)
_LARGEST_INDEX = 1 << 40
_FIELD_NAMES = _CTF | _CTF_ANGLES | {name: field for name, (field, _) in _OPTICS.items()}


def cs_table(path: Path, fields: Fields) -> ParticleTable:
    """Return the particles of a dataset as a RELION 3.1 table, row by row.

    Angles become degrees, places pixels of the micrograph; ``cl2dUid`` keeps the ``uid``. Stacks
    are looked for in the folder of the dataset, those above it, and the working directory.

    Parameters
    ----------
    path : Path, the dataset, for messages and for finding stacks
    fields : mapping from name to (n, ...) array

    Raises
    ------
    InputFileError
        If a field is missing or a value not possible (with field and row), or a stack not found.
    """
    _require(path, fields)
    names = _Stacks(path, fields[_PATH]).names()
    numbers = _numbers_of_images(path, fields[_INDEX])
    columns: Columns = {
        "rlnImageName": np.strings.add(
            np.strings.add(np.strings.zfill(numbers, 6), b"@"), marked_as_stacks(names)
        )
    }
    columns |= _micrograph_columns(fields)
    columns |= {name: fields[field] for name, field in _CTF.items() if field in fields}
    for name, field in _CTF_ANGLES.items():
        if field in fields:
            columns[name] = np.degrees(fields[field].astype(np.float64))
    columns["rlnOpticsGroup"], optics = _optics(
        path, fields, Path(names[0].decode(TEXT_ENCODING, TEXT_ERRORS))
    )
    columns[UID_COLUMN] = fields[UID]
    return ParticleTable(path, "particles", StarBlock(columns), "relion", optics, _FIELD_NAMES)


def _check_kinds(path: Path, fields: Fields) -> None:
    """Refuse fields that do not have one text, number or pair of numbers a row."""
    for names, kinds, n_axes, what in _KINDS:
        for name in names:
            values = fields.get(name)
            if values is None:
                continue
            is_pair = n_axes == 2 and values.ndim == 2 and values.shape[1] == 2
            if values.dtype.kind not in kinds or not (is_pair or values.ndim == n_axes == 1):
                kind = (
                    f"{values.dtype} of shape {values.shape[1:]}"
                    if values.ndim > 1
                    else (values.dtype)
                )
                msg = f"{path}: {name} must hold {what} for each row, not {kind}"
                raise InputFileError(msg)


def _check_texts(path: Path, fields: Fields) -> None:
    """Refuse texts that no table could hold; better now than when results are written."""
    for name in (_PATH, _MICROGRAPH):
        values = fields.get(name)
        if values is None:
            continue
        for marks in ((b"\n",), (b"\r",), (b'"', b"'")):
            wrong = np.all([np.strings.find(values, mark) >= 0 for mark in marks], axis=0)
            if wrong.any():
                row = int(np.argmax(wrong))
                wanted = "one line" if len(marks) == 1 else "a text with one kind of quotes"
                shown = values[row].decode(TEXT_ENCODING, "replace")
                msg = f"{path}: row {row + 1}: {name} must be {wanted}, not {shown!r}"
                raise InputFileError(msg)


def _require(path: Path, fields: Fields) -> None:
    # Without a CTF the microscope does not matter, with one it must not be guessed.
    microscope = [name for name, _ in _OPTICS.values()] if _CTF["rlnDefocusU"] in fields else []
    for name in (_PATH, _INDEX, _PIXEL_SIZE, *microscope):
        if name in fields:
            continue
        others = sorted(path.parent.glob("*passthrough*.cs"))
        msg = f"{path}: must have a field {name}; "
        msg += (
            f"if {others[0].name} has it, give both as {path}+{others[0]}"
            if others
            else f"if another dataset has it, give both as {path}+OTHER.cs"
        )
        raise InputFileError(msg)
    _check_kinds(path, fields)
    _check_texts(path, fields)
    if _SIGN in fields and len(np.unique(fields[_SIGN])) > 1:
        msg = f"{path}: {_SIGN} must be the same for all particles, not both dark and bright"
        raise InputFileError(msg)


def _numbers_of_images(path: Path, index: npt.NDArray[Any]) -> npt.NDArray[np.bytes_]:
    """Return the numbers, from 1, of images in their stacks."""
    possible = (index >= 0) & (index < _LARGEST_INDEX)
    if not possible.all():
        row = int(np.argmin(possible))
        wanted = "0 or more" if index[row] < 0 else f"below {_LARGEST_INDEX}"
        msg = f"{path}: row {row + 1}: {_INDEX} must be {wanted}, not {index[row]}"
        raise InputFileError(msg)
    numbers = index.astype(np.int64) + 1
    texts: npt.NDArray[np.bytes_] = numbers.astype(f"S{len(str(numbers.max()))}")
    return texts


class _Stacks:
    """The stack files that a dataset names."""

    def __init__(self, path: Path, values: npt.NDArray[Any]) -> None:
        self._path = path
        # cryoSPARC marks paths that are relative to the project so.
        stripped = np.strings.lstrip(values, b">").tolist()
        self._first_rows, self._stack_of_row = _grouped(stripped)
        self._given = [stripped[row].decode(TEXT_ENCODING, TEXT_ERRORS) for row in self._first_rows]
        self._here = Path.cwd()
        self._folders = [*path.absolute().parents, self._here]

    def names(self) -> npt.NDArray[np.bytes_]:
        """Return for each row a name under which programs find its stack from here."""
        found = [self._find(name) for name in self._given]
        missing = [stack for stack, path in enumerate(found) if path is None]
        if missing:
            self._refuse(missing)
        encoded = [self._shown(path) for path in found if path is not None]
        of_rows: npt.NDArray[np.bytes_] = np.array(encoded, dtype="S")[self._stack_of_row]
        return of_rows

    def _find(self, name: str) -> Path | None:
        for place, folder in enumerate(self._folders):
            if is_file(folder / name):
                # The others are likely to lie below the same folder.
                self._folders.insert(0, self._folders.pop(place))
                return folder / name
        return None

    def _shown(self, path: Path) -> bytes:
        return str(path_from_here(path)).encode(TEXT_ENCODING, TEXT_ERRORS)

    def _refuse(self, missing: list[int]) -> None:
        examples = ", ".join(
            f"'{self._given[stack]}' (row {self._first_rows[stack] + 1})"
            for stack in missing[:_SHOWN]
        )
        msg = (
            f"{self._path}: {_PATH}: {len(missing)} of {len(self._given)} stack files cannot be "
            f"found: {examples}{', ...' if len(missing) > _SHOWN else ''}; looked in the folder of "
            f"the dataset, the folders above it and the working directory {self._here}"
        )
        raise InputFileError(msg)


def _grouped(values: list[bytes]) -> tuple[list[int], npt.NDArray[np.int64]]:
    """Return the first row of each value, in the order of appearance, and which each row has."""
    first_rows: dict[bytes, int] = {}
    groups: dict[bytes, int] = {}
    of_row = np.empty(len(values), np.int64)
    for row, value in enumerate(values):
        of_row[row] = groups.setdefault(value, len(groups))
        first_rows.setdefault(value, row)
    return list(first_rows.values()), of_row


def _micrograph_columns(fields: Fields) -> Columns:
    columns: Columns = {}
    if _MICROGRAPH in fields:
        paths = fields[_MICROGRAPH]
        columns["rlnMicrographName"] = np.strings.lstrip(paths, b">")
    shape = fields.get(_MICROGRAPH_SHAPE)  # rows and columns, in pixels
    for name, axis, field in (
        ("rlnCoordinateX", 1, _LOCATION[0]),
        ("rlnCoordinateY", 0, _LOCATION[1]),
    ):
        if shape is not None and field in fields:
            columns[name] = fields[field].astype(np.float64) * shape[:, axis]
    return columns


def _optics(path: Path, fields: Fields, stack: Path) -> tuple[npt.NDArray[np.int64], StarBlock]:
    """Return the optics group of each particle, from 1, and the table of groups."""
    n_rows = len(fields[UID])
    values: Columns = {"group": fields.get(_GROUP, np.zeros(n_rows))}
    for name, (field, default) in _OPTICS.items():
        values[name] = _finite(path, fields, field) if field in fields else np.full(n_rows, default)
    values["rlnImagePixelSize"] = pixel_sizes = _finite(path, fields, _PIXEL_SIZE)
    if (pixel_sizes <= 0).any():
        row = int(np.argmax(pixel_sizes <= 0))
        msg = f"{path}: row {row + 1}: {_PIXEL_SIZE} must be positive, not {pixel_sizes[row]}"
        raise InputFileError(msg)
    box = np.full(n_rows, read_stack_header(stack).width_px) if _SHAPE not in fields else None
    values["rlnImageSize"] = fields[_SHAPE][:, 0] if box is None else box
    matrix = np.stack([value.astype(np.float64) for value in values.values()], axis=1)
    if (matrix == matrix[0]).all():
        unique, group_of_row = matrix[:1], np.zeros(n_rows, np.int64)
    else:
        whole_rows = matrix.view(f"V{matrix.itemsize * matrix.shape[1]}").ravel().tolist()
        first_rows, group_of_row = _grouped(whole_rows)
        unique = matrix[first_rows]
    numbers = np.arange(1, len(unique) + 1)
    columns: Columns = {
        "rlnOpticsGroup": numbers,
        "rlnOpticsGroupName": np.array([b"opticsGroup%d" % number for number in numbers.tolist()]),
    }
    columns |= dict(zip(list(values)[1:], unique[:, 1:].T, strict=True))
    columns["rlnImageSize"] = columns["rlnImageSize"].astype(np.int64)
    columns["rlnImageDimensionality"] = np.full(len(unique), 2)
    return group_of_row + 1, StarBlock(columns)


def _finite(path: Path, fields: Fields, name: str) -> npt.NDArray[Any]:
    values = fields[name]
    wrong = ~np.isfinite(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        msg = f"{path}: row {row + 1}: {name} must be finite, not {values[row]}"
        raise InputFileError(msg)
    return values
