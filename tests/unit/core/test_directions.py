"""What import-linter cannot see: what is really loaded once the rooms are imported."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "timm", "torch_pruning", "accelerate", "safetensors")
QT = ("PySide6", "pyqtgraph")

IMPORT_A_ROOM = """
import importlib, json, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.startswith("pqv_core.engine") and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def loaded_with(room: str) -> set[str]:
    """The modules of a fresh process that has imported every module of a room."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_A_ROOM, room], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert room in loaded
    return loaded


@pytest.mark.parametrize(("room", "strangers"), [("pqv_gui", HEAVY), ("deploy", HEAVY + QT), ("pqv_core", HEAVY + QT)])
def test_a_room_loads_nothing_it_may_not(room: str, strangers: tuple[str, ...]) -> None:
    loaded = loaded_with(room)

    assert [name for name in strangers if name in loaded] == []
    assert not [name for name in loaded if name.startswith("pqv_core.engine.")]
