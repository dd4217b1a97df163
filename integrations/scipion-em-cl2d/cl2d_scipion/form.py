"""The form of the protocol, made from the options of cl2d."""

from __future__ import annotations

from pyworkflow.protocol import params

from cl2d_scipion.options import choices_of, read_options

PREFIX = "cl2d_"
_PARAMETERS = {
    "boolean": params.BooleanParam,
    "integer": params.IntParam,
    "number": params.FloatParam,
    "string": params.StringParam,
}


def add_options(form) -> None:
    """Add a section for each group of options, and a parameter for each option."""
    groups = {}
    for option in read_options():
        groups.setdefault(option["group"], []).append(option)
    for group, options in groups.items():
        form.addSection(label=group)
        for option in options:
            _add_option(form, option)


def value_of(protocol, option: dict):
    """Return what a protocol has for an option, as cl2d writes it."""
    attribute = getattr(protocol, PREFIX + option["name"])
    value = attribute.get()
    return choices_of(option)[value] if option["choices"] else value


def _add_option(form, option: dict) -> None:
    facts = {
        "label": option["name"].replace("_", " ").capitalize(),
        "help": _help(option),
        "expertLevel": params.LEVEL_ADVANCED if option["expert"] else params.LEVEL_NORMAL,
    }
    name, default = PREFIX + option["name"], option["default"]
    if option["choices"]:
        choices = choices_of(option)
        start = 0 if default is None else choices.index(default)
        form.addParam(name, params.EnumParam, choices=choices, default=start, **facts)
    elif option["words"]:
        form.addParam(name, params.StringParam, default=str(default), **facts)
    else:
        kind = _PARAMETERS[option["type"]]
        form.addParam(name, kind, default=default, allowsNull=default is None, **facts)


def _help(option: dict) -> str:
    text = option["help"]
    if option["unit"]:
        text += f" Unit: {option['unit']}."
    if option["automatic"]:
        text += f" Left empty: {option['automatic']}."
    return text
