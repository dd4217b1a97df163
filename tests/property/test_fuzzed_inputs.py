"""Whatever bytes a file of input holds, it is a consistent table or stack, or an InputError.

``bench/fuzz_inputs.py`` does the same for as long as one likes.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cl2d.errors import InputError
from cl2d.io import StarBlock, read_star, write_star
from cl2d.io.star_reader import plain_rows, split_values

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ["star", "xmd", "mrc", "spider", "cs", "npz", "record", "yaml"]
same_folder = [HealthCheck.function_scoped_fixture]
many = settings(
    deadline=None, derandomize=True, max_examples=150, suppress_health_check=same_folder
)
few = settings(deadline=None, derandomize=True, max_examples=60, suppress_health_check=same_folder)


@pytest.fixture
def fuzz(bench, tmp_path, monkeypatch):
    """Return the module with the targets; files are made in the working directory."""
    targets = bench("fuzz_targets")
    targets.prepare_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    return targets


@pytest.mark.parametrize("kind", KINDS)
def test_valid_files_are_taken(fuzz, kind: str, tmp_path: Path):
    taken = [fuzz.passes(kind, seed, tmp_path) for seed in fuzz.TARGETS[kind].seeds(tmp_path)]
    # Arrays that are compressed are refused, and so is a record without the files of its run.
    assert all(taken) if kind not in ("npz", "record") else taken in ([True, False], [False])


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32))
@many
def test_changed_files_are_taken_or_refused(fuzz, kind: str, tmp_path: Path, seed: int):
    random, seeds = Random(seed), fuzz.TARGETS[kind].seeds(tmp_path)
    for _ in range(3):
        fuzz.passes(kind, fuzz.mutated(random.choice(seeds), seeds, random), tmp_path)


@given(seed=st.integers(0, 2**32))
@settings(few, max_examples=5)
def test_changed_compressed_datasets_are_taken_or_refused(fuzz, tmp_path: Path, seed: int):
    pytest.importorskip("cryosparc.dataset")
    random, seeds = Random(seed), fuzz.TARGETS["packed_cs"].seeds(tmp_path)
    fuzz.passes("packed_cs", fuzz.mutated(seeds[1], seeds, random), tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@given(content=st.binary(max_size=2000))
@few
def test_any_bytes_are_taken_or_refused(fuzz, kind: str, tmp_path: Path, content: bytes):
    fuzz.passes(kind, content, tmp_path)


TOKENS = st.sampled_from(
    [
        *(b"data_x", b"data_", b"loop_", b"_a", b"_b", b"1", b"2 3", b'"', b"' '", b"#", b";", b""),
        *(b"\t", b"_rlnImageName", b"1@a.mrcs", b"nan", b"\x0b", b"\x1c", b"\xff", b"5'-end"),
        b'"a b"',
    ]
)
LINES = st.lists(st.lists(TOKENS, max_size=4).map(b" ".join), max_size=12)


@given(lines=LINES, ends=st.sampled_from([b"\n", b"\r\n", b"\r"]))
@many
def test_lines_of_the_words_of_tables_are_taken_or_refused(fuzz, tmp_path: Path, lines, ends):
    fuzz.passes("star", ends.join([b"data_x", *lines]), tmp_path)


VALUE = st.binary(min_size=1, max_size=6).filter(lambda value: value.split() == [value])


@given(rows=st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=6))
@many
def test_careful_and_fast_reading_agree(rows):
    text = b"".join(b" ".join(row) + b"\n" for row in rows)
    fast = plain_rows(text, 3)
    if fast is None or b"\0" in text:
        return
    columns, n_lines = fast
    careful = [split_values(line) for line in text.split(b"\n")[:-1]]
    assert n_lines == len(careful) == len(rows)
    assert [list(column) for column in columns] == [
        list(column) for column in zip(*careful, strict=True)
    ]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r"), max_size=12)


@given(values=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
@many
def test_any_text_that_can_be_written_comes_back(tmp_path: Path, values):
    first, second = map(list, zip(*values, strict=True))
    block = StarBlock({"a": first, "b": second})
    path = tmp_path / "t.star"
    try:
        write_star(path, {"x": block})
    except InputError:  # both kinds of quotes, each before white space
        return
    back = read_star(path)["x"]
    assert (back.text("a"), back.text("b")) == (first, second)


NUMBERS = st.integers(-(2**31), 2**31 - 1)


@given(words=st.dictionaries(st.integers(0, 55), NUMBERS, max_size=6), big=st.booleans())
@many
def test_any_numbers_in_the_header_of_a_stack_are_taken_or_refused(fuzz, tmp_path, words, big):
    raw = np.frombuffer(fuzz.stack(fuzz.numbered(), mode=2, order=">" if big else "<"), "V4").copy()
    for place, value in words.items():
        raw[place] = np.array(value, ">i4" if big else "<i4").tobytes()
    fuzz.passes("mrc", raw.tobytes(), tmp_path)


SHAPES = st.lists(st.integers(-(2**70), 2**70), max_size=3).map(tuple)
TYPES = st.sampled_from(
    ["'<f8'", "'|O'", "[('uid', '<u8')]", "'S0'", "'V9999999999'", "('<f4', (3,))"]
)


@pytest.mark.parametrize("kind", ["cs", "npz"])
@given(shape=SHAPES, descr=TYPES)
@few
def test_any_shape_in_the_header_of_an_array_is_taken_or_refused(
    fuzz, kind: str, tmp_path: Path, shape, descr
):
    fuzz.passes(kind, fuzz.npy(descr, shape), tmp_path)
    fuzz.passes(kind, fuzz.archive(fuzz.npy(descr, shape)), tmp_path)
