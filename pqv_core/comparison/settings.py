"""The settings of runs as flat tables, and what a person reads for their values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from pqv_core.comparison.rows import importance, precision
from pqv_core.config import RunConfig
from pqv_core.errors import ConfigError
from pqv_core.files.foreign_text import line
from pqv_core.formats import FORMATS
from pqv_core.results.summary import MISSING

_PATHS = ("model.path", "data.train", "data.val", "data.class_order")
_ARGUMENTS = "model.arguments"
_LETTERS = 500


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by their dotted names, in the order of the sections; what an older version lacked has its default.

    Settings that this version cannot read stay as they were written.
    """
    try:
        plain: Mapping[str, Any] = RunConfig.parse(dict(config)).model_dump(mode="json")
    except (ConfigError, ValueError):  # of another version; or nested too deeply
        plain = config
    found: dict[str, Any] = {}
    for section, value in plain.items():
        if not isinstance(value, dict):
            found[section] = value
            continue
        for name, inner in value.items():
            dotted = f"{section}.{name}"
            if dotted == _ARGUMENTS and isinstance(inner, dict):
                found |= {f"{dotted}.{argument}": each for argument, each in inner.items()}
            else:
                found[dotted] = inner
    return found


def changed(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the settings in which two flat tables differ."""
    names = dict.fromkeys((*one, *other))
    return tuple(name for name in names if one.get(name) != other.get(name))


def value_words(name: str, value: Any) -> str:
    """A value as a person reads it, in a line that has an end: ``on``, ``25 %``, ``Taylor``, ``.ptl, .pte``."""
    is_flat = isinstance(value, list) and value and not any(isinstance(each, list | dict) for each in value)
    return in_line(", ".join(_words(name, each) for each in value) if is_flat else _words(name, value))


def in_line(text: str, limit: int = _LETTERS) -> str:
    """Text of a stranger's run in one line; one that is longer than ``limit`` letters ends in …."""
    found = line(text, limit + 1)
    return found if len(found) <= limit else f"{found[:limit]}…"


def _words(name: str, value: Any) -> str:
    if value is None or value in ("", [], {}):
        return MISSING
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "prune.ratio" and isinstance(value, int | float) and 0 <= value <= 1:
        return share(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return str(value) if name == "seed" else f"{value:,}"
    return _label(name, value) if isinstance(value, str) else json.dumps(value)


def _label(name: str, value: str) -> str:
    if name == "prune.importance":
        return importance(value)
    if name == "quantize.precision":
        return precision(value)
    if name == "export.formats":
        return next((info.suffix for key, info in FORMATS.items() if key == value), value)
    if name == "export.target":
        return {"android": "Android", "host": "this computer"}.get(value, value)
    return value


def short(name: str, value: Any) -> str:
    """A setting with its value, among those that tell runs apart: ``3 epochs``, ``seed 7``, ``mixup on``."""
    words = PurePath(value).name if name in _PATHS and isinstance(value, str) and value else value_words(name, value)
    if name == "finetune.epochs":
        return f"{words} epoch{'' if value == 1 else 's'}" if value else "not fine-tuned"
    if name in ("export.formats", "export.target", "model.weights"):
        return words
    return f"{name.rpartition('.')[2].replace('_', ' ')} {words}"


def share(value: float) -> str:
    """A share that was asked for, as it was typed: ``25 %``, ``9.375 %``."""
    return f"{100 * value:.6g} %"
