"""What import-linter cannot see: what is really loaded once the rooms are imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

HEAVY = ("torch", "torchvision", "timm", "torch_pruning", "accelerate", "safetensors")
QT = ("PySide6", "pyqtgraph")

ENGINE = "pqv_core.engine"


def modules(room: str) -> list[str]:
    """Names of all modules of a room, without the engine's."""
    files = (ROOT / room).rglob("*.py")
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files)
    return sorted(name for name in names if name != ENGINE and not name.startswith(f"{ENGINE}."))


def loaded_with(room: str) -> set[str]:
    """The modules of a fresh process that has imported every module of a room."""
    code = f"import json, sys, {', '.join(modules(room))}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("room", "strangers"), [("pqv_gui", HEAVY), ("deploy", HEAVY + QT), ("pqv_core", HEAVY + QT)])
def test_a_room_loads_nothing_it_may_not(room: str, strangers: tuple[str, ...]) -> None:
    loaded = loaded_with(room)

    assert room in loaded
    assert [name for name in strangers if name in loaded] == []
    assert not [name for name in loaded if name.startswith(ENGINE)]


@pytest.mark.parametrize(
    ("word", "homes"),
    [
        ("QThread", {"pqv_gui/services/jobs.py"}),
        (
            "except Exception",
            {"pqv_core/cli/app.py", "pqv_core/engine/worker.py", "pqv_core/registry.py", "pqv_gui/services/jobs.py"},
        ),
        ('/ "resources"', {"pqv_core/files/resource_files.py"}),
        ("shell=True", set()),
        ("pickle.load", set()),
    ],
)
def test_what_has_one_home_stays_there(word: str, homes: set[str]) -> None:
    files = [file for room in ("pqv_core", "deploy", "pqv_gui") for file in (ROOT / room).rglob("*.py")]

    found = {file.relative_to(ROOT).as_posix() for file in files if word in file.read_text(encoding="utf-8")}

    assert found == homes
