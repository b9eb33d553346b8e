"""What the window says of itself names no commands: what can be done is done by its buttons."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pqv_gui

ROOT = Path(pqv_gui.__file__).parent
COMMAND_LINE = ("cli.py", "main.py")
COMMANDS = re.compile(
    r"\bpqv (new|run|show|bench|latency|study)\b|pip install|make setup|adb (tcpip|pair)|(^|\s)--[a-z]"
)


def words(tree: ast.AST) -> list[tuple[int, str]]:
    """All texts that are no docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings)
    return [(node.lineno, node.value) for node in found if isinstance(node.value, str)]


def test_no_command_is_named() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).as_posix() not in COMMAND_LINE
        for line, text in words(ast.parse(path.read_text(encoding="utf-8")))
        if COMMANDS.search(text)
    ]
    assert found == []
