"""The wheel, installed where the checkout is not to be seen."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What is installed beside the wheel are the libraries of the environment that runs this test. A path added by a .pth
# file has its own .pth files ignored, so the checkout, installed there as editable, stays out of sight.
LIBRARIES = sysconfig.get_path("purelib")

OPEN_AND_CLOSE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pqv_gui import main

app = QApplication([])
seen = []

def look():
    seen.extend(window.windowTitle() for window in app.topLevelWidgets() if window.isVisible())
    app.closeAllWindows()

QTimer.singleShot(0, look)
code = main.main([])
print(code, seen, "torch" in sys.modules)
"""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Standard output of a command that succeeds, run without what points at the checkout."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel in it."""
    home = tmp_path_factory.mktemp("elsewhere") / "environment"
    venv.create(home)
    (bin_folder,) = (folder for folder in (home / "bin", home / "Scripts") if folder.exists())
    python = bin_folder / Path(sys.executable).name
    run(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel)
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (packages / "libraries.pth").write_text(f"{LIBRARIES}\n", encoding="utf-8")
    return bin_folder


def python_of(programs: Path) -> Path:
    return programs / Path(sys.executable).name


def test_every_resource_is_in_the_wheel(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    kept = {path.relative_to(ROOT).as_posix() for path in (ROOT / "resources").rglob("*") if path.is_file()}

    assert kept
    assert kept - packed == set()


def test_its_guide_is_found(programs: Path, tmp_path: Path) -> None:
    code = "from pqv_gui.viewmodels import guide; print(*(each.title for each in guide.documents()), sep='\\n')"

    titles = run(python_of(programs), "-c", code, cwd=tmp_path).splitlines()

    assert titles[:2] == ["Guide", "Glossary"] and len(titles) == len(list((ROOT / "docs").glob("*.md")))


def test_nothing_but_the_program_is_in_the_wheel(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert tops == {"pqv_core", "pqv_gui", "deploy", "resources"}


def test_the_checkout_is_out_of_sight(programs: Path, tmp_path: Path) -> None:
    code = "import pqv_core, pqv_gui, deploy; print(pqv_core.__file__, pqv_gui.__file__, deploy.__file__, sep='\\n')"

    files = run(python_of(programs), "-c", code, cwd=tmp_path).splitlines()

    assert [file for file in files if not Path(file).is_relative_to(programs.parent)] == []


def test_it_says_its_version(programs: Path, wheel: Path, tmp_path: Path) -> None:
    version = wheel.name.split("-")[1]

    assert run(programs / "pqv", "--version", cwd=tmp_path) == f"pqv {version}\n"


def test_it_finds_its_catalogue(programs: Path, tmp_path: Path) -> None:
    assert "deit_small_patch16_224" in run(programs / "pqv", "models", "deit", cwd=tmp_path)


def test_it_makes_the_demo_project(programs: Path, tmp_path: Path) -> None:
    code = "from pathlib import Path; from pqv_core.project import demo; print(demo.create(Path.cwd() / 'demo'))"

    project = Path(run(python_of(programs), "-c", code, cwd=tmp_path).strip())

    assert "ratio" in run(programs / "pqv", "show", "--json", project, cwd=tmp_path)


def test_its_window_opens_and_closes(programs: Path, tmp_path: Path) -> None:
    said = run(python_of(programs), "-c", OPEN_AND_CLOSE, cwd=tmp_path)

    assert said.splitlines()[-1] == "0 ['PQV-Mobile'] False"
