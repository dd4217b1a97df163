from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cl2d.errors import InputFileError
from cl2d.io import atomic_path

if TYPE_CHECKING:
    from pathlib import Path


def test_file_appears_only_after_the_body_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "out.star"
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".star"
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_failed_body_leaves_the_older_file_and_nothing_else(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    target = tmp_path / "out.star"
    target.write_text("older")

    def half_write() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise interruption

    with pytest.raises(interruption):
        half_write()
    assert target.read_text() == "older"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(InputFileError, match=r"nowhere must exist before"),
        atomic_path(tmp_path / "nowhere" / "out.star"),
    ):
        pass


def test_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="not a folder"), atomic_path(tmp_path):
        pass


def test_failure_says_which_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No space left on device: '.*/a\.star'"):
        fail_with(OSError(28, "No space left on device"), tmp_path / "a.star")
    with pytest.raises(OSError, match=r"too long: 'b'"):
        fail_with(OSError(36, "too long", "b"), tmp_path / "a.star")
    assert list(tmp_path.iterdir()) == []


def fail_with(error: OSError, path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error
