"""Lays down what an installer would for a package of another author, so that its entry points are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pqv_core.registry import Registry


def lay_down(folder: Path, *, group: str, name: str, value: str) -> None:
    """Put one entry point of a distribution ``foreign`` 1.2 into a folder that is, or will be, on the path."""
    facts = folder / "foreign-1.2.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.2\n")
    (facts / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")


def offer(monkeypatch: pytest.MonkeyPatch, folder: Path, registry: Registry[Any], *, name: str, value: str) -> None:
    """Let ``registry`` find one entry point more, until the test ends."""
    tuple(registry)  # what is there without it is put back at the end
    lay_down(folder, group=registry.group, name=name, value=value)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(vars(registry), "_found")
