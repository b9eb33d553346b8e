"""A person's own presets: settings of one project, kept for others; a file each in the user's data folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pqv_core.config import RunConfig, setting_names, with_settings
from pqv_core.errors import PqvError, UsageError, from_os_error
from pqv_core.files.fsio import read_json, sha256_json, write_json
from pqv_core.files.fsio import remove as remove_file
from pqv_core.project.presets import PRESETS, Preset

_MAX_BYTES = 1 << 20
_MOST = 200
_LETTERS = 60
_SECTIONS = ("prune", "budget", "tokens", "quantize", "export")
_OF_ONE_PROJECT = {"budget.on", "export.file_name", "quantize.keep", "quantize.keep_int8"}
"""Settings that name a device, a file or layers, which others do not have."""


def _name(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("a name of printable letters")
    return text.strip()


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    name: Annotated[str, Field(max_length=_LETTERS), AfterValidator(_name)]
    settings: dict[str, Any]


def folder() -> Path:
    """Where they are kept."""
    return platformdirs.user_data_path("pqv-mobile", appauthor=False) / "presets"


def names() -> tuple[str, ...]:
    """Settings that a preset of one's own keeps."""
    found = (name for name in setting_names() if name.partition(".")[0] in _SECTIONS)
    return tuple(name for name in found if name not in _OF_ONE_PROJECT)


def save(name: str, config: RunConfig) -> None:
    """Keep a project's settings under a name, in place of an earlier preset of that name.

    Raises:
        UsageError: It cannot be the name of one.
        StorageError: The folder may not be written.
    """
    taken = {text.casefold() for key, preset in PRESETS.items() for text in (key, preset.label)}
    try:
        kept = _Kept(name=name, settings=_values(config))
    except ValidationError as error:
        raise UsageError(
            "This cannot be the name of a preset.",
            action=f"Use up to {_LETTERS} letters, digits and spaces.",
            details=str(error),
        ) from error
    if kept.name.casefold() in taken:
        raise UsageError(f"“{kept.name}” is a preset that comes with PQV-Mobile.", action="Choose another name.")
    write_json(_path(kept.name), kept.model_dump(mode="json"))


def remove(name: str) -> None:
    """Forget one; it need not be there any more.

    Raises:
        StorageError: The folder may not be written.
    """
    try:
        remove_file(_path(name))
    except OSError as error:
        raise from_os_error(error, folder()) from error


def found() -> dict[str, Preset]:
    """All that can be read, by their names."""
    return dict(sorted(_read(), key=lambda item: item[0].casefold()))


def _path(name: str) -> Path:
    return folder() / f"{sha256_json(name.casefold())[:16]}.json"


def _read() -> Iterator[tuple[str, Preset]]:
    for path in sorted(folder().glob("*.json"))[:_MOST]:
        with contextlib.suppress(OSError, ValueError, PqvError):  # damaged, or of a newer version: as if not there
            kept = _Kept.model_validate(read_json(path, limit=_MAX_BYTES))
            known = {name: kept.settings[name] for name in names() if name in kept.settings}
            config = with_settings(RunConfig(), known)
            yield kept.name, Preset(kept.name, _sentence(config), _values(config))


def _values(config: RunConfig) -> dict[str, Any]:
    plain = config.model_dump(mode="json")
    parts = [name.partition(".") for name in names()]
    return {f"{section}.{field}": plain[section][field] for section, _, field in parts}


def _sentence(config: RunConfig) -> str:
    pruned = f"Cut {config.cut_words}" if config.prune.enabled else "Nothing is cut"
    return f"{pruned}; {config.quantize.label}. One of your own."
