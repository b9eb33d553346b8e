"""Models for grey or four channels: from the arguments through weights, images and augmentation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from pqv_core.config import DataConfig, ModelConfig, RunConfig
from pqv_core.engine.data import batches as data
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.models.sources.timm import input_channels
from pqv_core.engine.stages import RunState
from pqv_core.engine.train.augment import Augmentation
from pqv_core.errors import ConfigError, DataError, ModelError
from tests.fakes.training import Recorder, tiny_vit
from tests.unit.core.data.test_deep_images import png

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)
SHAPE: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}


def form(channels: int, **more: Any) -> Preprocessing:
    mean, std = input_channels.statistic(MEAN, channels), input_channels.statistic(STD, channels)
    return Preprocessing(input_size=(channels, 32, 32), mean=mean, std=std, crop_pct=1.0, **more)


def image_set(folder: Path, channels: int, *, brightest: int = 65535) -> Path:
    """Two classes of noise in 16 bits."""
    rng = np.random.default_rng(0)
    for name in ("dark", "light"):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, brightest, (32, 32, channels), np.uint16)
            pixels[0, 0] = brightest
            png(folder / name / f"{number}.png", pixels, colour_type={1: 0, 4: 6}[channels])
    return folder


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vit_tiny_patch16_224", SHAPE),
        (
            "swin_tiny_patch4_window7_224",
            {"img_size": 32, "window_size": 4, "embed_dim": 12, "num_heads": (1, 1, 2, 2)},
        ),
        ("mobilevit_xxs", {}),
    ],
)
def test_the_arguments_say_what_a_model_takes(name: str, arguments: dict[str, Any], channels: int) -> None:
    model = Base.model_construct(name=name, arguments={**arguments, "in_chans": channels}).create()
    found = models.preprocessing(model)

    assert found.input_size[0] == len(found.mean) == len(found.std) == channels
    with torch.inference_mode():
        assert model(torch.zeros(1, *found.input_size)).shape[0] == 1


def test_statistics_go_with_the_weights_as_timm_adapts_them() -> None:
    torch.manual_seed(0)
    weight, image = torch.randn(5, 3, 2, 2), torch.rand(1, 1, 2, 2)
    adapted = timm.models.adapt_input_conv(4, weight)

    assert input_channels.statistic(MEAN, 4) == (0.5, 0.4, 0.3, 0.5)
    assert torch.equal(adapted[:, 3], adapted[:, 0])
    grey = (0.4,)
    assert input_channels.statistic(MEAN, 1) == pytest.approx(grey)
    same = torch.nn.functional.conv2d(image.expand(1, 3, 2, 2), weight)
    assert torch.allclose(torch.nn.functional.conv2d(image, timm.models.adapt_input_conv(1, weight)), same, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 4])
def test_weights_for_rgb_are_adapted_and_that_is_said(tmp_path: Path, channels: int) -> None:
    published = tiny_vit()
    save_file(published.state_dict(), tmp_path / "rgb.safetensors")
    config = ModelConfig(
        name="vit_tiny_patch16_224",
        weights="file",
        path="rgb.safetensors",
        arguments={**SHAPE, "in_chans": channels},
    )
    recorder = Recorder()
    model, base = models.create(config, num_classes=3, project=tmp_path / "a.pqv", context=recorder.context)

    weight = model.get_parameter("patch_embed.proj.weight")
    expected = timm.models.adapt_input_conv(channels, published.get_parameter("patch_embed.proj.weight"))
    assert torch.equal(weight, expected)
    assert f"adapted to {channels} channels" in recorder.context.warnings[0]
    checkpoint.save(model, tmp_path / "own.safetensors", base=base)
    assert models.preprocessing(checkpoint.load(tmp_path / "own.safetensors")).channels == channels


def test_weights_for_other_channels_do_not_fit_in_silence(tmp_path: Path) -> None:
    grey = tiny_vit(in_chans=1)
    save_file(grey.state_dict(), tmp_path / "grey.safetensors")
    own = Base(name="vit_tiny_patch16_224", arguments={**SHAPE, "num_classes": 3, "in_chans": 1})
    checkpoint.save(grey, tmp_path / "own.safetensors", base=own)

    for file, words in (("grey.safetensors", "32×1×8×8 instead of 32×4×8×8"), ("own.safetensors", "with 1 channels")):
        config = ModelConfig(
            name=own.name, weights="file", path=file, arguments={**SHAPE, "num_classes": 3, "in_chans": 4}
        )
        with pytest.raises(ModelError, match=words):
            models.create(config, num_classes=3, project=tmp_path / "a.pqv", context=Recorder().context)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
def test_images_of_one_and_four_channels(tmp_path: Path, channels: int, crop_mode: Any) -> None:
    folder = image_set(tmp_path / "set", channels)
    images = data.open_images(folder, preprocessing=form(channels, crop_mode=crop_mode), context=Recorder().context)

    assert images[0][0].shape == (channels, 32, 32)
    batch = next(images.augmented(Augmentation(random_erasing=1.0), seed=1).in_order(8))
    assert batch.images.shape == (8, channels, 32, 32)


def test_the_scale_reaches_every_pixel(tmp_path: Path) -> None:
    folder = image_set(tmp_path / "set", 1, brightest=4095)
    recorder = Recorder()

    dark, bright = (
        data.open_images(folder, preprocessing=form(1, white=white), context=recorder.context) for white in (None, 4095)
    )

    assert next(dark.in_order(8)).images.max() == 16
    assert next(bright.in_order(8)).images.max() == 255
    assert len(recorder.context.warnings) == 1 and "set data.white=4095" in recorder.context.warnings[0]
    assert dark.identity() != bright.identity()


def test_thirty_two_bits_are_refused_before_the_first_image(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / name / "1.tif")

    with pytest.raises(DataError, match="32-bit values"):
        data.open_images(tmp_path, preprocessing=form(1), context=Recorder().context)
    assert data.open_images(tmp_path, preprocessing=form(1, white=1), context=Recorder().context)[0][0].max() > 0


def test_images_are_not_read_with_other_channels(tmp_path: Path) -> None:
    folder = image_set(tmp_path / "set", 4)

    with pytest.raises(ConfigError, match="expects 5") as caught:
        data.open_images(folder, preprocessing=form(5), context=Recorder().context)
    assert caught.value.field == "model.arguments.in_chans"


def test_an_image_with_too_few_channels_is_named(tmp_path: Path) -> None:
    folder = image_set(tmp_path / "set", 1)
    images = data.open_images(folder, preprocessing=form(4), context=Recorder().context)

    with pytest.raises(DataError, match=r"dark/0.png \(it has 1 of the 4 channels the model expects \(L\)\)"):
        list(images.in_order(8))


@pytest.mark.parametrize("policy", [{"color_jitter": 0.4}, {"auto_augment": "rand-m9-mstd0.5-inc1"}])
def test_colours_are_changed_in_grey_and_refused_in_four_channels(tmp_path: Path, policy: dict[str, Any]) -> None:
    augmentation = Augmentation(**policy)
    grey = data.open_images(image_set(tmp_path / "grey", 1), preprocessing=form(1), context=Recorder().context)
    four = data.open_images(image_set(tmp_path / "four", 4), preprocessing=form(4), context=Recorder().context)

    assert next(grey.augmented(augmentation, seed=0).in_order(8)).images.shape == (8, 1, 32, 32)
    with pytest.raises(ConfigError, match="expects 4 channels") as caught:
        four.augmented(augmentation, seed=0)
    assert caught.value.field == f"finetune.{next(iter(policy))}"


def test_a_run_and_its_files_take_the_scale_from_the_settings(tmp_path: Path) -> None:
    config = RunConfig(data=DataConfig(white=4095, black=64))
    state = RunState(tmp_path / "a.pqv", config, Recorder().context)
    state.results["load"] = {"preprocessing": {"input_size": [1, 32, 32], "mean": [0.4], "std": [0.2]}}

    assert state.preprocessing == replace(
        Preprocessing(input_size=(1, 32, 32), mean=(0.4,), std=(0.2,)), black=64, white=4095
    )
