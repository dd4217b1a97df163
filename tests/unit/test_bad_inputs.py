"""Bad input is named: file, row, what must be and what is. It never crashes and never hangs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import cl2d
from cl2d.cli import main
from cl2d.io import open_particles, read_star, write_particles_star, write_star
from tests.bad_files import BAD_FILES, BadFile


@pytest.fixture
def make(bench, tmp_path, monkeypatch):
    """Return the module that builds files; the working directory holds the stack of the tables."""
    builders = bench("fuzz_targets")
    builders.prepare_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    return builders


@pytest.mark.parametrize("bad", BAD_FILES, ids=str)
def test_malformed_file_is_refused_in_these_words(make, bad: BadFile):
    Path(bad.name).write_bytes(bad.build(make))
    with pytest.raises(cl2d.InputFileError) as caught:
        open_particles(bad.name)
    assert str(caught.value) == bad.message.replace("{here}", str(Path.cwd()))


@pytest.mark.parametrize("bad", BAD_FILES[::8], ids=str)
def test_command_line_says_it_in_one_line_with_code_2(make, bad: BadFile, capsys):
    Path(bad.name).write_bytes(bad.build(make))
    assert main(["classify", bad.name, "-o", "out", "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    message = " ".join(bad.message.replace("{here}", str(Path.cwd())).split())
    assert err == f"cl2d: error: {message}\n"
    assert not Path("out").exists()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _dangling(path: Path) -> None:
    path.symlink_to("gone.star")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


KINDS = {
    _fifo: "must be a file, not a named pipe",
    _device: "must be a file, not a device",
    Path.mkdir: "must be a file",
    _dangling: "is a link to gone.star, which leads to no file",
    _loop: "is a link to ",
}


@pytest.mark.parametrize("suffix", [".star", ".xmd", ".mrcs", ".stk", ".cs", ""])
@pytest.mark.parametrize("put", KINDS, ids=lambda put: put.__name__)
@pytest.mark.usefixtures("make")
def test_what_is_no_file_is_refused_and_not_waited_for(put, suffix):
    path = Path(f"p{suffix}")
    put(path)
    with pytest.raises(cl2d.InputFileError) as caught:
        open_particles(path)
    assert str(caught.value).startswith(f"{path}: {KINDS[put]}")


@pytest.mark.usefixtures("make")
def test_name_that_no_file_can_have_is_refused():
    with pytest.raises(cl2d.InputFileError, match=r"cannot be read \(File name too long\)"):
        open_particles("n" * 300 + ".star")
    with pytest.raises(cl2d.InputFileError, match="does not exist"):
        open_particles("a\0b.star")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
@pytest.mark.parametrize("name", ["a.mrcs", "p.star"])
def test_file_without_permission_is_named(make, name):
    Path("p.star").write_text(make.RELION)
    Path(name).chmod(0)
    with pytest.raises(cl2d.InputFileError, match=rf"{name}: cannot be read \(Permission denied\)"):
        open_particles("p.star")


def test_stack_that_is_a_pipe_is_not_waited_for(make):
    Path("a.mrcs").unlink()
    os.mkfifo("a.mrcs")
    Path("p.star").write_text(make.RELION)
    with pytest.raises(cl2d.InputFileError, match=r"1 of 1 stack files cannot be found: 'a\.mrcs'"):
        open_particles("p.star")


def test_stacks_of_other_boxes_and_pixel_sizes_are_told_apart(make):
    Path("p.star").write_text("data_\nloop_\n_rlnImageName\n1@a.mrcs\n1@b.mrcs\n2@b.mrcs\n")
    Path("b.mrcs").write_bytes(make.stack(make.numbered(2, 8), mode=2))
    here = Path.cwd()
    with pytest.raises(cl2d.InputFileError) as caught:
        open_particles("p.star")
    assert str(caught.value) == (
        f"p.star: all images must have one box size, not 2: 6 x 6 px in 1 file (e.g. {here}/a.mrcs)"
        f"; 8 x 8 px in 1 file (e.g. {here}/b.mrcs)"
    )
    raw = bytearray(make.stack(make.numbered(2), mode=2))
    raw[40:44] = np.float32(12.0).tobytes()  # 2 A instead of 1.5 A
    Path("b.mrcs").write_bytes(raw)
    with pytest.raises(cl2d.InputFileError) as caught:
        open_particles("p.star")
    assert str(caught.value) == (
        "p.star: all stacks must have one pixel size, as the table states none, "
        f"not 1.5 A/px ({here}/a.mrcs) and 2 A/px ({here}/b.mrcs)"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", "RELION"), ("a", "RELION"), ("a.dat", "stack"), ("a.star.mrcs.x", "stack")],
)
def test_content_decides_where_the_name_says_nothing(make, name, content):
    whole = make.RELION.encode() if content == "RELION" else make.stack(make.numbered(), mode=2)
    Path(name).write_bytes(whole)
    assert open_particles(name).n_images == (3 if content == "RELION" else 4)


@pytest.mark.parametrize("mode", [0, 1, 2, 6, 12])
def test_byte_orders_of_every_pixel_type_simply_work(make, mode):
    images = make.numbered()
    for order in "<>":
        Path("b.mrcs").write_bytes(make.stack(images, mode=mode, order=order))
        read = open_particles("b.mrcs").read(0, 4)
        np.testing.assert_allclose(
            read, images if mode in (2, 12) else images.astype(int), rtol=1e-3
        )
    for order in "<>":
        Path("b.stk").write_bytes(make.spider(images, order))
        np.testing.assert_allclose(open_particles("b.stk").read(0, 4), images, rtol=1e-6)


def _old_mac(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r")


REWRITTEN = {
    "crlf": lambda text: text.replace(b"\n", b"\r\n"),
    "old mac": _old_mac,
    "mixed": lambda text: text.replace(b"\n", b"\r\n", 20).replace(b"loop_\r\n", b"loop_\n"),
    "mark": lambda text: b"\xef\xbb\xbf" + text,
    "no last line end": lambda text: text.rstrip(b"\n"),
    "blank lines": lambda text: text.replace(b"\n", b"\n\n").replace(b"\n\n000", b"\n \t\n000"),
    "tabs": lambda text: text.replace(b" ", b"\t").replace(b'"a\tmic', b'"a mic'),
    "comments": lambda text: text.replace(b"loop_\n", b"# one\nloop_ # two\n#\n"),
    "quotes": lambda text: text.replace(b"000001@a.mrcs", b'"000001@a.mrcs"'),
    "capitals": lambda text: text.replace(b"loop_", b"LOOP_").replace(b"data_", b"DATA_"),
}


@pytest.mark.parametrize("change", REWRITTEN)
def test_other_spelling_of_a_table_is_the_same_table(make, change):
    Path("plain.star").write_bytes(make.RELION.encode())
    Path("other.star").write_bytes(REWRITTEN[change](make.RELION.encode()))
    plain, other = read_star("plain.star"), read_star("other.star")
    assert list(plain) == list(other)
    for name, block in plain.items():
        assert {column: block.text(column) for column in block.columns} == {
            column: other[name].text(column) for column in other[name].columns
        }
    np.testing.assert_array_equal(
        open_particles("plain.star").read(0, 3), open_particles("other.star").read(0, 3)
    )


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_line_ends_on_the_border_of_two_reads_are_one(tmp_path, ends):
    names = [f"{'x' * (9 + k % 5)}{k:05d}" for k in range(3000)]
    rows = [f"{name} {k}" for k, name in enumerate(names)]
    head = [b"data_", b"loop_", b"_a", b"_b"]
    for shift in range(3):  # so that a border falls on either half of a line end
        lines = [b"#" * (shift + 1), *head, *(row.encode() for row in rows)]
        (tmp_path / "a.star").write_bytes(ends.join(lines))
        block = read_star(tmp_path / "a.star")[""]
        assert block.text("a") == names


def test_line_of_quotes_takes_time_by_its_length(tmp_path):
    line = b"\"a 'b " * 150_000
    (tmp_path / "a.star").write_bytes(b"data_\nloop_\n_a\n_b\n" + line + b"\n")
    with pytest.raises(cl2d.InputFileError, match="row 1 of data_ must have 2 values, not 300000"):
        read_star(tmp_path / "a.star")


def test_one_long_value_does_not_take_its_length_for_every_row(tmp_path):
    rows = b"1 2\n" * 200_000 + b"9" * 4000 + b" 3\n"
    (tmp_path / "a.star").write_bytes(b"data_\nloop_\n_a\n_b\n" + rows)
    with pytest.raises(cl2d.InputFileError) as caught:
        read_star(tmp_path / "a.star")
    assert str(caught.value).endswith(
        "column _a of data_ must not hold a value of 4000 bytes among 200001 rows of short ones"
    )


# What fuzzing found, each of which ended a run when its results were to be written.


def test_names_that_are_not_utf8_come_back(tmp_path):
    text = b"data_\xff\n\nloop_\n_a\xe9 #1\n_b #2\n1 2\n\ndata_l\n\n_c\xf3 3\n"
    (tmp_path / "a.star").write_bytes(text)
    blocks = read_star(tmp_path / "a.star")
    write_star(tmp_path / "b.star", blocks)
    assert read_star(tmp_path / "b.star").keys() == blocks.keys()
    assert b"_a\xe9 #1" in (tmp_path / "b.star").read_bytes()
    assert b"_c\xf3" in (tmp_path / "b.star").read_bytes()


def test_value_with_both_kinds_of_quotes_comes_back_if_it_was_read(tmp_path):
    text = b'data_\nloop_\n_a\n_b\n"it\'s 5" long" 1\n\'\xff a"b\' 2\n'
    (tmp_path / "a.star").write_bytes(text.replace(b'5" l', b'5"-l'))
    block = read_star(tmp_path / "a.star")[""]
    assert block.text("a")[0] == "it's 5\"-long"
    write_star(tmp_path / "b.star", {"": block})
    again = read_star(tmp_path / "b.star")[""]
    assert again.text("a") == block.text("a")


@pytest.mark.parametrize("rows", ["1", "7"])
def test_optics_without_a_group_number_are_the_only_group(make, rows):
    text = make.RELION.replace("_rlnOpticsGroup #1\n_rlnOpticsGroupName", "_rlnOpticsGroupName")
    text = text.replace("\n1 opticsGroup1", "\nopticsGroup1").replace("mrcs 1 ", f"mrcs {rows} ")
    Path("p.star").write_text(text)
    source = open_particles("p.star")
    write_particles_star("out.star", source.table, {}, source=source)
    blocks = read_star("out.star")
    assert blocks["optics"].text("rlnOpticsGroup") == ["1"]
    assert blocks["particles"].text("rlnOpticsGroup") == ["1"] * 3


def test_number_in_digits_of_another_script_is_refused_with_its_row(make):
    Path("p.star").write_text(make.RELION.replace("14000 12.5", "\u0661\u0662 12.5"))
    table = open_particles("p.star").table
    with pytest.raises(cl2d.InputFileError, match="row 1 of data_particles: rlnDefocusV must be a"):
        table.numbers("rlnDefocusV")


@pytest.mark.parametrize("descr", ["'''<f4'", "'<f4\0'", "(" * 300, "-" * 50_000 + "1"])
def test_header_that_is_no_python_is_refused(make, descr):
    Path("p.cs").write_bytes(make.npy(descr, (2,)))
    with pytest.raises(cl2d.InputFileError, match=r"p\.cs: must be a whole cryoSPARC dataset"):
        open_particles("p.cs")


def test_compressed_dataset_that_ends_the_process_that_unpacks_it_is_refused(make, tmp_path):
    pytest.importorskip("cryosparc.dataset")
    whole = make.TARGETS["packed_cs"].seeds(tmp_path)[1]
    Path("p.cs").write_bytes(whole)
    assert open_particles("p.cs").n_images == 3
    length = int.from_bytes(whole[6:10], "little")
    for change in (
        whole[:-1] + b"x",  # texts without an end
        whole.replace(b'"length": 3', b'"length": 9' + b"9" * 12),
        whole[:6] + (1 << 30).to_bytes(4, "little") + whole[10:],
        whole[: 10 + length] + b"\xff" * 400,
    ):
        Path("p.cs").write_bytes(change)
        try:
            open_particles("p.cs")
        except cl2d.InputFileError as error:
            assert "p.cs: must be a whole compressed dataset" in str(error)  # noqa: PT017
