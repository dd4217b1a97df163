"""How much memory this process may still use: of the machine and of its control group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def available_memory_bytes(root: Path = Path("/")) -> int | None:
    """Return the memory open to this process, None where the system does not tell.

    The smallest of what the machine can give without swapping and what every control group
    above the process (batch job, container) leaves free; file cache counts as free.

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are found.
    """
    known = [*_machine(root / "proc/meminfo"), *_control_groups(root)]
    return max(0, min(known)) if known else None


def _machine(meminfo: Path) -> Iterator[int]:
    for line in _lines(meminfo):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _control_groups(root: Path) -> Iterator[int]:
    mount = root / "sys/fs/cgroup"
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield from _free_along(mount, path, ("memory.max", "memory.current", "inactive_file"))
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _free_along(mount / "memory", path, names)


def _free_along(mount: Path, path: str, names: tuple[str, str, str]) -> Iterator[int]:
    """Yield what each group from the process's own up to the mount leaves free."""
    limit_name, usage_name, cache_name = names
    group = mount / path.strip("/")
    for folder in (group, *group.parents):
        limit, usage = _number(folder / limit_name), _number(folder / usage_name)
        if limit is not None and usage is not None:
            cache = [
                line.split()[1]
                for line in _lines(folder / "memory.stat")
                if cache_name in line.split()
            ]
            yield limit - usage + sum(int(value) for value in cache)
        if folder == mount:
            return


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None  # "max" means no limit


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
