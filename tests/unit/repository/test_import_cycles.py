"""No circle of imports: not at the top of a module, not inside a function, not for a type checker only."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("pqv_core", "deploy", "pqv_gui")


def module_files(root: Path, rooms: tuple[str, ...]) -> dict[str, Path]:
    """Every module of some rooms by its dotted name."""
    files = (file for room in rooms for file in (root / room).rglob("*.py"))
    return {".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imported(source: str, known: Mapping[str, object]) -> Iterator[str]:
    """The known modules that every import statement of a source names, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, "imports are absolute here"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in known or node.module in known:
                    yield whole if whole in known else node.module


def first_cycle(root: Path, rooms: tuple[str, ...]) -> list[str]:
    """Modules that import each other in a circle; empty where there is none."""
    files = module_files(root, rooms)
    graph = {name: {*imported(file.read_text(encoding="utf-8"), files)} for name, file in files.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_itself_through_others() -> None:
    assert len(module_files(ROOT, ROOMS)) > 150
    assert first_cycle(ROOT, ROOMS) == []


@pytest.mark.parametrize(
    "back",
    [
        "from room import a",
        "import room.a",
        "from room.a import A",
        "def later():\n    from room.a import A",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from room.a import A",
    ],
)
def test_a_circle_is_found_however_it_is_hidden(tmp_path: Path, back: str) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "__init__.py").touch()
    (tmp_path / "room" / "a.py").write_text("from room.b import B\n")
    (tmp_path / "room" / "b.py").write_text("from room import c\n")
    (tmp_path / "room" / "c.py").write_text(f"{back}\n")

    assert set(first_cycle(tmp_path, ("room",))) == {"room.a", "room.b", "room.c"}
