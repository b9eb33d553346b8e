"""Models and their weights: what is refused, adapted and said."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from huggingface_hub import constants

from pqv_core.config import ModelConfig
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.engine.weights import fitting
from pqv_core.errors import ModelError, StorageError
from pqv_core.models.sources import SOURCES
from tests.fakes.training import Recorder, tiny_vit

NAME = "vit_tiny_patch16_224"
SHAPE: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}


def create(tmp_path: Path, **changes: Any) -> tuple[Any, Recorder]:
    """A small ViT with three classes, and what was said while it was made."""
    recorder = Recorder()
    classes = changes.pop("num_classes", 3)
    config = ModelConfig(**{"name": NAME, "arguments": SHAPE} | changes)
    model, _ = models.create(config, num_classes=classes, project=tmp_path / "a.pqv", context=recorder.context)
    return model, recorder


def load(path: Path, **changes: Any) -> tuple[Any, Recorder]:
    return create(path.parent, weights="file", path=path.name, **changes)


def test_random_weights_follow_the_seed(tmp_path: Path) -> None:
    torch.manual_seed(3)
    first, _ = create(tmp_path)
    torch.manual_seed(3)
    again, _ = create(tmp_path)
    other, _ = create(tmp_path)
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_classes_of_the_images_win_and_none_keeps_the_models_own(tmp_path: Path) -> None:
    assert create(tmp_path, num_classes=7)[0].num_classes == 7
    assert create(tmp_path, num_classes=None)[0].num_classes == 1000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "vit_tiny_patch16_225"}, "Did you mean .*vit_tiny_patch16_224"),
        ({"name": "§"}, "no model named"),
        ({"name": f"{NAME}.nobody"}, "nobody"),
        ({"arguments": {"colour": 3}}, "colour"),
        ({"arguments": {"num_heads": 7}}, "settings"),
        ({"arguments": {"depth": "two"}}, "settings"),
        ({"arguments": {"img_size": -1}}, "settings"),
        ({"arguments": {"pretrained": True}}, "pretrained"),
        ({"arguments": {"checkpoint_path": "a.pth"}}, "checkpoint_path"),
    ],
)
def test_what_timm_cannot_make_is_refused_in_words(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        create(tmp_path, **changes)
    assert re.search(words, str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("weights", ["random", "pretrained"])
@pytest.mark.parametrize(
    "name", ["hf-hub:timm/vit_tiny_patch16_224", "hf_hub:timm/x", "local-dir:/tmp/x", f"hf-hub:{NAME}.augreg_in21k"]
)
def test_a_name_of_elsewhere_never_reaches_timm(
    name: str, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: asked.append(a))
    monkeypatch.setattr(socket.socket, "connect", lambda *a: asked.append(a))
    with pytest.raises(ModelError, match="has no model named"):
        create(tmp_path, name=name, weights=weights, arguments={})
    with pytest.raises(ModelError, match="has no model named"):
        checkpoint.Base(name=name).create()
    assert asked == []


@pytest.mark.parametrize("arguments", [{"num_heads": 0}, {"embed_dim": -3}, {"depth": "three"}, {"embed_dim": 7}])
def test_arguments_that_do_not_go_together_end_in_a_sentence(arguments: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="cannot be made with these settings"):
        checkpoint.Base(name="vit_tiny_patch16_224", arguments=arguments).create()


@pytest.mark.parametrize("argument", sorted(SOURCES["timm"].reserved))
def test_published_weights_take_no_argument_that_leads_elsewhere(argument: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"The model argument {argument} is not allowed"):
        create(tmp_path, weights="pretrained", arguments={argument: "x"}, num_classes=None)


def test_a_hub_that_does_not_answer_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    asked: list[float] = []
    monkeypatch.setattr(time, "sleep", asked.append)  # the client's own pauses between its attempts
    with pytest.raises(ModelError, match=r"could not be downloaded.*weights file"):
        create(tmp_path, weights="pretrained", arguments={}, num_classes=None)
    assert not asked
    assert constants.HF_HUB_OFFLINE is False


def test_without_published_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No weights are published"):
        create(tmp_path, name="vit_base_patch32_plus_256", weights="pretrained")


WRAPPERS = {
    "plain": lambda state: state,
    "model": lambda state: {"model": state, "epoch": 3},
    "state_dict": lambda state: {"state_dict": state},
    "model_ema first": lambda state: {"model": {}, "model_ema": state},
    "module.": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "both": lambda state: {"model": {f"module.{name}": tensor for name, tensor in state.items()}},
    "compiled and shared": lambda state: {f"_orig_mod.module.{name}": tensor for name, tensor in state.items()},
    "inside a larger module": lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()}},
    "a whole training": lambda state: {
        "model": {name: torch.zeros(1) for name in state},
        "state_dict_ema": {f"module.{name}": tensor for name, tensor in state.items()},
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}},
        "epoch": 3,
    },
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS.keys())
def test_weights_in_all_the_usual_wrappers(wrap: Any, tmp_path: Path) -> None:
    original: Any = tiny_vit(seed=5)
    torch.save(wrap(original.state_dict()), tmp_path / "a.pth")
    model, recorder = load(tmp_path / "a.pth")
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(model(image), original(image))
    assert recorder.context.warnings == []


def test_a_foreign_safetensors_file(tmp_path: Path) -> None:
    original: Any = tiny_vit(seed=5)
    safetensors.torch.save_file(original.state_dict(), tmp_path / "a.safetensors")
    assert torch.equal(load(tmp_path / "a.safetensors")[0].head.weight, original.head.weight)


def test_a_head_for_other_classes_is_new_and_that_is_said(tmp_path: Path) -> None:
    original: Any = tiny_vit(10, seed=5)
    torch.save(original.state_dict(), tmp_path / "a.pth")
    model, recorder = load(tmp_path / "a.pth")
    assert model.head.weight.shape[0] == 3
    assert torch.equal(model.cls_token, original.cls_token)
    assert any("3 classes" in line for line in recorder.context.warnings)


def test_position_embeddings_of_another_resolution_are_resampled(tmp_path: Path) -> None:
    original: Any = tiny_vit(seed=5, img_size=64)
    torch.save(original.state_dict(), tmp_path / "a.pth")
    model, _ = load(tmp_path / "a.pth")
    assert model.pos_embed.shape == (1, 17, 32)
    assert torch.equal(model.pos_embed[:, 0], original.pos_embed[:, 0])
    # the mean of a smooth field is about kept
    torch.testing.assert_close(model.pos_embed[:, 1:].mean(1), original.pos_embed[:, 1:].mean(1), atol=0.01, rtol=0.2)


RESAMPLED: dict[str, dict[str, Any]] = {
    "cait_xxs24_224": {"depth": 1},
    "convit_tiny": {"depth": 1},
    "crossvit_9_240": {"depth": ((1, 1, 0),)},
    "hiera_tiny_224": {"stages": (1, 1, 1, 1)},
    "pit_ti_224": {},
    "visformer_tiny": {},
    "volo_d1_224": {},
    "deit_tiny_distilled_patch16_224": {"depth": 1},
}


@pytest.mark.parametrize("name", RESAMPLED)
def test_other_families_are_resampled_too(name: str, tmp_path: Path) -> None:
    original: Any = timm.create_model(name, **RESAMPLED[name])
    torch.save(original.state_dict(), tmp_path / "a.pth")
    size = {"crossvit_9_240": 480, "hiera_tiny_224": 448}.get(name, 320)
    larger = timm.create_model(name, **RESAMPLED[name], img_size=size).eval()
    fitting.put(original.state_dict(), larger, path=tmp_path / "a.pth", context=Recorder().context)
    for key, tensor in original.state_dict().items():
        new = larger.state_dict()[key]
        assert torch.equal(new, tensor) or "pos_embed" in key
        assert float(new.float().mean()) == pytest.approx(float(tensor.float().mean()), abs=0.01)
    assert torch.isfinite(larger(torch.randn(1, 3, size, size))).all()


def test_positions_of_another_width_are_a_mismatch(tmp_path: Path) -> None:
    state = tiny_vit(seed=5).state_dict()
    state["pos_embed"] = torch.zeros(1, 17, 48)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="pos_embed is 1×17×48 instead of 1×17×32"):
        load(tmp_path / "a.pth")


def test_every_mismatch_is_named(tmp_path: Path) -> None:
    state = tiny_vit(seed=5).state_dict()
    state["blocks.0.mlp.fc1.weight"] = torch.zeros(2, 2)
    state["stranger"] = state.pop("norm.bias")
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "a.pth")
    for words in ("mlp.fc1.weight is 2×2 instead of 128×32", "norm.bias is missing", "stranger is unknown"):
        assert words in caught.value.message


@pytest.mark.parametrize(("count", "more"), [(4, ""), (6, "; and 2 more")])
def test_four_mismatches_are_said_and_all_are_in_the_details(tmp_path: Path, count: int, more: str) -> None:
    state = tiny_vit(seed=5).state_dict()
    strangers = [f"blocks.0.stranger{number}" for number in range(count)]
    torch.save(state | dict.fromkeys(strangers, torch.zeros(1)), tmp_path / "a.pth")
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "a.pth")
    said = "; ".join(f"{name} is unknown" for name in strangers[:4])
    assert caught.value.message == f"a.pth does not fit this model: {said}{more}."
    assert caught.value.details.splitlines() == [f"{name} is unknown" for name in strangers]


class Bomb:
    """What a hostile pickle does when it is read."""

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (Path("exploded"),)


def test_code_in_a_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Bomb()}, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="code in it"):
        load(tmp_path / "a.pth")
    assert not (tmp_path / "exploded").exists()


def test_a_pickled_model_is_not_loaded(tmp_path: Path) -> None:
    torch.save(tiny_vit(), tmp_path / "a.pth")
    with pytest.raises(ModelError, match="state dict"):
        load(tmp_path / "a.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_file_cut_short_is_refused(suffix: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".pth":
        torch.save(tiny_vit().state_dict(), path)
    else:
        safetensors.torch.save_file(tiny_vit().state_dict(), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ModelError, match="truncated" if share else "empty"):
        load(path)


@pytest.mark.parametrize("content", [{"model": {}}, {"epoch": 3}, [1, 2]])
def test_a_file_without_weights(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="holds no weights"):
        load(tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["missing.pth", "missing.safetensors", "."])
def test_a_path_that_is_no_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        create(tmp_path, weights="file", path=name)


def test_whether_tokens_are_merged_is_what_the_run_says_not_the_checkpoint(tmp_path: Path) -> None:
    made, _ = create(tmp_path)
    merged_tokens.merge(made, Merging(merged=(3, 2)))
    base = checkpoint.Base(name=NAME, arguments={**SHAPE, "num_classes": 3})
    checkpoint.save(made, tmp_path / "own.safetensors", base=base)
    model, recorder = load(tmp_path / "own.safetensors")
    assert merged_tokens.merging_of(model) is None
    assert any("merges tokens (3, 2 in its blocks)" in text for text in recorder.context.warnings)
    merged_tokens.merge(model, Merging(merged=(3, 2)))
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(model(images), made(images))


def test_our_checkpoint_brings_its_own_shapes_and_another_head_is_new(tmp_path: Path) -> None:
    base = checkpoint.Base(name=NAME, arguments={**SHAPE, "num_classes": 3})
    original: Any = tiny_vit(seed=5)
    checkpoint.save(original, tmp_path / "a.safetensors", base=base)
    model, recorder = load(tmp_path / "a.safetensors", arguments={})
    assert torch.equal(model.head.weight, original.head.weight)
    assert not recorder.context.warnings
    model, recorder = load(tmp_path / "a.safetensors", arguments={}, num_classes=5)
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 5)
    assert any("5 classes" in line for line in recorder.context.warnings)
    with pytest.raises(ModelError, match=NAME):
        load(tmp_path / "a.safetensors", name="deit_tiny_patch16_224")


def test_preprocessing_follows_the_size_the_model_was_made_for(tmp_path: Path) -> None:
    assert models.preprocessing(create(tmp_path)[0]).input_size == (3, 32, 32)
    published = models.preprocessing(create(tmp_path, arguments={"depth": 1})[0])
    assert (published.input_size, published.mean) == ((3, 224, 224), (0.5, 0.5, 0.5))
    elsewhere, _ = create(tmp_path, name="coatnet_pico_rw_224", arguments={"img_size": 64})  # no patch embedding
    assert models.preprocessing(elsewhere).input_size == (3, 64, 64)


def test_count_by_hand(tmp_path: Path) -> None:
    model, _ = create(tmp_path)
    tokens, width = 17, 32
    block = 4 * width**2 + 2 * width * 128
    macs = 16 * 192 * width + 2 * (tokens * block + 2 * tokens**2 * width) + 3 * width
    assert models.count(model) == (sum(parameter.numel() for parameter in model.parameters()), macs)
