"""A package of another author adds one of each kind: ``pqv``, the window and a run have them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pqv_core.engine.models import checkpoint
from pqv_core.errors import ModelError
from tests.e2e.test_run import PQV, SMALL, make_images, only_record
from tests.fakes import plug_in

MEASURING = {"measure.iterations": 5, "measure.warmup": 1, "measure.threads": 1, "measure.profile": "false"}
SETTINGS = {f"model.arguments.{key}": value for key, value in SMALL.items()} | MEASURING
# What a person sees on two pages of the window, and what the process has imported by then.
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel
from pqv_gui import main

app = QApplication([])
window, _ = main.build(app)
window.commands.open_project(Path("p.pqv"))
while not window.workspace.session.is_open:
    app.processEvents()
print(window.stack.current.banner.message.text())
for place in ("prune", "backend", "export"):
    window.commands.go(place)
    widgets = window.stack.current.findChildren(QAbstractButton) + window.stack.current.findChildren(QLabel)
    print(*sorted({widget.text() for widget in widgets if widget.text()}), sep="\\n")
print("torch" in sys.modules, [name for name in sys.modules if name.startswith("pqv_example")])
window.close()
app.processEvents()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds the package, installed by pip into a folder of its own."""
    source = shutil.copytree(plug_in.FOLDER, tmp_path_factory.mktemp("source") / "plugin")
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *options, str(source)], check=True)
    found = os.pathsep.join(filter(None, (str(target), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": found, "QT_QPA_PLATFORM": "offscreen"}


def run(*command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=500
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_from_the_list_to_the_finished_run(tmp_path: Path, installed: dict[str, str]) -> None:
    def pqv(*words: str) -> str:
        return run(*PQV, *words, folder=tmp_path, environment=installed)

    rows = [json.loads(line) for line in pqv("plugins", "--json").splitlines()]
    assert [(row["key"], row["reason"] == "") for row in rows] == [
        ("spread", True), ("missing", False), ("taken", False), ("half-linear", True), ("torchscript", True),
        ("tiny", True),
    ]  # fmt: skip
    assert "pqv-example 1.0: importance criterion missing: cannot be used: ModuleNotFoundError" in pqv("plugins")
    assert "spread" in pqv("new", "--help")

    make_images(tmp_path / "images")
    more = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    new = ("new", "p.pqv", "--model", "vit_tiny_patch16_224", "--random", "--data", "images", "--epochs", "0", *more)
    formats = ("--set", 'export.formats=["ptl", "torchscript"]')
    pqv(*new, *formats, "--importance", "spread", "--precision", "half-linear")
    pqv("run", "p.pqv")
    record = only_record(tmp_path / "p.pqv")
    assert record.state == "succeeded"
    by_key = {variant.key: variant for variant in record.variants}
    both = {(variant.artifact.format, Path(variant.file).suffix) for variant in record.variants}
    assert both == {("ptl", ".ptl"), ("torchscript", ".ts")}
    assert [variant.label for variant in record.variants if variant.artifact.is_result] == [
        "Compressed", "Compressed (torchscript)"
    ]  # fmt: skip
    assert all(variant.parity and variant.accuracy and variant.measurements for variant in record.variants)
    assert [item.name for item in by_key["fast_fp32_torchscript"].candidates] == ["script", "freeze"]
    assert by_key["compressed"].precision == "half-linear"
    assert by_key["compressed"].size_bytes < 0.8 * by_key["pruned_fp32"].size_bytes < by_key["fast_fp32"].size_bytes
    assert "half-linear" in pqv("show", "p.pqv")
    other = next((tmp_path / "p.runs").glob("*/*half-linear.ts"))
    assert "vit_tiny_patch16_224" in pqv("show", str(other))
    assert '"measurements"' in pqv("bench", str(other), "--json", "--iterations", "5", "--threads", "1")

    seen = run(sys.executable, "-c", WINDOW, folder=tmp_path, environment=installed).splitlines()
    assert seen[0].startswith(
        "The plug-in missing of pqv-example 1.0 (importance criterion) is ignored: ModuleNotFound"
    )
    assert {"Spread", "FP16 linear", "TorchScript (.ts)"} <= set(seen)
    assert seen[-1] == "False ['pqv_example', 'pqv_example.descriptions', 'pqv_example.torchscript']"


def test_a_run_of_a_model_from_another_source(tmp_path: Path, installed: dict[str, str]) -> None:
    def pqv(*words: str) -> str:
        return run(*PQV, *words, folder=tmp_path, environment=installed)

    make_images(tmp_path / "images")
    settings = {**MEASURING, "model.source": "tiny", "model.arguments.depth": 1, "finetune.batch_size": 8}
    more = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    new = ("new", "p.pqv", "--model", "tiny_vit", "--data", "images", "--no-prune", "--epochs", "1", *more)
    pqv(*new, "--precision", "int8-dynamic", "--engine", "onednn")
    pqv("run", "p.pqv")
    record = only_record(tmp_path / "p.pqv")
    assert record.state == "succeeded"
    assert {variant.precision for variant in record.variants} == {"fp32", "int8-dynamic"}
    assert all(variant.parity and variant.accuracy and variant.measurements for variant in record.variants)

    recipes = [checkpoint.read_recipe(path) for path in (tmp_path / "p.runs").rglob("model.safetensors")]
    assert {(recipe.base.source, recipe.base.name) for recipe in recipes} == {("tiny", "tiny_vit")}
    with pytest.raises(ModelError, match="the source 'tiny', which is not known"):  # here, without the package
        recipes[0].base.create()


def test_a_project_whose_plug_in_is_gone_says_so(tmp_path: Path, installed: dict[str, str]) -> None:
    new = (*PQV, "new", "p.pqv", "--model", "deit_tiny_patch16_224", "--random", "--importance", "spread")
    run(*new, folder=tmp_path, environment=installed)
    before = (tmp_path / "p.pqv").read_bytes()
    done = subprocess.run([*PQV, "show", "p.pqv"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "'spread' is not known" in done.stderr
    assert "install the missing plug-in" in done.stderr
    assert (tmp_path / "p.pqv").read_bytes() == before
