from __future__ import annotations

import inspect
from typing import Literal

import pytest
import typer
from pydantic import BaseModel, Field
from typer.main import get_command

from cl2d import pipeline
from cl2d.cli import app
from cl2d.cli.parameters import (
    flag,
    number_if_it_is_one,
    option_fields,
    range_in_words,
    takes_options,
)
from cl2d.options import STAGES, ClassifyOptions, option, python_name
from cl2d.simulate import SimulationOptions

OWN_PARAMETERS = {"particles", "output", "config", "resume", "quiet", "as_json", "debug", "help"}


def parameters_of(command):
    return {parameter.name: parameter for parameter in get_command(app).commands[command].params}


@pytest.mark.parametrize("stage", STAGES)
def test_classify_has_every_option_with_its_default_and_help(stage):
    parameters = parameters_of("classify")
    for name, field in STAGES[stage].model_fields.items():
        assert parameters[name].default == field.default
        assert parameters[name].help.startswith(field.description)
        assert flag(name) in parameters[name].opts


def test_classify_has_no_option_that_the_models_lack():
    in_models = {name for model in STAGES.values() for name in model.model_fields}
    assert parameters_of("classify").keys() - OWN_PARAMETERS == in_models


def test_python_defaults_are_those_of_the_models():
    flat = ClassifyOptions().to_flat()
    parameters = inspect.signature(pipeline.classify).parameters
    assert parameters["n_classes"].default == flat["n_classes"]
    named = {python_name(model, name) for model in STAGES.values() for name in model.model_fields}
    assert flat.keys() == named


def test_simulate_has_every_option_with_its_default_and_help():
    parameters = parameters_of("simulate")
    for name, field in SimulationOptions.model_fields.items():
        assert parameters[name].default == field.default
        assert parameters[name].help.startswith(field.description)


def test_ranges_are_in_the_help():
    parameters = parameters_of("classify")
    assert parameters["iterations"].help.endswith("(1 or more)")
    assert parameters["min_class_percent"].help.endswith("(0 to 100)")
    assert parameters["resolution_angstrom"].help.endswith("(more than 0)")


def test_switch_that_is_on_can_be_turned_off():
    parameters = parameters_of("classify")
    assert parameters["mirrors"].secondary_opts == ["--no-mirrors"]
    assert parameters["overwrite"].secondary_opts == []


def test_short_flag_for_the_number_of_classes():
    assert parameters_of("classify")["classes"].opts == ["-k", "--classes"]


def test_a_number_or_a_word_is_taken_as_what_it_is():
    option = parameters_of("classify")["classes"]
    assert option.metavar == "N|auto"
    assert [number_if_it_is_one(text) for text in ("16", "-3", "auto", "2.5", 64)] == [
        16,
        -3,
        "auto",
        "2.5",
        64,
    ]


def test_expert_options_come_last_under_their_own_heading():
    panels = [field.panel for field in option_fields(ClassifyOptions)]
    first_expert = panels.index("For experts")
    assert set(panels[first_expert:]) == {"For experts"}


class Sample(BaseModel):
    kind: Literal["round", "flat"] = option("round", "Shape.")
    width_px: float | None = option(None, "Width.", unit="px", automatic="the box", gt=0, lt=9)
    deep: bool = option(False, "Depth.")


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ([], {}),
        (["--kind", "flat", "--deep"], {"kind": "flat", "deep": True}),
        (["--kind", "round"], {"kind": "round"}),  # its default, but said
    ],
)
def test_command_gets_only_what_was_given(words, given):
    seen = {}
    program = typer.Typer()

    @program.command()
    @takes_options(Sample)
    def command(*, name: str = "x", values: dict[str, object]) -> None:
        """Run."""
        seen.update(values, name=name)

    program(words, standalone_mode=False)
    assert seen == {"name": "x", **given}
    assert command.__doc__ == "Run."


def test_choices_and_optional_numbers_have_plain_types():
    kinds = {field.name: field.type_and_choices() for field in option_fields(Sample)}
    assert kinds == {"kind": (str, ("round", "flat")), "width_px": (float, ()), "deep": (bool, ())}


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, ""),
        ({"ge": 1}, "1 or more"),
        ({"ge": 0, "le": 100}, "0 to 100"),
        ({"gt": 0, "le": 0.5}, "more than 0, at most 0.5"),
        ({"ge": 0, "lt": 1}, "0 or more, under 1"),
    ],
)
def test_limits_in_words(limits, words):
    class Limited(BaseModel):
        number: float = Field(1.0, **limits)

    assert range_in_words(Limited.model_fields["number"]) == words
