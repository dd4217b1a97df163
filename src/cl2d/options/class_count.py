"""The number of classes: given, or to be found."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

IMAGES_PER_AUTOMATIC_CLASS = 50
MOST_AUTOMATIC_CLASSES = 512
"""Bounds of the number of classes where it is found, unless a bound is given."""


def most_automatic_classes(n_images: int) -> int:
    """Return how many classes may be found among a number of images."""
    return min(n_images // IMAGES_PER_AUTOMATIC_CLASS, MOST_AUTOMATIC_CLASSES)


def _number_or_auto(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Word what the number may be in one sentence, not in one for each kind of value."""
    if isinstance(value, np.integer):
        value = int(value)
    kind = ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        kind = "whole_number_type"
    elif value != "auto" and (isinstance(value, str) or value < 1):
        kind = "whole_number"
    if kind:
        raise PydanticCustomError(kind, 'a whole number >= 1 or "auto"')
    return check(value)


_Number = Annotated[int, Field(ge=1)]
ClassCount = Annotated[_Number | Literal["auto"], WrapValidator(_number_or_auto)]
"""A number of classes, or that it is to be found."""
