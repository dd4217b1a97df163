"""One task about several parts: what is done with each of them, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def on_each(
    task: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], *shared: Any
) -> list[Any]:
    """Return ``task(*own, *shared)`` for the arguments of each part."""
    return [task(*own, *shared) for own in arguments]


def merged_of_each(
    task: Callable[..., Any],
    merge: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    *shared: Any,
) -> Any:
    """Return what has become of ``task(*own, *shared)`` of all parts by merging."""
    return merge(*on_each(task, arguments, *shared))
