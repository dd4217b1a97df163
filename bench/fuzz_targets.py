"""What readers of input are fuzzed with: valid small files, changes to them, and what must hold.

Each kind of file has a check. It writes the bytes to a file, reads that in every way a run would,
and lets nothing through but ``InputError``. What is read must be consistent: columns of one length,
images of the size that was told, and a table that is the same after it was written and read again.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE

from cl2d.errors import InputError
from cl2d.io import open_particles, open_references, read_star, write_particles_star, write_star
from cl2d.io.cs_compressed import MARK, read_compressed
from cl2d.io.ctf_parameters import ctf_state, has_defocus, read_ctf_parameters
from cl2d.io.npz import read_npz
from cl2d.options.config_file import read_config
from cl2d.outputs.saved_run import load_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

BOX, N_STACK = 6, 4
MOST_BYTES = 1 << 16

RELION = """\
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnImagePixelSize #3
_rlnImageSize #4
_rlnVoltage #5
_rlnSphericalAberration #6
_rlnAmplitudeContrast #7
1 opticsGroup1 1.5 6 300 2.7 0.1

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnDefocusV #4
_rlnDefocusAngle #5
_rlnMicrographName #6
000001@a.mrcs 1 15000.5 14000 12.5 "a micrograph.mrc"
000002@a.mrcs 1 15000.5 14000 -2.5e1 'b.mrc' # a comment
000004@a.mrcs 1 1.2e4 11000 0 c.mrc

"""
OLD_RELION = """\
data_
loop_
_rlnImageName
_rlnDetectorPixelSize
_rlnMagnification
_rlnEnabled
1@a.mrcs 5 50000 1
3@a.mrcs 5 50000 1
"""
XMIPP = """\
# XMIPP_STAR_1 *
#
data_noname
loop_
 _image
 _enabled
 _samplingRate
 000001@a.mrcs 1 1.5
 000002@a.mrcs -1 1.5
data_classes
 _image 000001@a.mrcs
 _ref 1
"""
CONFIG = """\
particles: a.mrcs
n_classes: 5
levels: {iterations: 3, initial-classes: 2}
seed: &a 4
threads: *a
"""
RECORD = {
    "status": "complete",
    "options": {"levels": {"classes": 2}},
    "input": {"name": "a.mrcs", "fingerprint_sha256": "ab"},
    "versions": {"cl2d": "1.0"},
    "memory": {"storage": "float"},
    "preprocessing": {"noise_power": [1.0, None], "warnings": []},
    "levels": [{"level": 0, "n_classes": 1, "iterations": []}],
}
WORDS = (
    *(b"nan", b"inf", b"-1", b"0", b"1e400", b"99999999999999999999", b"@", b"\n", b"\r", b"\r\n"),
    *(b"data_", b"loop_\n", b"_x\n", b"_rlnImageName\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b" "),
    *(
        b'"',
        b"'",
        b"#",
        b";",
        b"\x0b",
        b"\x1c",
        b"{",
        b"[",
        b"]",
        b"}",
        b": ",
        b"- ",
        b"&a ",
        b"*a",
    ),
    *(b"!!int ", b"!!timestamp ", b"2001-99-99", b"null", b"<<: ", b"MAP ", b"\x1f\x8b", b"../"),
)
NUMBERS = (0, 1, -1, 2, 7, 255, 1 << 15, 1 << 20, (1 << 31) - 1, -(1 << 31), 10**9, 1 << 24)


def stack(images: np.ndarray, *, mode: int, order: str = "<", extended: int = 0) -> bytes:
    """Return an MRC stack in a pixel type and byte order."""
    header = np.zeros((), HEADER_DTYPE.newbyteorder(order))
    n, height, width = images.shape
    header["nx"], header["ny"], header["nz"], header["mode"] = width, height, n, mode
    header["mx"], header["my"], header["mz"] = width, height, 1
    header["cella"] = (1.5 * width, 1.5 * height, 0)
    header["nsymbt"], header["map"] = extended, b"MAP "
    header["machst"] = (0x44, 0x44, 0, 0) if order == "<" else (0x11, 0x11, 0, 0)
    kind = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}[mode]
    return header.tobytes() + bytes(extended) + images.astype(f"{order}{kind}").tobytes()


def spider(images: np.ndarray, order: str = "<", *, is_stack: bool = True) -> bytes:
    """Return a SPIDER stack, or a file of one image."""
    n, height, width = images.shape
    rows = -(-1024 // (4 * width))
    words = np.zeros(rows * width, f"{order}f4")
    words[[0, 1, 2, 4, 11, 12]] = 1, height, rows + height, 1, width, rows
    words[[21, 22]] = 4 * rows * width, 4 * width
    own = words.tobytes()
    if not is_stack:
        return own + images[0].astype(f"{order}f4").tobytes()
    words[[23, 25]] = 2, n
    return words.tobytes() + b"".join(own + one.astype(f"{order}f4").tobytes() for one in images)


def numbered(n: int = N_STACK, box: int = BOX) -> np.ndarray:
    """Return images that are not constant and tell their number."""
    ramp = np.linspace(0, 1, box * box).reshape(box, box)
    return np.arange(1, n + 1)[:, None, None] + ramp


def cryosparc_fields() -> dict[str, np.ndarray]:
    n = 3
    return {
        "uid": np.arange(5, 5 + n, dtype=np.uint64),
        "blob/path": np.array([b">a.mrcs"] * n),
        "blob/idx": np.arange(n, dtype=np.uint32),
        "blob/shape": np.full((n, 2), BOX, np.uint32),
        "blob/psize_A": np.full(n, 1.5, np.float32),
        "ctf/accel_kv": np.full(n, 300, np.float32),
        "ctf/cs_mm": np.full(n, 2.7, np.float32),
        "ctf/amp_contrast": np.full(n, 0.1, np.float32),
        "ctf/df1_A": np.full(n, 15000, np.float32),
        "ctf/df2_A": np.full(n, 14000, np.float32),
        "ctf/df_angle_rad": np.zeros(n, np.float32),
        "location/micrograph_path": np.array([b"m.mrc"] * n),
        "location/micrograph_shape": np.full((n, 2), 100, np.uint32),
        "location/center_x_frac": np.full(n, 0.5, np.float32),
    }


def dataset(fields: dict[str, np.ndarray]) -> bytes:
    """Return a plain dataset of some fields."""
    parts = [(name, values.dtype.str, values.shape[1:]) for name, values in fields.items()]
    records = np.zeros(len(fields["uid"]), dtype=parts)
    for name, values in fields.items():
        records[name] = values
    stream = io.BytesIO()
    np.save(stream, records)
    return stream.getvalue()


def npy(descr: str, shape: tuple[int, ...], content: bytes = bytes(64)) -> bytes:
    """Return a .npy file whose header says what it likes."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


def archive(content: bytes, *, packed: bool = False) -> bytes:
    """Return a .npz file with one member of some content."""
    stream = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", kind) as file:
        file.writestr("score.npy", content)
    return stream.getvalue()


def plain_dataset(folder: Path) -> bytes:
    (folder / "seed.cs").write_bytes(dataset(cryosparc_fields()))
    return (folder / "seed.cs").read_bytes()


def compressed_datasets(folder: Path) -> list[bytes]:
    """Return a compressed dataset; none without the package that makes them."""
    try:
        from cryosparc.dataset import CSDAT_FORMAT, Dataset
    except ImportError:
        return []
    Dataset.load(folder / "seed.cs").save(folder / "packed.cs", format=CSDAT_FORMAT)
    return [(folder / "packed.cs").read_bytes()]


def arrays_of_a_level() -> bytes:
    stream = io.BytesIO()
    names = ("class_number", "psi_deg", "origin_x_px", "origin_y_px", "flip", "score")
    np.savez(stream, **{name: np.ones(3) for name in names}, confidence=np.ones(3, np.float32))
    return stream.getvalue()


def compressed_arrays() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, score=np.zeros(10000))
    return stream.getvalue()


@dataclass(frozen=True)
class Target:
    """A kind of input: how its files are called, valid ones, and what must hold for any."""

    suffix: str
    seeds: Callable[[Path], list[bytes]]
    check: Callable[[Path], None]


def _check_table(path: Path) -> None:
    blocks = read_star(path)
    for block in blocks.values():
        lengths = {len(values) for values in block.columns.values()}
        assert len(lengths) <= 1, lengths
    again = path.with_name("again.star")
    try:
        write_star(again, blocks)
    except InputError:  # both kinds of quotes in one value, say
        pass
    else:
        for (name, block), (other, same) in zip(
            blocks.items(), read_star(again).items(), strict=True
        ):
            assert name == other
            assert list(block.columns) == list(same.columns) or block.n_rows == 0
            for column in block.columns:
                assert block.text(column) == same.text(column), (name, column)
    _check_particles(path)


def _check_particles(path: Path) -> None:
    references = refusal = None
    try:
        references = open_references(path)
    except InputError as error:
        refusal = error
    if references is not None:
        assert references.read(0, 1).shape == (1, references.box_px, references.box_px)
    source = open_particles(path)
    assert source.n_images >= 1
    last = source.n_images - 1
    for row in {0, last}:
        image = source.read(row, row + 1)
        assert image.shape == (1, source.box_px, source.box_px)
        assert image.dtype == np.float32
        assert isinstance(source.image_name(row), str)
    assert len(source.fingerprint()) == 64
    size = source.pixel_size_angstrom
    assert size is None or 0 < size < np.inf, (size, refusal)
    table = source.table
    if table is None:
        return
    assert len(table.enabled()) == source.n_images
    write_particles_star(
        path.with_name("out.star"), table, {"cl2dScore": np.zeros(table.n_rows)}, source=source
    )
    ctf_state(table)
    if has_defocus(table):
        assert len(read_ctf_parameters(table)) == source.n_images


def _check_packed_dataset(path: Path) -> None:
    if path.read_bytes()[: len(MARK)] == MARK:
        read_compressed(path)
    _check_particles(path)


def _check_arrays(path: Path) -> None:
    for values in read_npz(path).values():
        assert not values.dtype.hasobject
        assert values.nbytes <= path.stat().st_size


def _check_config(path: Path) -> None:
    job = read_config(path)
    assert all(isinstance(name, str) for name in job.values)


def _check_record(path: Path) -> None:
    with contextlib.suppress(InputError):
        _check_config(path)
    path.replace(path.with_name("run.json"))
    load_run(path.parent)


_FOUR = numbered()

TARGETS: dict[str, Target] = {
    "star": Target(
        ".star",
        lambda _: [
            RELION.encode(), OLD_RELION.encode(), RELION.replace("\n", "\r\n").encode(),
            OLD_RELION.replace("\n", "\r").encode(), b"\xef\xbb\xbf" + OLD_RELION.encode(),
        ],
        _check_table,
    ),
    "xmd": Target(".xmd", lambda _: [XMIPP.encode()], _check_table),
    "mrc": Target(
        ".mrcs",
        lambda _: [
            *(stack(_FOUR, mode=mode, order=order) for mode in (0, 1, 2, 6, 12) for order in "<>"),
            stack(_FOUR, mode=2, extended=96),
        ],
        _check_particles,
    ),
    "spider": Target(
        ".stk",
        lambda _: [spider(_FOUR), spider(_FOUR, ">"), spider(_FOUR, is_stack=False)],
        _check_particles,
    ),
    "cs": Target(".cs", lambda folder: [plain_dataset(folder)], _check_particles),
    "packed_cs": Target(
        ".cs",
        lambda folder: [plain_dataset(folder), *compressed_datasets(folder)],
        _check_packed_dataset,
    ),
    "npz": Target(".npz", lambda _: [arrays_of_a_level(), compressed_arrays()], _check_arrays),
    "record": Target(".json", lambda _: [json.dumps(RECORD).encode()], _check_record),
    "yaml": Target(".yaml", lambda _: [CONFIG.encode()], _check_config),
}  # fmt: skip


def prepare_folder(folder: Path) -> None:
    """Put the stack there that the tables name."""
    (folder / "a.mrcs").write_bytes(stack(_FOUR, mode=2))


def passes(kind: str, content: bytes, folder: Path) -> bool:
    """Tell whether a file is taken; anything but an InputError goes through to the caller."""
    target = TARGETS[kind]
    path = folder / f"input{target.suffix}"
    path.write_bytes(content)
    try:
        target.check(path)
    except InputError:
        return False
    return True


def mutated(content: bytes, others: list[bytes], random: Random) -> bytes:
    """Return a valid file with some changes of bytes, words, numbers and places."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 3, 5, 8))):
        place = random.randrange(len(changed) + 1)
        length = random.choice((1, 1, 4, 16, 64, random.randrange(1, 1025)))
        change = random.randrange(9)
        if change == 0:
            changed[place : place + 1] = bytes([random.randrange(256)])
        elif change == 1:
            changed[place:place] = random.choice(WORDS)
        elif change == 2:
            word = random.choice(WORDS)
            changed[place : place + len(word)] = word
        elif change == 3:
            del changed[place : place + length]
        elif change == 4:
            changed[place:place] = changed[place : place + length] * random.choice((1, 2, 50))
        elif change == 5:
            del changed[place:]
        elif change == 6:
            other = random.choice(others)
            start = random.randrange(len(other) + 1)
            changed[place:place] = other[start : start + length]
        else:
            aligned = place // 4 * 4
            kind = random.choice(("<i4", ">i4", "<f4", ">f4", "<u8"))
            number = abs(random.choice(NUMBERS)) if "u" in kind else random.choice(NUMBERS)
            with np.errstate(over="ignore"):
                changed[aligned : aligned + 4] = np.array(number, dtype=kind).tobytes()
    return bytes(changed[:MOST_BYTES])
