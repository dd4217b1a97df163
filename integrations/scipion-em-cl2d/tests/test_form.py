"""The form and the command line that is made of it."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

pytest.importorskip("pwem")

from cl2d_scipion.form import PREFIX, add_options
from cl2d_scipion.options import LEFT_OUT, choices_of, problem_with, read_options, words_of

OPTIONS = {option["name"]: option for option in read_options()}


class Form:
    """Remembers what was added."""

    def __init__(self):
        self.sections, self.parameters = [], {}

    def addSection(self, label):
        self.sections.append(label)

    def addParam(self, name, kind, **facts):
        self.parameters[name] = (kind.__name__, facts)


def test_every_option_is_in_the_form_or_left_out_on_purpose():
    form = Form()
    add_options(form)
    assert set(form.parameters) == {PREFIX + name for name in OPTIONS}
    assert not set(LEFT_OUT) & set(OPTIONS)
    assert form.parameters["cl2d_mirrors"][0] == "BooleanParam"
    assert form.parameters["cl2d_mirrors"][1]["default"] is True
    kind, facts = form.parameters["cl2d_ctf"]
    assert (kind, facts["choices"], facts["default"]) == (
        "EnumParam",
        ["automatic", "none", "flip", "full"],
        0,
    )
    assert form.parameters["cl2d_classes"][1]["default"] == "64"
    assert "Left empty" in form.parameters["cl2d_max_shift_px"][1]["help"]


def test_defaults_make_no_words():
    for option in OPTIONS.values():
        default = option["default"]
        value = choices_of(option)[0] if option["choices"] and default is None else default
        assert words_of(option, value) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("mirrors", False, ["--no-mirrors"]),
        ("allow_fewer", True, ["--allow-fewer"]),
        ("classes", "auto", ["--classes", "auto"]),
        ("max_shift_px", 5.5, ["--max-shift-px", "5.5"]),
        ("ctf", "flip", ["--ctf", "flip"]),
    ],
)
def test_values_become_words(name, value, words):
    assert words_of(OPTIONS[name], value) == words


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("classes", "0", "--classes must be at least 1, not 0"),
        ("classes", "many", "--classes must be a number or auto, not many"),
        ("min_change_percent", 101.0, "--min-change-percent must be at most 100, not 101.0"),
        ("junk_zscore", 0.0, "--junk-zscore must be more than 0, not 0.0"),
        ("classes", "auto", ""),
        ("max_shift_px", None, ""),
    ],
)
def test_impossible_values_are_told_before_the_run(name, value, problem):
    assert problem_with(OPTIONS[name], value) == problem


@pytest.mark.skipif(shutil.which("cl2d") is None, reason="cl2d is in another environment")
def test_kept_schema_is_that_of_the_program():
    text = subprocess.run(["cl2d", "schema"], capture_output=True, check=True, text=True).stdout
    options = json.loads(text)["options"]
    assert [option for option in options if option["name"] not in LEFT_OUT] == read_options()
