"""Options from a file: written by hand, or the record of a run that is to be repeated."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl2d.errors import InputError, InputFileError
from cl2d.options.cluster import ClusterOptions
from cl2d.options.flat import STAGES, known_name

if TYPE_CHECKING:
    import os

PARTICLES = "particles"
"""Key of the particles in a file written by hand."""

_MOST_BYTES = 1 << 26
"""The record of a run of thousands of iterations has some megabytes."""

_NOT_REPEATED = ("overwrite", "max_time", *ClusterOptions.model_fields)  # anew each time


# What the library says, beside its own errors, of values like 2001-99-99 and !!int x.
_BAD_YAML = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError)


@dataclass(frozen=True)
class ConfigFile:
    """What a file says of a run.

    Attributes
    ----------
    path : Path
    values : options by field name, those that the file gives
    particles : Path or None
    version : str or None, of the cl2d that wrote the record of a run
    fingerprint : str or None, of the particles of that run
    """

    path: Path
    values: dict[str, Any] = field(default_factory=dict)
    particles: Path | None = None
    version: str | None = None
    fingerprint: str | None = None


def read_config(path: str | os.PathLike[str]) -> ConfigFile:
    """Read options from a .yaml or .json file, or those of a run from its run.json.

    Options stand by their names on the command line or in Python, with dashes or underscores, or
    grouped by stage as in ``run.json``; ``particles`` names the input. A path of particles that is
    not found from the working directory is looked for beside the file.

    Raises
    ------
    InputFileError
        If the file cannot be read, is not of such a form, or has an unknown option.
    """
    file = Path(path)
    content = _content(file)
    if "options" in content and "status" in content:
        return _of_run(file, content)
    particles = content.pop(PARTICLES, None)
    if particles is not None and not isinstance(particles, str):
        message = f"{file}: {PARTICLES} must be the name of a file, not {_shown(particles)}"
        raise InputFileError(message)
    return ConfigFile(file, _flat(file, content), _found(file, particles))


def _of_run(file: Path, record: dict[str, Any]) -> ConfigFile:
    values = _flat(file, _mapping(file, "options", record["options"]))
    kept = {name: value for name, value in values.items() if name not in _NOT_REPEATED}
    storage = _mapping(file, "memory", record.get("memory") or {}).get("storage")
    if storage is not None:  # "auto" may choose another precision where there is more memory
        kept["storage"] = storage
    about = _mapping(file, "input", record.get("input", {}))
    versions = _mapping(file, "versions", record.get("versions", {}))
    return ConfigFile(
        file,
        kept,
        _found(file, _text(file, "name of input", about.get("name"))),
        _text(file, "cl2d of versions", versions.get("cl2d")),
        _text(file, "fingerprint_sha256 of input", about.get("fingerprint_sha256")),
    )


def _text(file: Path, what: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    message = f"{file}: {what} must be a text, not {_shown(value)}"
    raise InputFileError(message)


def _shown(value: Any) -> str:
    """Return a value if it is short; a few lines of YAML can stand for any number of them."""
    return repr(value) if isinstance(value, (int, float, bool)) else f"a {type(value).__name__}"


def _content(file: Path) -> dict[str, Any]:
    try:
        if file.exists() and not file.is_file():
            message = f"{file}: must be a file of options, not a folder, a pipe or a device"
            raise InputFileError(message)
        if file.stat().st_size > _MOST_BYTES:
            message = f"{file}: a file of options must not have more than {_MOST_BYTES} bytes"
            raise InputFileError(message)
        text = file.read_text(encoding="utf-8-sig")
    except InputFileError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        message = f"{file}: must be a file of options that can be read ({reason})"
        raise InputFileError(message) from error
    return _mapping(file, "the file", _parsed(file, text))


def _parsed(file: Path, text: str) -> Any:
    if file.suffix == ".json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            message = f"{file}: must be JSON ({error})"
            raise InputFileError(message) from error
    if file.suffix not in (".yaml", ".yml"):
        message = f"{file}: a file of options must be .yaml or .json"
        raise InputFileError(message)
    import yaml  # noqa: PLC0415 - few runs have such a file

    try:
        return yaml.safe_load(text) or {}
    except (yaml.YAMLError, *_BAD_YAML) as error:
        message = f"{file}: must be YAML ({' '.join(str(error).split())})"
        raise InputFileError(message) from error


def _mapping(file: Path, what: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        message = f"{file}: {what} must hold names and their values, not {type(value).__name__}"
        raise InputFileError(message)
    return value


def _flat(file: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Return the options by field name; groups are those of the stages."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        grouped = key in STAGES and isinstance(value, dict)
        for name, given in (_mapping(file, key, value) if grouped else {key: value}).items():
            try:
                known = known_name(name.replace("-", "_"))
            except InputError as error:
                message = f"{file}: {error}"
                raise InputFileError(message) from None
            if known in flat:
                message = f"{file}: {known} must be given once"
                raise InputFileError(message)
            flat[known] = given
    return flat


def _found(file: Path, particles: str | None) -> Path | None:
    if particles is None:
        return None
    beside = file.parent / particles
    try:
        return beside if not Path(particles).exists() and beside.exists() else Path(particles)
    except OSError:  # a name that is too long, say, which opening it will tell
        return Path(particles)
