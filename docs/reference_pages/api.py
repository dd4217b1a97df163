"""The page of what cl2d offers in Python."""

from __future__ import annotations

import inspect
import re
from typing import Any

import griffe

import cl2d

HEAD = """# Python functions and classes

This page is made from the docstrings (`nox -s docs -- --write`). An introduction is
[python.md](../python.md); options that functions take as `**options` are those of
[the commands](commands.md), with underscores for hyphens and `n_classes` for `classes`.
"""
ROLE = re.compile(r":\w+:`~?([^`]+)`")
ITEM_HEADINGS = {
    griffe.DocstringSectionKind.parameters: "Parameters",
    griffe.DocstringSectionKind.attributes: "Attributes",
    griffe.DocstringSectionKind.returns: "Returns",
    griffe.DocstringSectionKind.yields: "Yields",
    griffe.DocstringSectionKind.raises: "Raises",
}


def api_page() -> str:
    """Return the page as Markdown."""
    names = [name for name in cl2d.__all__ if not name.startswith("_")]
    functions = [name for name in names if inspect.isfunction(getattr(cl2d, name))]
    builtin = [name for name in names if inspect.isbuiltin(getattr(cl2d, name))]
    classes = [name for name in names if inspect.isclass(getattr(cl2d, name))]
    lines = [HEAD]
    for name in sorted(functions + builtin):
        lines += _entry(f"cl2d.{name}", getattr(cl2d, name), "##")
    for name in sorted(classes):
        lines += _class(name, getattr(cl2d, name))
    return "\n".join(lines).rstrip() + "\n"


def _class(name: str, kind: type) -> list[str]:
    is_error = issubclass(kind, Exception)
    lines = _entry(f"cl2d.{name}", kind, "##", call=not is_error)
    for member, value in vars(kind).items():
        if member.startswith("_"):
            continue
        if isinstance(value, property):
            lines += [f"### {name}.{member}", "", _plain(inspect.getdoc(value) or ""), ""]
        elif inspect.isfunction(value):
            lines += _entry(f"{name}.{member}", value, "###")
    return lines


def _entry(name: str, thing: Any, mark: str, *, call: bool = True) -> list[str]:
    lines = [f"{mark} {name}", ""]
    if call:
        lines += ["```python", _call(name, thing), "```", ""]
    text = inspect.getdoc(thing) or ""
    for section in griffe.parse_numpy(griffe.Docstring(text), warnings=False):
        lines += _section(section)
    return lines


def _call(name: str, thing: Any) -> str:
    """Return the call as one would write it: names and defaults, without types."""
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except ValueError:
        return f"{name}(...)"
    shown = [p for p in parameters if p.name != "self"]
    words = []
    for parameter in shown:
        is_first_keyword = parameter.kind is parameter.KEYWORD_ONLY and "*" not in words
        if is_first_keyword and not any(word.startswith("*") for word in words):
            words.append("*")
        word = str(parameter.replace(annotation=inspect.Parameter.empty))
        words.append(word.replace("'", '"'))  # as the formatter would have it
    one_line = f"{name}({', '.join(words)})"
    if len(one_line) <= 88:
        return one_line
    return "\n".join([f"{name}(", *(f"    {word}," for word in words), ")"])


def _section(section: Any) -> list[str]:
    if section.kind in ITEM_HEADINGS:
        lines = [f"**{ITEM_HEADINGS[section.kind]}**", ""]
        for item in section.value:
            words = [f"`{item.name}`"] if getattr(item, "name", "") else []
            if item.annotation:
                words.append(f"*{_plain(str(item.annotation))}*")
            text = _one_line(_plain(item.description))
            lines.append(f"- {' '.join(words)}{': ' if words and text else ''}{text}")
        return [*lines, ""]
    if section.kind is griffe.DocstringSectionKind.examples:
        return ["**Example**", "", *_examples(section.value)]
    if section.kind is griffe.DocstringSectionKind.admonition:
        return [f"**{section.title}**", "", _plain(section.value.description), ""]
    return [_plain(str(section.value)), ""]


def _examples(parts: Any) -> list[str]:
    lines = []
    for kind, text in parts:
        if kind is griffe.DocstringSectionKind.examples:
            shown = re.sub(r"\s*# doctest:.*$", "", text, flags=re.MULTILINE)
            lines += ["```pycon", shown, "```", ""]
        else:
            lines += [_plain(text), ""]
    return lines


def _plain(text: str) -> str:
    """Return reStructuredText of a docstring as Markdown, as far as these go."""
    text = ROLE.sub(r"`\1`", text).replace("``", "`")
    # A line that ends in two colons announces an indented block of code.
    return re.sub(r"::$", ":", text, flags=re.MULTILINE)


def _one_line(text: str) -> str:
    return " ".join(text.split())
