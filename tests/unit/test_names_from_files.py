"""Names that come from files, made by somebody else: shown and passed on, never obeyed."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cl2d.cli.app import main
from cl2d.cli.live import LiveBars
from cl2d.cli.progress import PlainLines
from cl2d.cli.streams import say, shown
from cl2d.cli.time_left import TimeLeft
from cl2d.cli.wording import Wording
from cl2d.errors import InputError
from cl2d.events import RunWarned
from cl2d.io import StarBlock, read_star, write_star
from cl2d.outputs.report.page import embedded_json, html
from tests.particle_files import write_table, write_two_stacks

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = "\x1b]0;title\x07\x1b[2J\x9b31m\r\x08\x7f"
TURNED = "\u202egnp.exe\u2066\u200f\u061c\u2028\u2029"
SCRIPT = "</script><script>alert(1)</script><!-- & ]]> ' \" $(id) `id`"
NAMES = (COMMANDS, TURNED, SCRIPT, "bytes \udcff", "plain å 日本")
AWKWARD = (
    *("two words", 'a "b" c', "it's", "#1", "", "_label", "data_x", "loop_", "$(id)", "`id`"),
    *("a\tb", "\x1b[2J", "\u202e", "x" * 4000),
)
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("name", NAMES)
def test_no_name_reaches_a_terminal_with_commands_for_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = io.StringIO()
    wording, time_left = Wording(1), TimeLeft(None, 1, 1)
    PlainLines(said, wording, time_left)(RunWarned(name))
    live = LiveBars(said, wording, time_left)
    live(RunWarned(name))
    say(name)
    for text in (shown(name), said.getvalue(), capsys.readouterr().err):
        assert not OBEYED.search(text)
        text.encode()  # no byte that is no text is left


def test_names_that_are_only_text_are_shown_as_they_are() -> None:
    assert shown("dåta/日本 (1)\n\tfile") == "dåta/日本 (1)\n\tfile"
    assert shown("\x1b[2J\u202e") == r"\x1b[2J\u202e"


def test_message_about_a_strange_stack_is_one_harmless_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_table(tmp_path, ["1@\x1b]0;x\x07\u202e.mrcs"])
    assert main(["classify", str(table), "-o", str(tmp_path / "out"), "-k", "1"]) == 2
    said = capsys.readouterr().err
    assert r"\x1b]0;x\x07\u202e.mrcs" in said
    assert len(said.splitlines()) == 1
    assert not OBEYED.search(said.replace("\n", ""))


@pytest.mark.parametrize("name", NAMES)
def test_data_of_the_page_cannot_end_their_element(name: str) -> None:
    text = embedded_json({"name": name, name: 1})
    assert json.loads(text) == {"name": name, name: 1}
    assert text.isascii()
    assert not set("<>&") & set(text)
    assert html({"name": name}).count("</script>") == html({}).count("</script>")


@pytest.mark.parametrize(
    "name",
    [
        *NAMES[3:],
        "two words",
        'a "b" c',
        "it's",
        "#1",
        "",
        "_label",
        "data_x",
        "$(id)",
        "`id`",
        "a\tb",
    ],
)
@pytest.mark.parametrize("columns", [1, 2])
def test_names_come_back_from_a_table_as_they_were(tmp_path: Path, name: str, columns: int) -> None:
    values = {f"rlnName{k}": [name, "other"] for k in range(columns)}
    write_star(tmp_path / "a.star", {"particles": StarBlock(values)})
    block = read_star(tmp_path / "a.star")["particles"]
    for column in values:
        assert block.text(column) == [name, "other"]


@pytest.mark.parametrize("name", ["two\nlines", "a\rb", "both ' and \" x"])
def test_names_that_a_table_cannot_hold_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        write_star(tmp_path / "a.star", {"particles": StarBlock({"rlnName": [name], "rlnB": [1]})})
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_names_stacks_cannot_make_the_program_write_them(tmp_path: Path) -> None:
    write_two_stacks(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    table = write_table(tmp_path, ["1@a.mrcs", "2@../" + tmp_path.name + "/b.mrcs"])
    assert main(["classify", str(table), "-o", str(tmp_path / "a.mrcs"), "-k", "1"]) == 2
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.skipif(sys.byteorder != "little", reason="the file below is")
def test_no_object_is_made_from_arrays_of_a_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (exec, ("raise SystemExit(99)",))

    from cl2d.io import open_particles  # noqa: PLC0415

    np.save(tmp_path / "a.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    (tmp_path / "a.npy").rename(tmp_path / "a.cs")
    with pytest.raises(InputError, match="without Python objects"):
        open_particles(tmp_path / "a.cs")
