"""Particles from a cryoSPARC dataset, or from several that share them."""

from __future__ import annotations

from pathlib import Path

from cl2d.io.cs_dataset import read_joined_cs
from cl2d.io.cs_table import cs_table
from cl2d.io.regular_files import exists
from cl2d.io.stack_sources import TableSource

SUFFIX = ".cs"
_JOINT = "+"


def cs_paths(address: Path) -> list[Path] | None:
    """Return the datasets that an input names, ``a.cs`` or ``a.cs+b.cs``; None if it names none.

    An existing file is always meant as a whole.
    """
    parts = [address] if exists(address) else [Path(p) for p in str(address).split(_JOINT)]
    return parts if all(part.suffix.lower() == SUFFIX for part in parts) else None


class CryosparcSource(TableSource):
    """The images of the rows of a dataset, in their order.

    Parameters
    ----------
    paths : list of Path
        The dataset, and others with the same particles that have the fields it lacks.

    Raises
    ------
    InputFileError
        If a dataset or a stack it names cannot be used.
    """

    def __init__(self, paths: list[Path]) -> None:
        self._name = _JOINT.join(map(str, paths))
        self._datasets = tuple(path.absolute() for path in paths)
        super().__init__(cs_table(paths[0], read_joined_cs(paths)))

    @property
    def name(self) -> str:
        """Paths of the datasets, as they were given."""
        return self._name

    @property
    def files(self) -> tuple[Path, ...]:
        """The datasets and every stack they name."""
        return (*self._datasets, *super().files[1:])
