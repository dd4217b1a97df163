"""The schema tells every option, and what it tells holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cl2d.cli import app, main
from cl2d.cli.schema import collect_schema
from cl2d.errors import InputError
from cl2d.options import STAGES, ClassifyOptions

OPTIONS: dict[str, dict[str, Any]] = {
    option["name"]: option for option in collect_schema()["options"]
}
PLUGIN = Path(__file__).parents[2] / "integrations" / "scipion-em-cl2d" / "cl2d_scipion"
SCIPION_COPY = PLUGIN / "options.json"
KEYS = {
    "name", "python_name", "flag", "off_flag", "stage", "group", "expert", "help", "type",
    "choices", "words", "unit", "minimum", "exclusive_minimum", "maximum", "exclusive_maximum",
    "default", "automatic",
}  # fmt: skip


def test_every_option_is_there_once_with_every_key():
    names = [name for model in STAGES.values() for name in model.model_fields]
    assert [option["name"] for option in collect_schema()["options"]] == names
    assert all(option.keys() == KEYS for option in OPTIONS.values())
    assert all(option["help"] for option in OPTIONS.values())


@pytest.mark.parametrize("command", ["classify", "align"])
def test_flags_are_those_of_the_command(command):
    parameters = {
        parameter.name: parameter for parameter in get_command(app).commands[command].params
    }
    listed = set(collect_schema()["commands"][command])
    assert listed <= parameters.keys()
    assert not (OPTIONS.keys() - listed) & parameters.keys()
    for name in listed:
        assert OPTIONS[name]["flag"] in parameters[name].opts
        off = OPTIONS[name]["off_flag"]
        assert parameters[name].secondary_opts == ([off] if off else [])


def test_defaults_make_the_default_options():
    defaults = {option["python_name"]: option["default"] for option in OPTIONS.values()}
    # One default follows from another option unless it is given, so it must be given here.
    assert ClassifyOptions.from_flat(**defaults) == ClassifyOptions()


def test_printed_schema_comes_back_the_same(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == collect_schema()


@pytest.mark.parametrize("name", OPTIONS)
def test_values_beyond_the_limits_are_refused_and_those_at_them_taken(name):
    option = OPTIONS[name]
    for key, beyond in (("minimum", -1), ("maximum", 1)):
        if option[key] is not None:
            limit = float(option[key]) if option["type"] == "number" else option[key]
            ClassifyOptions.from_flat(**{name: limit})
            with pytest.raises(InputError):
                ClassifyOptions.from_flat(**{name: limit + beyond})
    if option["exclusive_minimum"] is not None:
        with pytest.raises(InputError):
            ClassifyOptions.from_flat(**{name: float(option["exclusive_minimum"])})


@pytest.mark.parametrize("name", OPTIONS)
def test_choices_and_words_are_taken_and_others_refused(name):
    option = OPTIONS[name]
    for value in [*(option["choices"] or []), *(option["words"] or [])]:
        ClassifyOptions.from_flat(**{name: value})
    if option["choices"]:
        with pytest.raises(InputError):
            ClassifyOptions.from_flat(**{name: "something else"})


def test_number_of_classes_is_a_number_from_one_or_a_word():
    classes = OPTIONS["classes"]
    assert (classes["type"], classes["minimum"], classes["words"]) == ("integer", 1, ["auto"])
    assert classes["python_name"] == "n_classes"


def test_what_null_stands_for_is_said_wherever_it_is_the_default():
    for option in OPTIONS.values():
        assert (option["default"] is None) == (option["automatic"] is not None)


@pytest.mark.skipif(not SCIPION_COPY.exists(), reason="a source distribution has no plugin")
def test_scipion_plugin_has_the_present_options():
    kept = json.loads(SCIPION_COPY.read_text(encoding="utf-8"))
    assert kept == collect_schema(), f"renew it: cl2d schema > {SCIPION_COPY}"
