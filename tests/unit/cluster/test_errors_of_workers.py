"""Errors of workers arrive as what they are: the exit code and the message go by that."""

from __future__ import annotations

import pickle

import pytest

from cl2d.errors import InputError, InputFileError

core = pytest.importorskip("distributed.core")


def arrived(error: Exception) -> Exception:
    """Return an error as Dask brings it from another process."""
    found = pickle.loads(core.error_message(error)["exception"].data)
    assert isinstance(found, Exception)
    return found


@pytest.mark.parametrize("kind", [InputError, InputFileError])
def test_an_error_of_input_arrives(kind: type[InputError]) -> None:
    found = arrived(kind("a.mrcs: does not exist"))
    assert type(found) is kind
    assert str(found) == "a.mrcs: does not exist"


def test_an_error_arrives_that_replaced_one_of_a_file() -> None:
    try:
        try:
            raise InputFileError("a.mrcs: does not exist")
        except InputFileError as error:
            message = f"every worker must find the particles, but: {error}"
            raise InputError(message) from None
    except InputError as error:
        found = arrived(error)
    assert type(found) is InputError
    assert str(found).endswith("a.mrcs: does not exist")
