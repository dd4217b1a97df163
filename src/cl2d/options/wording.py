"""Words for values an option cannot take: one line, the name, what it must be, what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


def readable_error(error: ValidationError, label: Callable[[str], str]) -> Exception:
    """Return the findings of pydantic as one line: *name* must be *this*, not *that*.

    Parameters
    ----------
    error
        What the check of an option model raised.
    label
        Turns the name of a field into the name that the caller knows.

    Returns
    -------
    Exception
        TypeError for a value of the wrong type, else InputError; to be raised by the caller.
    """
    findings = error.errors(include_url=False)
    message = "; ".join(_sentence(finding, label) for finding in findings)
    wrong_type = any(finding["type"].endswith("_type") for finding in findings)
    return TypeError(message) if wrong_type else InputError(message)


def _sentence(finding: ErrorDetails, label: Callable[[str], str]) -> str:
    context = finding.get("ctx", {})
    if finding["type"] == "conflict":
        first, second = label(context["first"]), label(context["second"])
        return str(context["template"]).format(first=first, second=second)
    if not finding["loc"]:  # a model's own check, which words its message itself
        return finding["msg"].removeprefix("Value error, ")
    wanted = {
        "greater_than_equal": "at least {ge:g}",
        "greater_than": "greater than {gt:g}",
        "less_than_equal": "at most {le:g}",
        "less_than": "less than {lt:g}",
        "finite_number": "a finite number",
        "literal_error": "{expected}",
        "int_type": "an integer",
        "float_type": "a number",
        "bool_type": "True or False",
    }.get(finding["type"])
    must = wanted.format(**context) if wanted else finding["msg"]
    return f"{label(str(finding['loc'][-1]))} must be {must}, not {_short(finding['input'])}"


def _short(value: object, n_characters: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= n_characters else f"{text[:n_characters]}..."
