"""What the package in ``tests/data/plugin`` brings, in this process, as if it were installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from pqv_core.formats import FORMATS
from pqv_core.models.sources import SOURCES
from pqv_core.registry import Registry

FOLDER = Path(__file__).resolve().parents[1] / "data" / "plugin"


def bring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its format (``torchscript``) and its model source (``tiny``) are known until the test ends."""
    monkeypatch.syspath_prepend(FOLDER)
    brought: list[tuple[Registry[Any], Any]] = [
        (FORMATS, importlib.import_module("pqv_example.torchscript").INFO),
        (SOURCES, importlib.import_module("pqv_example.descriptions").TINY),
    ]
    for registry, info in brought:
        found, broken, foreign = registry._found
        monkeypatch.setitem(registry.__dict__, "_found", ({**found, info.key: info}, broken, foreign))
