from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest
import starfile

from cl2d.errors import InputError, InputFileError
from cl2d.io import StarBlock, read_star, write_star, write_xmd
from cl2d.io.star_reader import plain_rows, split_values

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"


def _star(folder: Path, text: str | bytes) -> Path:
    path = folder / "a.star"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _table(n_rows: int) -> StarBlock:
    rng = np.random.default_rng(1)
    return StarBlock(
        {
            "rlnImageName": [f"{k + 1:06d}@folder/stack.mrcs" for k in range(n_rows)],
            "rlnDefocusU": rng.uniform(5000, 30000, n_rows),
            "rlnClassNumber": rng.integers(0, 50, n_rows),
            "cl2dIsCore": rng.random(n_rows) < 0.5,
        }
    )


def test_loop_is_read_by_column(tmp_path: Path) -> None:
    path = _star(tmp_path, "data_particles\n\nloop_\n_a #1\n_b #2\n1 x\n2 y\n\n")
    block = read_star(path)["particles"]
    assert list(block.columns) == ["a", "b"]
    assert block.n_rows == 2
    assert block.is_loop
    assert block.numbers("a").tolist() == [1.0, 2.0]
    assert block.text("b") == ["x", "y"]


def test_list_block_has_one_value_a_column(tmp_path: Path) -> None:
    path = _star(tmp_path, 'data_general\n_a   3\n_b  "two words" # why\n')
    block = read_star(path)["general"]
    assert not block.is_loop
    assert block.n_rows == 1
    assert block.text("b") == ["two words"]


def test_blocks_come_in_file_order_and_may_have_no_name(tmp_path: Path) -> None:
    path = _star(tmp_path, "data_\n_a 1\ndata_z\nloop_\n_b\n1\n2\ndata_c\n_d 4\n")
    blocks = read_star(path)
    assert list(blocks) == ["", "z", "c"]
    assert blocks["z"].text("b") == ["1", "2"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_endings_and_byte_order_mark_make_no_difference(
    tmp_path: Path, ending: str, bom: bytes
) -> None:
    lines = ["# version 30001", "", "data_x", "loop_", "_a #1", "_b #2", *["1 2"] * 5, ""]
    block = read_star(_star(tmp_path, bom + ending.join(lines).encode()))["x"]
    assert block.text("b") == ["2"] * 5


def test_last_line_needs_no_newline(tmp_path: Path) -> None:
    block = read_star(_star(tmp_path, "data_x\nloop_\n_a\n_b\n1 2\n3 4"))["x"]
    assert block.text("b") == ["2", "4"]


def test_quotes_comments_and_blank_lines_among_rows(tmp_path: Path) -> None:
    text = """data_x
loop_
_a
_b
1 "two words"
# a comment
2 'it''s'   # another

3 ""
4 5'-end
"5 # not a comment" c#d
"""
    block = read_star(_star(tmp_path, text))["x"]
    assert block.text("a") == ["1", "2", "3", "4", "5 # not a comment"]
    assert block.text("b") == ["two words", "it''s", "", "5'-end", "c#d"]


def test_empty_loop_keeps_its_columns(tmp_path: Path) -> None:
    block = read_star(_star(tmp_path, "data_x\nloop_\n_a\n_b\n"))["x"]
    assert block.n_rows == 0
    assert list(block.columns) == ["a", "b"]


def test_text_that_is_not_utf8_survives(tmp_path: Path) -> None:
    raw = b"data_x\nloop_\n_a\n_b\nm\xfcller \xc3\xa9\n"
    block = read_star(_star(tmp_path, raw))["x"]
    assert block.text("b") == ["é"]
    again = StarBlock({"a": block.text("a"), "b": block.text("b")})
    write_star(tmp_path / "b.star", {"x": again})
    assert b"m\xfcller \xc3\xa9\n" in (tmp_path / "b.star").read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold at least one data_ block"),
        ("data_x\nloop_\n_a\n_b\n1 2\n3\n", r"line 6: row 2 of data_x must have 2 values, not 1"),
        ("data_x\nloop_\n_a\n_b\n1 2 3\n", r"line 5: row 1 of data_x must have 2 values, not 3"),
        ("data_x\nloop_\n_a\n_a\n1 2\n", r"line 4: column _a of data_x must occur once"),
        ("data_x\n_a 1\n_a 1\n", r"line 3: column _a of data_x must occur once"),
        ("data_x\n_a\n", r"line 2: _a of data_x must have one value, not 0"),
        ("data_x\n_a 1 2\n", r"line 2: _a of data_x must have one value, not 2"),
        ("data_x\n_a 1\ndata_x\n", r"line 3: block data_x must occur once"),
        ("data_x\n_a 1\nloop_\n_b\n1\n", r"line 3: data_x must have one loop_ or one list"),
        ("data_x\nloop_\n_a\n1\nloop_\n_b\n1\n", r"line 5: data_x must have one loop_"),
        ("data_x\nloop_\n_a\n_b\n1 2\n_c 3\n", r"line 6: _c must be a label alone"),
        ("data_x\n1 2\n", r"line 2: '1' must follow a label"),
        ("_a 1\n", r"line 1: a STAR file must begin with a data_ block, not '_a'"),
        ("data_x\n_a\n;\ntext\n;\n", r"line 2: _a of data_x"),
        ("data_x\nloop_\n_a\n_b\n1 2\n; 3\n", r"line 6: text over several lines"),
        (b"data_x\n_a \0\n", "it is not a text file"),
        ("data_x\nloop_\n_a\n_b\n1 " + "y" * 5000, "line 5: a value must not be longer than 4096"),
    ],
)
def test_malformed_file_is_refused_with_the_line(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(InputFileError, match=message):
        read_star(_star(tmp_path, text))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"nothing\.star: cannot be read"):
        read_star(tmp_path / "nothing.star")


def _long_text(bad_row: int | None = None) -> str:
    rows = [f"{k:08d} some/longer/path/to/a/file_{k}.mrc {k}.5" for k in range(20000)]
    if bad_row is not None:
        rows[bad_row - 1] += " extra"
        # Two wrongs that cancel in the number of values of the whole file.
        rows[bad_row] = rows[bad_row].rsplit(" ", 1)[0]
    return "data_x\nloop_\n_a #1\n_b #2\n_c #3\n" + "\n".join(rows) + "\n"


def test_long_table_is_read_the_same_in_many_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _star(tmp_path, _long_text() + "\ndata_y\n_d 1\n")
    whole = read_star(path)
    monkeypatch.setattr("cl2d.io.star_reader._CHUNK_BYTES", 5000)
    pieces = read_star(path)
    assert list(whole) == list(pieces) == ["x", "y"]
    for name in "abc":
        assert pieces["x"].text(name) == whole["x"].text(name)
    assert whole["x"].numbers("c")[-1] == 19999.5


def test_wrong_row_far_down_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputFileError, match="line 15005: row 15000 of data_x must have 3 values, not 4"
    ):
        read_star(_star(tmp_path, _long_text(bad_row=15000)))


def test_fast_and_careful_paths_agree() -> None:
    chunk = b"  1 abc  2.5\n\n\t2 d 3 \r\n3 e 4"
    found = plain_rows(chunk, 3)
    assert found is not None
    careful = [split_values(line) for line in chunk.splitlines() if line.strip()]
    assert [list(row) for row in zip(*(c.tolist() for c in found[0]), strict=True)] == careful


@pytest.mark.parametrize(
    "chunk", [b"1 2\n3\n", b"1 '2'\n", b"1 2 # c\n", b"data_x\n", b"1 2\n _a 3\n", b"_a 3\n", b"\n"]
)
def test_fast_path_declines_what_is_not_plain(chunk: bytes) -> None:
    assert plain_rows(chunk, 2) is None


@pytest.mark.parametrize("n_rows", [0, 1, 40000])
def test_written_table_comes_back(tmp_path: Path, n_rows: int) -> None:
    block = _table(n_rows)
    write_star(tmp_path / "a.star", {"particles": block})
    back = read_star(tmp_path / "a.star")["particles"]
    assert list(back.columns) == list(block.columns)
    assert back.text("rlnImageName") == block.columns["rlnImageName"]
    assert np.allclose(back.numbers("rlnDefocusU"), block.columns["rlnDefocusU"], atol=5.1e-7)
    assert np.array_equal(back.numbers("rlnClassNumber"), block.columns["rlnClassNumber"])
    assert np.array_equal(back.numbers("cl2dIsCore"), block.columns["cl2dIsCore"])


def test_starfile_and_gemmi_read_what_is_written(tmp_path: Path) -> None:
    block = _table(500)
    general = StarBlock({"rlnA": ["two words"], "rlnB": np.array([3])}, is_loop=False)
    path = tmp_path / "a.star"
    write_star(path, {"particles": block, "general": general})
    frames = starfile.read(path)
    assert frames["particles"]["rlnImageName"].tolist() == block.columns["rlnImageName"]
    assert frames["particles"]["rlnClassNumber"].tolist() == list(block.columns["rlnClassNumber"])
    assert frames["general"] == {"rlnA": "two words", "rlnB": 3}
    document = gemmi.cif.read(str(path))
    defoci = [float(value) for value in document["particles"].find_loop("_rlnDefocusU")]
    assert np.allclose(defoci, block.columns["rlnDefocusU"], atol=5.1e-7)
    assert gemmi.cif.as_string(document["general"].find_value("_rlnA")) == "two words"


def test_what_starfile_and_gemmi_write_is_read(tmp_path: Path) -> None:
    write_star(tmp_path / "a.star", {"particles": _table(300)})
    expected = read_star(tmp_path / "a.star")["particles"]
    starfile.write(starfile.read(tmp_path / "a.star"), tmp_path / "b.star")
    gemmi.cif.read(str(tmp_path / "a.star")).write_file(str(tmp_path / "c.star"))
    for path in (tmp_path / "b.star", tmp_path / "c.star"):
        back = next(iter(read_star(path).values()))
        assert back.text("rlnImageName") == expected.text("rlnImageName")
        assert np.array_equal(back.numbers("rlnDefocusU"), expected.numbers("rlnDefocusU"))


NUMBERS = [0.0, -0.0, 1.0, -1.5, 0.001, -0.0009994, 1e-30, 99999999.5, 1e8, -3e300, 0.1 + 0.2]


@pytest.mark.parametrize("numbers", [NUMBERS, *[[x] for x in NUMBERS]])
def test_floats_keep_six_decimals_or_seven_digits(tmp_path: Path, numbers: list[float]) -> None:
    write_star(tmp_path / "a.star", {"x": StarBlock({"v": np.array(numbers)})})
    back = read_star(tmp_path / "a.star")["x"].numbers("v")
    size = np.abs(numbers)
    is_scientific = (size < 1e-3) | (size >= 1e8)
    assert (np.abs(back - numbers) <= np.where(is_scientific, 5.1e-7 * size, 5.1e-7)).all()


def test_floats_that_are_not_finite_are_written_as_such(tmp_path: Path) -> None:
    values = np.array([np.nan, np.inf, -np.inf, 2.0])
    write_star(tmp_path / "a.star", {"x": StarBlock({"v": values})})
    assert read_star(tmp_path / "a.star")["x"].text("v") == ["nan", "inf", "-inf", "2.000000"]


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 7, -7, 10, -100, 99999], np.int32),
        np.array([0, 2**63], np.uint64),
        np.array([-(2**63), 5], np.int64),
    ],
)
def test_integers_are_written_plain(tmp_path: Path, values: np.ndarray) -> None:
    write_star(tmp_path / "a.star", {"x": StarBlock({"v": values})})
    assert read_star(tmp_path / "a.star")["x"].text("v") == [str(v) for v in values.tolist()]


AWKWARD = ["", "a b", "'q", '"q', "#c", "it's", "_x", "data_1/m.mrc", "loop_", "a\tb", ";s", "é 1"]


@pytest.mark.parametrize("first", [True, False])
def test_awkward_text_comes_back(tmp_path: Path, first: bool) -> None:
    plain = [str(k) for k in range(len(AWKWARD))]
    columns = {"a": AWKWARD, "b": plain} if first else {"b": plain, "a": AWKWARD}
    write_star(tmp_path / "a.star", {"x": StarBlock(columns)})
    block = read_star(tmp_path / "a.star")["x"]
    assert block.text("a") == AWKWARD
    assert block.text("b") == plain


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": ["1", "2"], "b": ["1"]}, "column b of data_x must have 2 values, not 1"),
        ({"a": ["two\nlines"]}, "column a must be on one line"),
        ({"a": ["both ' and \" here"]}, "must not need both kinds of quotes"),
    ],
)
def test_what_cannot_be_written_leaves_no_file(
    tmp_path: Path, columns: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write_star(tmp_path / "a.star", {"x": StarBlock(columns)})
    assert list(tmp_path.iterdir()) == []


def test_list_block_of_two_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must have 1 values, not 2"):
        write_star(tmp_path / "a.star", {"x": StarBlock({"a": ["1", "2"]}, is_loop=False)})


def test_relion_finds_its_version_line_above_every_table(tmp_path: Path) -> None:
    write_star(tmp_path / "a.star", {"optics": _table(1), "particles": _table(1)})
    lines = [line for line in (tmp_path / "a.star").read_text().splitlines() if line]
    for name in ("data_optics", "data_particles"):
        assert lines[lines.index(name) - 1] == "# version 30001"
    assert "_rlnDefocusU #2" in lines


def test_xmipp_file_has_the_first_line_and_labels_xmipp_expects(tmp_path: Path) -> None:
    block = StarBlock({"image": ["000001@a.stk"], "enabled": np.array([-1])})
    write_xmd(tmp_path / "a.xmd", {"noname": block})
    lines = (tmp_path / "a.xmd").read_text().splitlines()
    assert lines == [
        "# XMIPP_STAR_1 * ",
        "# ",
        "data_noname",
        "loop_",
        " _image",
        " _enabled",
        " 000001@a.stk -1",
    ]
    assert read_star(tmp_path / "a.xmd")["noname"].numbers("enabled").tolist() == [-1]


@pytest.mark.skipif(not REAL.is_dir(), reason="real data not at hand")
@pytest.mark.parametrize("name", ["apof64_i8.star", "betagal64_i8_3000.star"])
def test_real_table_agrees_with_starfile_and_gemmi(tmp_path: Path, name: str) -> None:
    blocks = read_star(REAL / name)
    write_star(tmp_path / "copy.star", blocks)
    document = gemmi.cif.read(str(REAL / name))
    for path in (REAL / name, tmp_path / "copy.star"):
        frame = starfile.read(path)["particles"]
        for column in blocks["particles"].columns:
            ours = blocks["particles"].text(column)
            assert ours == list(document["particles"].find_loop(f"_{column}"))
            if column in ("rlnImageName", "rlnMicrographName"):
                assert ours == frame[column].tolist()
            else:
                assert np.array_equal(
                    blocks["particles"].numbers(column), frame[column].to_numpy(float)
                )
