"""The pages of docs/reference, made from the program."""

from __future__ import annotations
