"""Errors that are the user's to mend, told apart from faults of the program."""

from __future__ import annotations


class InputError(ValueError):
    """Bad usage or bad input: the message names what must change, and where.

    The command line prints the message as one line and exits with code 2.
    """


class InputFileError(InputError, OSError):
    """A file that cannot be used: missing, truncated, unreadable or not what its name says."""

    def __str__(self) -> str:
        """Return the message alone; OSError would look for an errno first."""
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[type[InputFileError], tuple[object, ...]]:
        """Say how it is made anew in another process; with two bases nobody can guess it."""
        return type(self), self.args


class TimeIsUpError(RuntimeError):
    """The time that a run was given is over; it can be gone on with from its checkpoint.

    The command line prints the message as one line and exits with code 75.
    """
