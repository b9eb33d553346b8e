"""The promises of pyproject.toml, the lock file and the list of licences to each other."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pqv_core.files.resource_files import resource

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
EXTRAS = [text for wanted in PROJECT["project"]["optional-dependencies"].values() for text in wanted]
DIRECT = [
    Requirement(text) for text in PROJECT["project"]["dependencies"] + EXTRAS + PROJECT["dependency-groups"]["dev"]
]


def locked() -> dict[str, list[str]]:
    """Each name in the lock file with its versions (one or more, for different Pythons)."""
    versions: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", LOCK, flags=re.MULTILINE):
        versions.setdefault(name, []).append(version)
    return versions


@pytest.mark.parametrize("wanted", DIRECT, ids=str)
def test_the_lock_holds_what_the_project_asks_for(wanted: Requirement) -> None:
    asked = any if wanted.marker else all  # what is asked of some Pythons only may differ on others

    assert asked(wanted.specifier.contains(version) for version in locked()[wanted.name.lower()])


def test_every_locked_file_has_a_hash() -> None:
    blocks = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]

    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_lock_names_no_place() -> None:
    assert "://" not in LOCK


def test_the_mobile_writer_is_in_the_locked_torch() -> None:
    assert [version.split(".")[:2] for version in locked()["torch"]] == [["2", "12"]]


def test_every_library_is_listed_with_a_licence() -> None:
    listed = resource("licences", "THIRD-PARTY.md").read_text(encoding="utf-8")
    libraries = [Requirement(text).name.lower() for text in PROJECT["project"]["dependencies"]]

    assert [name for name in libraries if f"| {name} |" not in listed] == []


def imported(room: str) -> set[str]:
    """Top-level names that a room's files import from elsewhere."""
    names: set[str] = set()
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"pqv_core", "pqv_gui", "deploy"}


@pytest.mark.parametrize("room", ["pqv_core", "pqv_gui", "deploy"])
def test_what_is_imported_is_asked_for(room: str) -> None:
    declared = {Requirement(text).name.lower() for text in PROJECT["project"]["dependencies"] + EXTRAS}
    declared |= {"libusb1", "shiboken6", "pydantic-core"}  # halves of adb-shell[usb], PySide6-Essentials and pydantic
    origin = packages_distributions()

    missing = {
        name
        for name in imported(room)
        if not declared & {d.lower().replace("_", "-") for d in origin.get(name, [name])}  # extras may not be installed
    }

    assert missing == set()
