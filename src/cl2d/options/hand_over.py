"""For which other programs files are written: names with commas between them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

HAND_OVER_FORMATS = ("relion", "xmipp", "cryosparc")
"""Programs that files can be written for."""

NO_FORMAT = "none"


def formats_in(text: str) -> tuple[str, ...]:
    """Return the programs named in a text, in the order of :data:`HAND_OVER_FORMATS`.

    Raises
    ------
    ValueError
        If a name is not known, or ``none`` stands beside another.

    Examples
    --------
    >>> formats_in("xmipp, relion")
    ('relion', 'xmipp')
    """
    named = {word.strip() for word in text.split(",")}
    if named == {NO_FORMAT}:
        return ()
    if not named <= set(HAND_OVER_FORMATS):
        raise ValueError(_WANTED)
    return tuple(name for name in HAND_OVER_FORMATS if name in named)


_WANTED = f"{', '.join(HAND_OVER_FORMATS)}, several with commas between them, or {NO_FORMAT}"


def _normal(value: Any) -> Any:
    """Return a text or a list of names as the one way to write it."""
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        value = ",".join(value) or NO_FORMAT
    if not isinstance(value, str):
        return value
    try:
        return ",".join(formats_in(value)) or NO_FORMAT
    except ValueError:
        kind = "hand_over_formats"
        raise PydanticCustomError(kind, _WANTED) from None


HandOverFormats = Annotated[str, BeforeValidator(_normal)]
"""Names of programs; :func:`formats_in` tells which."""
