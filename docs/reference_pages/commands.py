"""The page of all commands and options."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from typer.models import ArgumentInfo, OptionInfo

from cl2d.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# Commands and options

This page is made from the program (`nox -s docs -- --write`); `cl2d COMMAND --help` says the same.
Lengths carry their unit in the name of the option. An option without a default can be left out,
unless it is *required*. Exit codes: 0 done, 1 failed, 2 bad usage or input, 75 stopped at its
`--max-time`, 129, 130 or 143 interrupted by SIGHUP, Ctrl-C or SIGTERM.
How to choose: [choosing.md](../choosing.md).
"""
GENERAL = "General"
TYPE_WORDS = {"int": "N", "float": "X", "Path": "PATH", "str": "TEXT", "bool": ""}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a command, as its function declares it."""

    name: str
    kind: type
    info: ArgumentInfo | OptionInfo
    default: Any

    @property
    def is_argument(self) -> bool:
        return isinstance(self.info, ArgumentInfo)

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty

    @property
    def flags(self) -> list[str]:
        """Names on the command line: the short one, the long one, the one that says no."""
        # Beside Annotated the first name stands where the default would.
        declared = (self.info.default, *(self.info.param_decls or ()))
        names = [part for part in declared if isinstance(part, str) and part.startswith("-")]
        words = [word for name in names for word in name.split("/")]
        return words or [f"--{self.name.replace('_', '-')}"]

    @property
    def value(self) -> str:
        """What stands for the value: a word, a choice of words, nothing for a switch."""
        return str(self.info.metavar or TYPE_WORDS.get(self.kind.__name__, "VALUE"))

    @property
    def panel(self) -> str:
        return str(getattr(self.info, "rich_help_panel", None) or GENERAL)

    @property
    def default_in_words(self) -> str:
        if self.required:
            return "*required*"
        if isinstance(self.info.show_default, str):
            return self.info.show_default
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        return "" if self.default is None else f"`{self.default}`"


def commands_page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    for registered in app.registered_commands:
        command = registered.callback
        if command is not None and not registered.hidden:
            parts.append(_command(registered.name or command.__name__.replace("_", "-"), command))
    return "\n".join(parts)


def _parameters(command: Any) -> Iterator[Parameter]:
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        if get_origin(parameter.annotation) is not Annotated:
            continue  # the context, which is no parameter of the user's
        kind, *facts = get_args(parameter.annotation)
        if get_origin(kind) in (Union, UnionType):
            kind = next(part for part in get_args(kind) if part is not NoneType)
        info = next(fact for fact in facts if isinstance(fact, (ArgumentInfo, OptionInfo)))
        if not info.hidden:
            yield Parameter(name, kind, info, parameter.default)


def _command(name: str, command: Any) -> str:
    parameters = list(_parameters(command))
    arguments = [p for p in parameters if p.is_argument]
    options = [p for p in parameters if not p.is_argument]
    words = [p.value if p.required else f"[{p.value}]" for p in arguments]
    words += [f"{p.flags[-1]} {p.value}" for p in options if p.required]
    lines = [f"## cl2d {name}", "", inspect.getdoc(command) or "", "", "```"]
    lines += [f"cl2d {' '.join([name, *words])} [OPTIONS]", "```", ""]
    if arguments:
        lines += _table("argument", arguments)
    panels: dict[str, list[Parameter]] = {}
    for option in options:
        panels.setdefault(option.panel, []).append(option)
    for panel, members in panels.items():
        lines += [f"**{panel}**", ""] if len(panels) > 1 else []
        lines += _table("option", members)
    return "\n".join(lines)


def _table(kind: str, parameters: list[Parameter]) -> list[str]:
    lines = [f"| {kind} | meaning | default |", "|---|---|---|"]
    for p in parameters:
        names = f"`{p.value}`" if p.is_argument else ", ".join(f"`{flag}`" for flag in p.flags)
        if not p.is_argument and p.value:
            names += f" {p.value}"
        meaning = " ".join(str(p.info.help or "").split())
        cells = (cell.replace("|", "\\|") for cell in (names, meaning, p.default_in_words))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]
