"""Class folders named after synsets keep the head that the weights come with."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from timm.data import ImageNetInfo

from pqv_core.config import ModelConfig
from pqv_core.engine.data import batches as data
from pqv_core.engine.data import imagenet
from pqv_core.engine.measure import evaluate
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models.checkpoint import Base
from tests.fakes.training import FORM, Recorder, image_folder

PROJECT = Path("/nowhere/p.pqv")
SOME = ["n02102040", "n01440764", "n03888257"]
ARGUMENTS = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2}


def pretrained(name: str, **arguments: int) -> ModelConfig:
    return ModelConfig(name=name, weights="pretrained", arguments=arguments)


@pytest.mark.parametrize(
    ("name", "number"),
    [("deit_small_patch16_224", 1000), ("vit_base_patch16_224.augreg_in21k", 21843), ("beit_base_patch16_224", 1000)],
)
def test_a_published_head_is_kept(name: str, number: int) -> None:
    found = imagenet.head_classes(pretrained(name), SOME, project=PROJECT)

    assert found is not None and len(found) == number and set(SOME) <= set(found)
    if number == 1000:
        assert [found.index(synset) for synset in SOME] == [217, 0, 701]  # springer, tench, parachute


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(name="deit_small_patch16_224"),
        pretrained("deit_small_patch16_224", num_classes=10),
        pretrained("vit_base_patch16_clip_224.openai"),  # its head gives no classes
        pretrained("no_such_model"),
    ],
)
def test_any_other_head_is_replaced(config: ModelConfig) -> None:
    assert imagenet.head_classes(config, SOME, project=PROJECT) is None


@pytest.mark.parametrize("names", [["cat", "dog"], [*SOME, "n99999999"], [*SOME, "extra"]])
def test_other_classes_need_another_head(names: list[str]) -> None:
    assert imagenet.head_classes(pretrained("deit_small_patch16_224"), names, project=PROJECT) is None


@pytest.mark.parametrize("number", [1000, 3])
def test_the_head_of_a_weights_file_counts(tmp_path: Path, number: int) -> None:
    base = Base(name="deit_tiny_patch16_224", arguments={**ARGUMENTS, "num_classes": number})
    model = base.create()
    foreign, ours = tmp_path / "foreign.safetensors", tmp_path / "ours.safetensors"
    safetensors.torch.save_file(model.state_dict(), foreign)
    checkpoint.save(model, ours, base=base)

    for path in (foreign, ours):
        config = ModelConfig(name="deit_tiny_patch16_224", weights="file", path=str(path))
        found = imagenet.head_classes(config, SOME, project=tmp_path / "p.pqv")
        assert (len(found) if found else None) == (1000 if number == 1000 else None)


def test_a_subset_is_judged_against_all_classes(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "val", classes=SOME, each=2)
    names = ImageNetInfo().label_names()
    recorder = Recorder()
    images = data.open_images(folder, preprocessing=FORM, classes=names, context=recorder.context)

    def tench(pictures: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(torch.zeros(len(pictures), dtype=torch.int64), 1000).float()

    found = evaluate.accuracy(tench, images, batch_size=4, context=recorder.context)
    assert found.top1 == pytest.approx(1 / 3) and sorted(set(images.labels)) == [0, 217, 701]
