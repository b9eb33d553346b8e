"""The outputs of a model stand for classes by name where names are known, and in the order that is set elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pqv_core.config import DataConfig, ModelConfig, RunConfig
from pqv_core.data import class_order
from pqv_core.engine.data import batches as data
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.stages import STAGES, RunState
from pqv_core.files.fsio import sha256_json
from tests.fakes.training import FORM, Recorder

NAMES = [str(number) for number in range(12)]
SHAPE: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2}
NAME = "vit_tiny_patch16_224"
LOAD, EVALUATE = (stage for stage in STAGES if stage.name in ("load", "evaluate"))


@dataclass
class Found:
    """What loading and evaluating gave."""

    state: RunState
    recorder: Recorder

    @property
    def classes(self) -> list[str]:
        return self.state.results["load"]["classes"]

    @property
    def top1(self) -> float:
        return self.state.results["evaluate"]["top1"]

    @property
    def warnings(self) -> str:
        return "\n".join(self.recorder.context.warnings)


Run = Callable[..., Found]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One colour a class."""
    root = tmp_path_factory.mktemp("colours")
    for number, name in enumerate(NAMES):
        (root / name).mkdir()
        colour = (255 * (number & 1), 255 * (number >> 1 & 1), 120 * (number >> 2))
        Image.new("RGB", (32, 32), colour).save(root / name / "0.png")
    return root


@pytest.fixture(scope="module")
def fitted(images: Path) -> torch.nn.Module:
    """A model whose head, in natural order, is right about every image."""
    torch.manual_seed(0)
    base = Base(name=NAME, arguments={**SHAPE, "num_classes": 12})
    model: Any = base.create()
    context = Recorder().context
    shown = data.open_images(images, preprocessing=models.preprocessing(model), classes=NAMES, context=context)
    pictures, labels = torch.stack([shown[i][0] for i in range(12)]), torch.tensor(shown.labels)
    with torch.no_grad():
        features = model.forward_head(model.forward_features(pictures), pre_logits=True).double()
        features = torch.cat([features, torch.ones(12, 1)], 1)
        wanted = torch.nn.functional.one_hot(labels, 12).double()
        weights = features.T @ torch.linalg.solve(features @ features.T + 1e-9 * torch.eye(12), wanted)
        model.head.weight.copy_(weights[:-1].T)
        model.head.bias.copy_(weights[-1])
        assert (model(pictures).argmax(1) == labels).all()
    return model


@pytest.fixture
def run(images: Path, tmp_path: Path) -> Run:
    """Loads and evaluates as a run does, with weights of a file beside the project."""

    def run_(weights: str, *, order: str = "text", folder: Path = images) -> Found:
        config = RunConfig(
            model=ModelConfig(name=NAME, arguments=SHAPE, weights="file", path=weights),
            data=DataConfig(train=str(folder), val=str(folder), class_order=order),
        )
        recorder = Recorder()
        state = RunState(tmp_path / "p.pqv", config, recorder.context)
        for stage in (LOAD, EVALUATE):
            place = tmp_path / stage.name
            place.mkdir(exist_ok=True)
            key = sha256_json(stage.inputs(state))
            state.complete(stage.name, key=key, result=stage.execute(state, place), directory=place)
        return Found(state, recorder)

    return run_


def foreign(model: torch.nn.Module, folder: Path) -> str:
    torch.save(model.state_dict(), folder / "w.pth")
    return "w.pth"


def ours(model: torch.nn.Module, folder: Path, classes: list[str]) -> str:
    base = Base(name=NAME, arguments={**SHAPE, "num_classes": len(classes)})
    checkpoint.save(model, folder / "w.safetensors", base=base, classes=classes)
    return "w.safetensors"


def test_another_order_is_said_before_and_after_it_is_judged(fitted: torch.nn.Module, run: Run, tmp_path: Path) -> None:
    found = run(foreign(fitted, tmp_path))

    assert (found.classes, found.top1) == (sorted(NAMES), pytest.approx(1 / 6))
    assert "10 comes before 2" in found.warnings
    assert "100 % would be correct. Set data.class_order=natural." in found.warnings


def test_the_order_that_is_set_counts_and_changes_the_keys(fitted: torch.nn.Module, run: Run, tmp_path: Path) -> None:
    weights = foreign(fitted, tmp_path)
    (tmp_path / "classes.txt").write_text("\n".join(NAMES), encoding="utf-8")

    text, natural, listed = (run(weights, order=order) for order in ("text", "natural", "classes.txt"))

    for found in (natural, listed):
        assert (found.classes, found.top1, found.warnings) == (NAMES, 1.0, "")
        assert found.state.keys["load"] != text.state.keys["load"]
    assert natural.state.keys == listed.state.keys  # the same order, however it was said


def test_a_file_may_name_more_classes_than_there_are_images_of(
    fitted: torch.nn.Module, run: Run, tmp_path: Path, images: Path
) -> None:
    (tmp_path / "classes.txt").write_text("\n".join(NAMES), encoding="utf-8")
    for name in ("3", "11"):
        (tmp_path / "some" / name).mkdir(parents=True)
        (tmp_path / "some" / name / "0.png").write_bytes((images / name / "0.png").read_bytes())

    found = run(foreign(fitted, tmp_path), order="classes.txt", folder=tmp_path / "some")

    assert (found.classes, found.top1, found.warnings) == (NAMES, 1.0, "")


def test_a_checkpoint_that_names_its_classes_is_matched_by_name(
    fitted: torch.nn.Module, run: Run, tmp_path: Path
) -> None:
    found = run(ours(fitted, tmp_path, NAMES))

    assert (found.classes, found.top1, found.warnings) == (NAMES, 1.0, "")


def test_a_checkpoint_of_other_classes_is_called_so(fitted: torch.nn.Module, run: Run, tmp_path: Path) -> None:
    found = run(ours(fitted, tmp_path, [f"colour {name}" for name in NAMES]))

    assert "trained for the classes colour 0" in found.warnings


def test_every_stage_that_gives_a_model_keeps_the_names(fitted: torch.nn.Module, run: Run, tmp_path: Path) -> None:
    found = run(foreign(fitted, tmp_path), order="natural")
    assert checkpoint.read_recipe(tmp_path / "load" / "model.safetensors").classes == tuple(NAMES)

    found.state.save(fitted, tmp_path)
    assert checkpoint.read_recipe(tmp_path / "model.safetensors").classes == tuple(NAMES)


def test_a_new_head_has_no_order_to_doubt(run: Run, tmp_path: Path) -> None:
    other = Base(name=NAME, arguments={**SHAPE, "num_classes": 5}).create()

    found = run(foreign(other, tmp_path))

    assert "head is new" in found.warnings and "order" not in found.warnings


def test_names_are_found_again_in_any_unicode_form(tmp_path: Path) -> None:
    for name in ("e\u0301", "a"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (32, 32)).save(tmp_path / name / "0.png")

    for written in ("\u00e9", "e\u0301"):
        shown = data.open_images(tmp_path, preprocessing=FORM, classes=[written, "a"], context=Recorder().context)
        assert (shown.classes, shown.labels) == ((class_order.composed(written), "a"), [1, 0])


def test_a_run_says_what_it_found_and_skipped_once(
    fitted: torch.nn.Module, run: Run, tmp_path: Path, images: Path
) -> None:
    (images / "3" / "a.heic").touch()
    (images / "4" / "broken.png").write_bytes(b"no image")
    try:
        found = run(foreign(fitted, tmp_path), order="natural")
    finally:
        (images / "3" / "a.heic").unlink()
        (images / "4" / "broken.png").unlink()

    assert found.recorder.lines.count("Validation images: 13 images in 12 classes.") == 1
    assert "Validation images: Skipped 1 .heic (HEIC is not read: convert to JPEG)." in found.warnings
    assert "1 of 13 images could not be read" in found.warnings
