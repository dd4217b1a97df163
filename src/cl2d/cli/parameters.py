"""Command-line parameters made from option models, so that nothing is said twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

EXPERT_PANEL = "For experts"

Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object an event on standard output.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback if the run fails.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Options from a .yaml or .json file, or the run.json of a run to repeat; those on "
        "the command line win.",
    ),
]

Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the run in the output folder if it was cut off; begin one if there is "
        "none; nothing to do if it is complete.",
    ),
]


def folder(name: str | Path) -> Path:
    """Return the path of an output folder; a variable that is not set in a script names none."""
    if not str(name):
        message = "must be the name of a folder, not empty"
        raise typer.BadParameter(message)
    return Path(name)


OutputFolder = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="DIR",
        parser=folder,
        help="Folder for all results; made if needed.",
    ),
]

Threads = Annotated[int | None, typer.Option("--threads", help="Number of threads.")]
RunFolder = Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of a finished run.")]


@dataclass(frozen=True)
class OptionField:
    """One option as the command line needs it."""

    name: str
    field: FieldInfo
    panel: str

    @property
    def facts(self) -> dict[str, Any]:
        """Facts beside the pydantic ones: unit, automatic, expert."""
        extra = self.field.json_schema_extra
        return dict(extra) if isinstance(extra, dict) else {}

    @property
    def default(self) -> Any:
        """Value when the option is not given."""
        return self.field.get_default(call_default_factory=True)

    @property
    def number_or_word(self) -> str:
        """How a value is written that is a whole number or a word: "N|auto"; else empty."""
        return "|".join(["N", *self.words]) if self.words else ""

    @property
    def words(self) -> tuple[str, ...]:
        """Words that may stand in place of a whole number."""
        parts = get_args(self.field.annotation)
        if int not in map(plain_type, parts):
            return ()
        literals = (part for part in parts if get_origin(part) is Literal)
        return tuple(word for part in literals for word in get_args(part))

    def type_and_choices(self) -> tuple[Any, tuple[str, ...]]:
        """Return the type of a given value, and the choices of an enumeration of strings."""
        kind: Any = self.field.annotation
        if get_origin(kind) in (Union, UnionType):
            kind = next(part for part in get_args(kind) if part is not NoneType)
        if get_origin(kind) is Literal:
            return str, get_args(kind)
        return kind, ()

    def help(self) -> str:
        """Return the help text with the range, if there is one."""
        limits = range_in_words(self.field)
        return f"{self.field.description} ({limits})" if limits else str(self.field.description)


def option_fields(model: type[BaseModel]) -> tuple[OptionField, ...]:
    """Return the options of a model, those of nested models included; the expert ones last."""
    return tuple(sorted(_fields(model), key=lambda field: field.panel == EXPERT_PANEL))


def _fields(model: type[BaseModel]) -> Iterator[OptionField]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _fields(kind)
        else:
            extra = field.json_schema_extra
            expert = isinstance(extra, dict) and bool(extra.get("expert"))
            panel = model.model_config.get("title") or model.__name__
            yield OptionField(name, field, EXPERT_PANEL if expert else panel)


def plain_type(kind: Any) -> Any:
    """Return a type without what is checked of its values."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def range_in_words(field: FieldInfo) -> str:
    """Return the limits of a number: "1 or more", "0 to 100", "more than 0"."""
    limits = {
        key: getattr(constraint, key)
        for constraint in field.metadata
        for key in ("ge", "gt", "le", "lt")
        if getattr(constraint, key, None) is not None
    }
    if {"ge", "le"} <= limits.keys():
        return f"{limits['ge']:g} to {limits['le']:g}"
    words = {"ge": "{:g} or more", "gt": "more than {:g}", "le": "at most {:g}", "lt": "under {:g}"}
    return ", ".join(words[key].format(limits[key]) for key in words if key in limits)


def number_if_it_is_one(text: str | int) -> int | str:
    """Return a whole number as such, and anything else as it is, for the model to judge."""
    try:
        return int(text)
    except ValueError:
        return text


def flag(name: str) -> str:
    """Return the command-line name of an option."""
    return f"--{name.replace('_', '-')}"


def takes_options(
    model: type[BaseModel],
    short: Mapping[str, str] | None = None,
    leave_out: Container[str] = (),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command so that the options of a model become its parameters.

    The command gets those that were given in one dictionary, ``values``. Ranges are left to the
    model, which words them the same way for everyone.

    Parameters
    ----------
    model
        Option model; nested models are flattened.
    short
        One-letter flags by option name.
    leave_out
        Options that say nothing for this command.
    """
    fields = [field for field in option_fields(model) if field.name not in leave_out]
    letters = short or {}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def wrapper(context: typer.Context, **arguments: Any) -> None:
            values = {field.name: arguments.pop(field.name) for field in fields}
            given = {name: value for name, value in values.items() if _is_given(context, name)}
            command(**arguments, values=given)

        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [parameter for parameter in own if parameter.name != "values"]
        parameters += [_parameter(field, letters.get(field.name)) for field in fields]
        parameters.append(_CONTEXT)
        keyword_only = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        wrapper.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
        wrapper.__name__, wrapper.__doc__ = command.__name__, command.__doc__
        return wrapper

    return decorate


_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def _is_given(context: typer.Context, name: str) -> bool:
    """Tell whether an option stands on the command line, be it with the value of its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _parameter(field: OptionField, letter: str | None) -> inspect.Parameter:
    kind, choices = field.type_and_choices()
    name = flag(field.name)
    if kind is bool and field.default:
        name = f"{name}/{flag(f'no_{field.name}')}"
    option = typer.Option(
        *(part for part in (letter, name) if part),
        parser=number_if_it_is_one if field.number_or_word else None,
        autocompletion=(lambda: list(choices)) if choices else None,
        help=field.help(),
        show_default=field.facts.get("automatic", True),
        rich_help_panel=field.panel,
        metavar=field.number_or_word or "|".join(choices) or None,
    )
    value_type: Any = kind | None if field.default is None else kind
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=field.default,
        annotation=Annotated[value_type, option],
    )
