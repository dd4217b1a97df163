"""Read STAR files fast: numpy finds the values of plain rows, Python reads all other lines.

Of the STAR language this takes what RELION and Xmipp write: blocks, one loop or one list of
pairs per block, one row per line, comments, single and double quotes, any line ending. Multi-line
text is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.patience import patiently
from cl2d.io.regular_files import is_packed, open_file
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS, StarBlock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    import numpy.typing as npt

    BytesColumn = npt.NDArray[np.bytes_]

# Headers are short: a small first chunk leaves few rows to the line-by-line path.
_FIRST_CHUNK_BYTES = 1 << 14
_CHUNK_BYTES = 1 << 22
_LONGEST_VALUE_BYTES = 4096
_LONGEST_LINE_BYTES = 1 << 20
# The values of a column take as much memory each as the longest of them. A table where that is
# more than this, and than so many times its text, was not written as a table.
_MOST_PADDED_BYTES = 1 << 29
_MOST_PADDED_TIMES = 64
_NOT_PLAIN = (b'"', b"'", b"#")
_NOT_A_ROW = np.frombuffer(b"_;", np.uint8)  # first bytes of labels and of multi-line text
_IS_SPACE = bytes(byte in b" \t\n\v\f\r" for byte in range(256))  # as for bytes.split
_START, _PLAIN = re.compile(rb"\S"), re.compile(rb"\S+")
# A quote ends a value only where white space follows, so 5'-end is one plain value.
_CLOSING = {ord(quote): re.compile(quote + rb"(?=\s|$)") for quote in (b'"', b"'")}


def split_values(line: bytes) -> list[bytes]:
    """Split one line into values, quotes taken off and the comment left out."""
    if b"#" not in line and b'"' not in line and b"'" not in line:
        return line.split()
    values: list[bytes] = []
    closing, place = dict(_CLOSING), 0
    while (start := _START.search(line, place)) and start[0] != b"#":
        place = start.start()
        mark = line[place]
        end = closing[mark].search(line, place + 1) if mark in closing else None
        if end is None:
            # None to the right of here: not looked for again, a line may hold a million of them.
            closing.pop(mark, None)
            plain = _PLAIN.match(line, place)
            assert plain is not None
            values.append(plain[0])
            place = plain.end()
        else:
            values.append(line[place + 1 : end.start()])
            place = end.end()
    return values


def plain_rows(chunk: bytes, n_columns: int) -> tuple[list[BytesColumn], int] | None:
    """Return the columns of a chunk of whole lines and its number of lines.

    None if the chunk holds anything but rows of ``n_columns`` unquoted values (and blank lines).
    """
    if n_columns == 1 or any(mark in chunk for mark in _NOT_PLAIN):
        return None
    data = np.frombuffer(chunk, np.uint8)
    is_space = np.frombuffer(b"\1" + chunk.translate(_IS_SPACE) + b"\1", np.bool_)
    edges = np.flatnonzero(is_space[1:] != is_space[:-1])
    starts, stops = edges[::2], edges[1::2]
    line_ends = np.append(np.flatnonzero(data == ord("\n")), len(data))
    per_line = np.diff(np.searchsorted(starts, line_ends), prepend=0)
    if not np.isin(per_line, (0, n_columns)).all() or len(starts) == 0:
        return None
    widths = (stops - starts).reshape(-1, n_columns)
    widest = widths.max(axis=0)
    starts = starts.reshape(-1, n_columns)
    if widest.max() > _LONGEST_VALUE_BYTES or np.isin(data[starts[:, 0]], _NOT_A_ROW).any():
        return None
    if len(starts) * int(widest.sum()) > max(_MOST_PADDED_BYTES, _MOST_PADDED_TIMES * len(chunk)):
        return None
    padded = np.concatenate([data, np.zeros(widest.max(), np.uint8)])
    columns = []
    for j, width in enumerate(widest.tolist()):
        cells = np.lib.stride_tricks.sliding_window_view(padded, width)[starts[:, j]]
        cells[np.arange(width) >= widths[:, j, None]] = 0
        columns.append(cells.view(f"S{width}").ravel())
    return columns, chunk.count(b"\n")


class _StarParser:
    """The state of reading one file: finished blocks, and the block at hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blocks: dict[str, StarBlock] = {}
        self.line_number = 0
        self.n_bytes = 0
        self.block_name: str | None = None
        self.labels: dict[str, int] = {}  # to the longest value so far
        self.in_loop = False
        self.n_rows = 0
        self.pairs: dict[str, list[bytes]] = {}
        self.pending: list[list[bytes]] = []  # rows read line by line, not yet in `pieces`
        self.pieces: list[list[BytesColumn]] = []  # by column, then by chunk

    def fail(self, problem: str) -> NoReturn:
        msg = f"{self.path}: line {self.line_number}: {problem}"
        raise InputFileError(msg)

    @property
    def title(self) -> str:
        return f"data_{self.block_name}"

    def parse(self, stream: BinaryIO) -> dict[str, StarBlock]:
        for chunk in self.whole_lines(stream):
            if not self.take_plain_rows(chunk):
                self.take_lines(chunk)
        self.end_block()
        return self.blocks

    def whole_lines(self, stream: BinaryIO) -> Iterator[bytes]:
        """Read chunks of whole lines, which end in a line feed however they end in the file."""
        rest, size = b"", _FIRST_CHUNK_BYTES
        while read := stream.read(size):
            if self.n_bytes == 0:
                self.refuse_packed(read)
                read = read.removeprefix(b"\xef\xbb\xbf")
            if b"\0" in read:
                msg = f"{self.path}: must be a STAR file, but it is not a text file"
                raise InputFileError(msg)
            self.n_bytes, size = self.n_bytes + size, _CHUNK_BYTES
            chunk = rest + read
            # A return at the end may be the first half of a line end.
            stop = 1 + max(chunk.rfind(b"\n"), chunk.rfind(b"\r", 0, -1))
            rest = chunk[stop:]
            if stop:
                yield _with_line_feeds(chunk[:stop])
            if len(rest) > _LONGEST_LINE_BYTES:
                self.fail_long_line()
        if rest:
            yield _with_line_feeds(rest)

    def refuse_packed(self, first_bytes: bytes) -> None:
        if is_packed(first_bytes):
            msg = f"{self.path}: must be unpacked first, it is a compressed file"
            raise InputFileError(msg)

    def fail_long_line(self) -> NoReturn:
        self.line_number += 1
        self.fail(f"a line must not be longer than {_LONGEST_LINE_BYTES} bytes")

    def take_plain_rows(self, chunk: bytes) -> bool:
        found = plain_rows(chunk, len(self.labels)) if self.in_loop and self.labels else None
        if found is None:
            return False
        columns, n_lines = found
        self.n_rows += len(columns[0])
        self.check_widths([column.itemsize for column in columns])
        self.add_pieces(columns)
        self.line_number += n_lines
        return True

    def take_lines(self, chunk: bytes) -> None:
        for line in chunk.splitlines():
            if len(line) > _LONGEST_LINE_BYTES:
                self.fail_long_line()
            self.line_number += 1
            if line[:1] == b";":
                self.fail("text over several lines (;) is not supported")
            values = split_values(line)
            if values:
                self.take_values(values, line.lstrip()[:1] not in b"\"'")
        self.flush_rows()

    def take_values(self, values: list[bytes], first_is_plain: bool) -> None:
        first = values[0]
        if first_is_plain and first.lower().startswith(b"data_") and len(values) == 1:
            self.start_block(first[5:].decode(TEXT_ENCODING, TEXT_ERRORS))
        elif self.block_name is None:
            self.fail(f"a STAR file must begin with a data_ block, not '{_shown(first)}'")
        elif first_is_plain and first.lower() == b"loop_":
            self.start_loop(values)
        elif first_is_plain and first[:1] == b"_":
            self.take_label(values)
        else:
            self.take_row(values)

    def start_block(self, name: str) -> None:
        self.end_block()
        if name in self.blocks:
            self.fail(f"block data_{name} must occur once, but is here again")
        self.block_name = name

    def start_loop(self, values: list[bytes]) -> None:
        if len(values) > 1:
            self.fail(f"loop_ must stand alone on its line, not before '{_shown(values[1])}'")
        if self.in_loop or self.pairs:
            self.fail(f"{self.title} must have one loop_ or one list of values, not several")
        self.in_loop = True

    def take_label(self, values: list[bytes]) -> None:
        name = values[0][1:].decode(TEXT_ENCODING, TEXT_ERRORS)
        if name in self.labels or name in self.pairs:
            self.fail(f"column _{name} of {self.title} must occur once, but is here again")
        if not self.in_loop:
            if len(values) != 2:
                self.fail(f"_{name} of {self.title} must have one value, not {len(values) - 1}")
            self.pairs[name] = [values[1]]
        elif self.n_rows or len(values) > 1:
            self.fail(f"_{name} must be a label alone, above the rows of {self.title}")
        else:
            self.labels[name] = 1

    def take_row(self, values: list[bytes]) -> None:
        if not self.labels:
            self.fail(f"'{_shown(values[0])}' must follow a label (_name) in {self.title}")
        self.n_rows += 1
        if len(values) != len(self.labels):
            self.fail(
                f"row {self.n_rows} of {self.title} must have {len(self.labels)} values, "
                f"not {len(values)}"
            )
        if max(map(len, values)) > _LONGEST_VALUE_BYTES:
            self.fail(f"a value must not be longer than {_LONGEST_VALUE_BYTES} bytes")
        self.pending.append(values)

    def flush_rows(self) -> None:
        if self.pending:
            columns = list(zip(*self.pending, strict=True))
            self.check_widths([max(map(len, column)) for column in columns])
            self.add_pieces([np.array(column, dtype="S") for column in columns])
            self.pending = []

    def check_widths(self, widest: list[int]) -> None:
        """Refuse a table that would take many times the memory that its text takes."""
        for name, width in zip(self.labels, widest, strict=True):
            self.labels[name] = max(self.labels[name], width)
        padded = self.n_rows * sum(self.labels.values())
        if padded > max(_MOST_PADDED_BYTES, _MOST_PADDED_TIMES * self.n_bytes):
            name = max(self.labels, key=self.labels.__getitem__)
            self.fail(
                f"column _{name} of {self.title} must not hold a value of {self.labels[name]} "
                f"bytes among {self.n_rows} rows of short ones"
            )

    def add_pieces(self, columns: list[BytesColumn]) -> None:
        self.pieces = self.pieces or [[] for _ in columns]
        for pieces, column in zip(self.pieces, columns, strict=True):
            pieces.append(column)

    def end_block(self) -> None:
        if self.block_name is None:
            return
        self.flush_rows()
        columns: dict[str, Any]
        if self.pieces:
            # The pieces of a column go as soon as it is joined, or all would be held twice.
            columns = {label: np.concatenate(self.pieces.pop(0)) for label in self.labels}
        else:
            columns = {label: np.zeros(0, "S1") for label in self.labels}
        columns.update({name: np.array(value, dtype="S") for name, value in self.pairs.items()})
        self.blocks[self.block_name] = StarBlock(columns, self.in_loop)
        self.labels, self.pairs, self.pieces = {}, {}, []
        self.in_loop, self.n_rows = False, 0


def _with_line_feeds(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _shown(value: bytes) -> str:
    return value[:40].decode(TEXT_ENCODING, "replace")


def read_star(path: str | Path) -> dict[str, StarBlock]:
    """Read a STAR (or Xmipp .xmd) file.

    Returns
    -------
    dict
        Block name, without ``data_``, to block, in file order. All values stay the text they
        were, quotes taken off.

    Raises
    ------
    InputFileError
        If the file is missing or malformed; the message names line and row.
    """
    path = Path(path)

    def parse() -> dict[str, StarBlock]:
        with open_file(path) as stream:
            return _StarParser(path).parse(stream)

    try:
        blocks = patiently(path, parse)
    except InputFileError:
        raise
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})"
        raise InputFileError(msg) from error
    if not blocks:
        msg = f"{path}: must hold at least one data_ block, but is empty"
        raise InputFileError(msg)
    return blocks
