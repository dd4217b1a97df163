"""Every kind of malformed particle file: what is in it, and the exact words by which it is refused.

``make`` is ``bench/fuzz_targets.py``, which builds valid small files. Each file lies in the working
directory, beside ``a.mrcs`` with four images of 6 px.
"""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Build = Callable[[ModuleType], bytes]

LONG = "9" * 5000


@dataclass(frozen=True)
class BadFile:
    """A file and the message it leads to."""

    name: str
    build: Build
    message: str

    def __str__(self) -> str:
        return self.message[:70]


def four(make: ModuleType) -> bytes:
    whole: bytes = make.stack(make.numbered(), mode=2)
    return whole


def with_word(place: int, value: int, name: str = "b.mrcs", message: str = "") -> BadFile:
    """Return a stack with one number of its header changed, counted in words of four bytes."""

    def build(make: ModuleType) -> bytes:
        raw = bytearray(four(make))
        raw[4 * place : 4 * place + 4] = struct.pack("<i", value)
        return bytes(raw)

    return BadFile(name, build, f"{name}: {message}")


def with_real(place: int, value: float, message: str) -> BadFile:
    return with_word(place, struct.unpack("<i", struct.pack("<f", value))[0], message=message)


def with_spider_word(place: int, value: float, message: str) -> BadFile:
    def build(make: ModuleType) -> bytes:
        raw = bytearray(make.spider(make.numbered()))
        raw[4 * place : 4 * place + 4] = struct.pack("<f", value)
        return bytes(raw)

    return BadFile("b.stk", build, f"b.stk: {message}")


def text(content: str | bytes, message: str, name: str = "p.star") -> BadFile:
    raw = content if isinstance(content, bytes) else content.encode()
    return BadFile(name, lambda _: raw, f"{name}: {message}")


def relion(old: str, new: str, message: str) -> BadFile:
    """Return RELION's table with a change."""

    def build(make: ModuleType) -> bytes:
        assert old in make.RELION, old
        changed: str = make.RELION.replace(old, new)
        return changed.encode()

    return BadFile("p.star", build, f"p.star: {message}")


def dataset(message: str, without: tuple[str, ...] = (), **changes: Any) -> BadFile:
    """Return a dataset of three particles; ``blob__idx`` stands for the field blob/idx."""

    def build(make: ModuleType) -> bytes:
        fields = make.cryosparc_fields()
        fields |= {name.replace("__", "/"): value for name, value in changes.items()}
        for name in without:
            del fields[name]
        return make.dataset(fields)

    return BadFile("p.cs", build, f"p.cs: {message}")


def loop(*rows: str, column: str = "rlnImageName") -> str:
    return "\n".join(["data_particles", "loop_", f"_{column}", *rows, ""])


FULL = (
    "must have 1600 bytes for its 4 images of 6 x 6 px, but has {} ({} whole images); "
    "it is truncated"
)
PIXELS = (
    "pixels must be float32, float16, int16, uint16 or int8 (MRC mode 2, 12, 1, 6, 0), not mode {}"
)
NEITHER = "must be an MRC or SPIDER stack, but its header is neither"
PIXEL_SIZE = "the pixel size of the header must be positive, or 0 if it is not known, not {}"

STACKS = [
    BadFile("b.mrcs", lambda _: b"",
            "b.mrcs: must hold an MRC header of 1024 bytes, but is shorter"),
    BadFile("b.mrcs", lambda m: four(m)[:1023],
            "b.mrcs: must hold an MRC header of 1024 bytes, but is shorter"),
    BadFile("b.mrcs", lambda m: four(m)[:1024], "b.mrcs: " + FULL.format(1024, 0)),
    BadFile("b.mrcs", lambda m: four(m)[: 1024 + 216], "b.mrcs: " + FULL.format(1240, 1)),
    BadFile("b.mrcs", lambda m: four(m)[:-1], "b.mrcs: " + FULL.format(1599, 3)),
    with_word(3, 3, message=PIXELS.format(3)),
    with_word(3, 4, message=PIXELS.format(4)),
    with_word(3, 7, message=PIXELS.format(7)),
    with_word(3, -1, message=PIXELS.format(-1)),
    with_word(3, 101, message=PIXELS.format(101)),
    with_word(2, 0, message="nz of the MRC header must be positive, not 0"),
    with_word(2, -4, message="nz of the MRC header must be positive, not -4"),
    with_word(2, 2_000_000_000, message="must have 288000001024 bytes for its 2000000000 images of "
              "6 x 6 px, but has 1600 (4 whole images); it is truncated"),
    with_word(0, 0, message="nx of the MRC header must be positive, not 0"),
    with_word(1, -6, message="ny of the MRC header must be positive, not -6"),
    with_word(0, 1 << 21, message="nx of the MRC header must be at most 1048576, not 2097152"),
    with_word(0, 1 << 20, message="must have 100664320 bytes for its 4 images of 1048576 x 6 px, "
              "but has 1600 (0 whole images); it is truncated"),
    with_word(0, 4, message="images must be square, not 4 x 6 px"),
    with_word(23, -8, message="nsymbt of the MRC header must be 0 or more, not -8"),
    with_word(23, 2_000_000_000, message="must have 2000001600 bytes for its 4 images of "
              "6 x 6 px, but has 1600 (0 whole images); it is truncated"),
    with_word(22, 401, message="must be a stack of images, not a volume (space group 401, "
              "6 x 6 x 4); name it .mrcs if it is a stack"),
    with_real(10, -9.0, PIXEL_SIZE.format("-1.5")),
    with_real(10, np.nan, PIXEL_SIZE.format("nan")),
    with_real(10, np.inf, PIXEL_SIZE.format("inf")),
    BadFile("b.mrcs", lambda m: gzip.compress(four(m)),
            "b.mrcs: must be unpacked first; compressed stacks cannot be read image by image"),
    BadFile("b.mrcs", lambda _: b"BZh91AY&SY" + bytes(2000),
            "b.mrcs: must be unpacked first; compressed stacks cannot be read image by image"),
    BadFile("b.mrcs", lambda m: m.RELION.encode() + b" " * 2000, f"b.mrcs: {NEITHER}"),
    BadFile("b.mrcs", lambda _: b"\xff" * 3000, f"b.mrcs: {NEITHER}"),
    BadFile("b.stk", lambda m: m.spider(m.numbered())[:-1],
            "b.stk: must have 5736 bytes for its 4 images of 6 x 6 px, but has 5735 "
            "(3 whole images); it is truncated"),
    BadFile("b.stk", lambda m: m.spider(m.numbered())[:1032],
            "b.stk: must have 5736 bytes for its 4 images of 6 x 6 px, but has 1032 "
            "(0 whole images); it is truncated"),
    with_spider_word(25, 0, "a SPIDER stack must have at least one image, not 0"),
    with_spider_word(25, -3, "a SPIDER stack must have at least one image, not -3"),
    with_spider_word(25, np.nan, "a SPIDER stack must have at least one image, not nan"),
    with_spider_word(25, 2.5, "a SPIDER stack must have a whole number of images, not 2.5"),
    with_spider_word(25, 1e30, "a SPIDER stack must have at most 16777216 images, not 1e+30"),
    with_spider_word(1, 1e6, "must have 96005160 bytes for its 4 images of 6 x 1000000 px, but has "
                     "5736 (0 whole images); it is truncated"),
]  # fmt: skip

NAME = (
    "row {} of data_particles: rlnImageName must be number@stack, with the number counted from 1, "
    "not '{}'"
)
STAR_TEXTS = [
    text("", "must hold at least one data_ block, but is empty"),
    text("# only a comment\n\n", "must hold at least one data_ block, but is empty"),
    text(b"data_\0particles\n", "must be a STAR file, but it is not a text file"),
    text("data_particles\n".encode("utf-16"), "must be a STAR file, but it is not a text file"),
    text(gzip.compress(b"data_particles\n"), "must be unpacked first, it is a compressed file"),
    text("_rlnImageName\n1@a.mrcs\n",
         "line 1: a STAR file must begin with a data_ block, not '_rlnImageName'"),
    text("data_particles\nloop_\n_rlnImageName #1\n_rlnDefocusU #2\n1@a.mrcs\n",
         "line 5: row 1 of data_particles must have 2 values, not 1"),
    text("data_particles\nloop_\n_rlnImageName\n_rlnDefocusU\n1@a.mrcs 5\n2@a.mrcs 5 6\n",
         "line 6: row 2 of data_particles must have 2 values, not 3"),
    text("data_particles\nloop_\n_rlnImageName\n_rlnImageName\n1@a.mrcs 1@a.mrcs\n",
         "line 4: column _rlnImageName of data_particles must occur once, but is here again"),
    text("data_particles\nloop_ _rlnImageName\n1@a.mrcs\n",
         "line 2: loop_ must stand alone on its line, not before '_rlnImageName'"),
    text(loop("1@a.mrcs") + "data_particles\n",
         "line 5: block data_particles must occur once, but is here again"),
    text(loop("1@a.mrcs", "x" * 5000), "line 5: a value must not be longer than 4096 bytes"),
    text(loop("x" * (10 << 20)), "line 4: a line must not be longer than 1048576 bytes"),
    text(loop("'" + "a ' b" * (1 << 20)), "line 4: a line must not be longer than 1048576 bytes"),
    text(loop("1@a.mrcs", ";", "text", ";"),
         "line 5: text over several lines (;) is not supported"),
    text("data_particles\n\n", "must have a table with a column _rlnImageName (RELION) or _image "
         "(Xmipp); it has data_particles ()"),
    text(loop("1.0", column="rlnDefocusU"), "must have a table with a column _rlnImageName (RELION)"
         " or _image (Xmipp); it has data_particles (rlnDefocusU)"),
    text(loop(), "data_particles must have at least one row"),
    text(loop("1@a.mrcs").replace("particles", "a") + loop("1@a.mrcs").replace("particles", "b"),
         "must have one table of images, not 2 (data_a, data_b); choose one, e.g. a@p.star"),
]  # fmt: skip

STAR_VALUES = [
    text(loop("1@a.mrcs", "0@a.mrcs"), NAME.format(2, "0@a.mrcs")),
    text(loop("-1@a.mrcs"), NAME.format(1, "-1@a.mrcs")),
    text(loop("1.5@a.mrcs"), NAME.format(1, "1.5@a.mrcs")),
    text(loop("nan@a.mrcs"), NAME.format(1, "nan@a.mrcs")),
    text(loop("@a.mrcs"), NAME.format(1, "@a.mrcs")),
    text(loop("1@"), NAME.format(1, "1@")),
    text(loop("99999999999999999999@a.mrcs"), NAME.format(1, "99999999999999999999@a.mrcs")),
    text(loop(f"{LONG[:4000]}@a.mrcs"), NAME.format(1, LONG[:200])),
    text(loop("4@a.mrcs", "5@a.mrcs"), "row 2 of data_particles names image 5 of {here}/a.mrcs, "
         "which has only 4 (1 such rows)"),
    text(loop("1@no.mrcs"), "1 of 1 stack files cannot be found: 'no.mrcs' (row 1); looked in the "
         "working directory {here} and in {here}"),
    text(loop("1@" + "n" * 300), "1 of 1 stack files cannot be found: '" + "n" * 300 + "' (row 1); "
         "looked in the working directory {here} and in {here}"),
    relion("1 15000.5", "2 15000.5",
           "row 1 of data_particles is of optics group 2, which data_optics does not define"),
    relion("1 15000.5", "nan 15000.5",
           "row 1 of data_particles is of optics group nan, which data_optics does not define"),
    relion("1 15000.5", "one 15000.5",
           "row 1 of data_particles: rlnOpticsGroup must be a number, not 'one'"),
    relion("1 opticsGroup1 1.5 6 300 2.7 0.1", "1 a 1.5 6 300 2.7 0.1\n1 b 1.5 6 200 2.7 0.1",
           "row 2 of data_optics: rlnOpticsGroup 1 must occur once, but is here again"),
    relion("opticsGroup1 1.5 6", "opticsGroup1 wide 6",
           "row 1 of data_optics: rlnImagePixelSize must be a number, not 'wide'"),
    relion("opticsGroup1 1.5 6", "opticsGroup1 0 6",
           "rlnImagePixelSize of data_optics must be positive"),
    relion("opticsGroup1 1.5 6", "opticsGroup1 -1.5 6",
           "rlnImagePixelSize of data_optics must be positive"),
    relion("opticsGroup1 1.5 6", "opticsGroup1 nan 6",
           "rlnImagePixelSize of data_optics must be positive"),
    relion("opticsGroup1 1.5 6", "opticsGroup1 1.5 8",
           "rlnImageSize of data_optics must be the box of the stacks (6 px), not 8"),
    relion("1 opticsGroup1 1.5 6 300 2.7 0.1\n", "", "data_optics must have at least one row"),
]  # fmt: skip

NOT_WHOLE = "must be a whole cryoSPARC dataset without Python objects ({})"
DATASETS = [
    BadFile("p.cs", lambda _: b"",
            "p.cs: must be a cryoSPARC dataset (.cs), but does not begin like one"),
    BadFile("p.cs", lambda m: gzip.compress(m.dataset(m.cryosparc_fields())),
            "p.cs: must be unpacked first, it is a compressed file"),
    BadFile("p.cs", lambda m: m.dataset(m.cryosparc_fields())[:-1],
            "p.cs: " + NOT_WHOLE.format("an array of shape (3,) does not fit in its 215 bytes")),
    BadFile("p.cs", lambda m: m.npy("[('uid', '<u8')]", (10**12,)),
            "p.cs: " + NOT_WHOLE.format(
                f"an array of shape ({10**12},) does not fit in its 64 bytes")),
    BadFile("p.cs", lambda m: m.npy("[('uid', '<u8')]", (10**30,)),
            "p.cs: " + NOT_WHOLE.format(
                f"an array of shape ({10**30},) does not fit in its 64 bytes")),
    BadFile("p.cs", lambda m: m.npy("[('uid', '<u8'), ('blob/path', '|O')]", (1,)),
            "p.cs: " + NOT_WHOLE.format("it holds Python objects")),
    BadFile("p.cs", lambda m: m.npy("'<f8'", (213742, 1612630, 3344839)),
            "p.cs: " + NOT_WHOLE.format(
                "an array of shape (213742, 1612630, 3344839) does not fit in its 64 bytes")),
    BadFile("p.cs", lambda m: m.npy("'<f8'", (2,)),
            "p.cs: must be a table with a field uid, not an array of float64"),
    dataset("must have a field blob/path; if another dataset has it, give both as p.cs+OTHER.cs",
            without=("blob/path",)),
    dataset("must have a field ctf/accel_kv; if another dataset has it, give both as "
            "p.cs+OTHER.cs", without=("ctf/accel_kv",)),
    dataset("row 3: uid 5 must occur once, but is there again", uid=np.array([5, 6, 5], np.uint64)),
    dataset("uid must be whole numbers, not float64", uid=np.ones(3)),
    dataset("row 2: blob/idx must be 0 or more, not -1", blob__idx=np.array([0, -1, 1], np.int32)),
    dataset("row 2: blob/idx must be below 1099511627776, not 18446744073709551615",
            blob__idx=np.array([0, 2**64 - 1, 1], np.uint64)),
    dataset("blob/idx must hold a whole number for each row, not float64",
            blob__idx=np.array([0, np.nan, 1])),
    dataset("blob/path must hold a text for each row, not int64", blob__path=np.arange(3)),
    dataset("blob/shape must hold two whole numbers for each row, not uint32",
            blob__shape=np.full(3, 6, np.uint32)),
    dataset("blob/psize_A must hold a number for each row, not float64 of shape (2,)",
            blob__psize_A=np.ones((3, 2))),
    dataset("row 3: blob/psize_A must be finite, not nan", blob__psize_A=np.array([1, 1, np.nan])),
    dataset("row 1: blob/psize_A must be positive, not 0.0", blob__psize_A=np.zeros(3)),
    dataset("row 2: blob/psize_A must be positive, not -1.5",
            blob__psize_A=np.array([1.5, -1.5, 1.5])),
    dataset("rlnImageSize of data_optics must be the box of the stacks (6 px), not 7",
            blob__shape=np.full((3, 2), 7, np.uint32)),
    dataset("row 3 of data_particles names image 10 of {here}/a.mrcs, which has only 4 "
            "(1 such rows)", blob__idx=np.array([0, 1, 9], np.uint32)),
    dataset("row 1: ctf/accel_kv must be finite, not nan", ctf__accel_kv=np.full(3, np.nan)),
    dataset("row 2: location/micrograph_path must be one line, not 'a\\nb'",
            location__micrograph_path=np.array([b"a", b"a\nb", b"c"])),
    dataset("row 1: location/micrograph_path must be a text with one kind of quotes, "
            "not 'a\\' \" b'", location__micrograph_path=np.array([b"a' \" b"] * 3)),
    dataset("blob/path must be text, but holds characters that are none",
            blob__path=np.full(3, 0x7FFFFFFF, np.uint32).view("<U1")),
]  # fmt: skip

BAD_FILES = [*STACKS, *STAR_TEXTS, *STAR_VALUES, *DATASETS]
