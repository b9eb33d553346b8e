"""Weights that people bring: by what stands in the file, whoever wrote it and whatever it is called."""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import pathlib
import pickle
import random
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pqv_core.engine.weights import fitting, reading, state_dicts
from pqv_core.errors import ModelError, StorageError
from tests.fakes.training import Recorder, tiny_vit

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def original() -> nn.Module:
    return tiny_vit(seed=5)


@pytest.fixture
def state(original: nn.Module) -> State:
    return dict(original.state_dict())


def put(content: Any, model: nn.Module | None = None) -> tuple[nn.Module, Recorder]:
    """A model with what was read, and what was said."""
    model = model or tiny_vit(seed=1)
    recorder = Recorder()
    fitting.put(content, model, path=Path("a.pth"), context=recorder.context)
    return model, recorder


def under(prefix: str, state: State) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def shifted(state: State) -> State:
    return {name: tensor + 1 for name, tensor in state.items()}


def same(model: nn.Module, state: State) -> bool:
    return all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


WRAPPED: dict[str, Callable[[State], Any]] = {
    "PyTorch's tutorial": lambda state: {"epoch": 1, "model_state_dict": state, "optimizer_state_dict": {"state": {}}},
    "DeepSpeed": lambda state: {"module": state, "buffer_names": [], "optimizer": None},
    "a word of one's own": lambda state: {"my_net": {"weights": state}},
    "a tuple": lambda state: (state, 3),
    "EMA in a list of its own": lambda state: {"ema": {"decay": 0.9, "shadow": state}},
    "Lightning": lambda state: {
        "state_dict": under("model.", state) | {"metric.total": torch.zeros(3), "loss.weight": torch.ones(2)},
        "hparams_name": "kwargs",
    },
    "a head beside its backbone": lambda state: {
        "state_dict": {(name if name.startswith("head.") else f"backbone.{name}"): t for name, t in state.items()}
    },
    "a head of another name": lambda state: {
        (name.replace("head.", "fc.") if name.startswith("head.") else f"vit.{name}"): t for name, t in state.items()
    },
    "a head behind a dropout": lambda state: {name.replace("head.", "head.1."): t for name, t in state.items()},
    "SWA": lambda state: under("module.", state) | {"n_averaged": torch.tensor(3)},
    "compiled layers": lambda state: {name.replace("blocks.0.", "blocks.0._orig_mod."): t for name, t in state.items()},
    "FSDP": lambda state: {
        f"_fsdp_wrapped_module.{name.replace('blocks.1.', 'blocks.1._fsdp_wrapped_module.')}": tensor
        for name, tensor in state.items()
    },
    "all together": lambda state: {"model": under("_orig_mod.module.net.", state)},
    "names that are no text": lambda state: {0: state, "state": {1: {"exp_avg": torch.zeros(2)}}},
    "what a profiler left": lambda state: state | {"blocks.0.attn.total_ops": torch.zeros(1)},
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED.keys())
def test_the_state_dict_is_found_whatever_it_is_called(wrap: Callable[[State], Any], state: State) -> None:
    model, recorder = put(wrap(state))
    assert same(model, state)
    assert recorder.context.warnings == []


AVERAGED: dict[str, Callable[[State, State], Any]] = {
    "timm": lambda plain, ema: {"state_dict": plain, "state_dict_ema": ema},
    "DeiT": lambda plain, ema: {"model": plain, "model_ema": ema},
    "DINO": lambda plain, ema: {"student": under("module.backbone.", plain), "teacher": under("backbone.", ema)},
    "DINOv2": lambda plain, ema: under("student.backbone.", plain) | under("teacher.backbone.", ema),
    "in one table": lambda plain, ema: under("online_model.", plain) | under("ema_model.", ema),
}


@pytest.mark.parametrize("wrap", AVERAGED.values(), ids=AVERAGED.keys())
def test_averaged_weights_come_first(wrap: Callable[[State, State], Any], state: State) -> None:
    model, _ = put(wrap(shifted(state), state))
    assert same(model, state)


def test_averaged_weights_of_another_model_do_not(state: State) -> None:
    small = tiny_vit(embed_dim=16).state_dict()
    model, _ = put({"model": state, "teacher": dict(small)})
    assert same(model, state)


def test_what_was_taken_and_what_was_left_is_said(state: State) -> None:
    _, recorder = put({"state_dict": shifted(state), "ema": under("net.", state) | {"metric.total": torch.zeros(1)}})
    said = "\n".join(recorder.lines)
    assert f"{len(state)} tensors of “ema” used, without the prefix “net.”" in said
    assert "“state_dict” could be used as well; averaged weights come first" in said
    assert "1 tensor (metric.total)" in said


def test_a_decoder_is_left_over_and_a_head_that_is_missing_is_new(state: State) -> None:
    """As in MAE's checkpoints."""
    backbone = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
    decoder = {"mask_token": torch.zeros(1, 1, 8), "decoder_embed.weight": torch.ones(8, 32)}
    model, recorder = put({"model": backbone | decoder})
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in backbone.items())
    head, left = sorted(recorder.context.warnings, key=lambda text: "does not use" in text)
    assert "head is new (3 classes)" in head
    assert "decoder_embed.weight" in left


def test_of_two_layers_that_can_be_the_head_none_is(state: State) -> None:
    head = {name: state.pop(name) for name in ("head.weight", "head.bias")}
    two = {name.replace("head", other): tensor for name, tensor in head.items() for other in ("fc", "classifier")}
    _, recorder = put(state | two)
    assert any("new" in warning for warning in recorder.context.warnings)


def test_the_norm_of_averaged_tokens_is_part_of_a_new_head(state: State) -> None:
    """MAE's class token has a norm of its own, which fine-tuning the mean of the tokens replaces."""
    backbone = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
    model, recorder = put(backbone, tiny_vit(seed=1, global_pool="avg"))
    assert torch.equal(model.state_dict()["blocks.0.norm1.weight"], backbone["blocks.0.norm1.weight"])
    assert any("head is new" in text for text in recorder.context.warnings)
    assert any("norm.weight" in text for text in recorder.context.warnings)


def test_a_backbone_for_a_model_without_a_head(state: State) -> None:
    model, recorder = put(state, tiny_vit(0))
    assert same(model, state)
    assert any("head.weight" in text for text in recorder.context.warnings)


MISFITS: dict[str, tuple[Callable[[State], State], str]] = {
    "deeper": (lambda state: dict(tiny_vit(depth=3).state_dict()), "blocks.2.* is unknown"),
    "shallower": (lambda state: dict(tiny_vit(depth=1).state_dict()), "blocks.1.* is missing"),
    "layer scale": (lambda state: state | {"blocks.0.ls1.gamma": torch.ones(32)}, "blocks.0.ls1.gamma is unknown"),
    "registers": (lambda state: state | {"reg_token": torch.ones(1, 4, 32)}, "reg_token is unknown"),
    "a norm is missing": (lambda state: {k: v for k, v in state.items() if k != "norm.bias"}, "norm.bias is missing"),
    "width": (lambda state: dict(tiny_vit(embed_dim=16).state_dict()), "16.* instead of .*32"),
    "a convolutional network": (lambda state: {"conv1.weight": torch.zeros(8, 3, 7, 7)}, "cls_token is missing"),
}


@pytest.mark.parametrize(("change", "words"), MISFITS.values(), ids=MISFITS.keys())
def test_another_architecture_is_refused(change: Callable[[State], State], words: str, state: State) -> None:
    with pytest.raises(ModelError, match=words):
        put({"state_dict": change(state)})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_point_numbers_become_float32_and_that_is_said(dtype: torch.dtype, state: State) -> None:
    model, recorder = put({name: tensor.to(dtype) for name, tensor in state.items()})
    assert all(tensor.dtype == torch.float32 for tensor in model.state_dict().values())
    assert torch.equal(model.state_dict()["head.weight"], state["head.weight"].to(dtype).float())
    assert any(f"{len(state)} tensors are {str(dtype)[6:]}" in line for line in recorder.lines)


def test_views_and_tensors_that_share_their_numbers_are_copied(state: State) -> None:
    block = {name.replace("blocks.0.", "blocks.1."): t for name, t in state.items() if name.startswith("blocks.0.")}
    turned = state["blocks.0.mlp.fc1.weight"].t().contiguous().t()
    model, _ = put(state | block | {"blocks.0.mlp.fc1.weight": turned})
    weights = model.state_dict()
    assert torch.equal(weights["blocks.1.mlp.fc1.weight"], weights["blocks.0.mlp.fc1.weight"])
    assert weights["blocks.1.attn.qkv.weight"].data_ptr() != weights["blocks.0.attn.qkv.weight"].data_ptr()


NAME = "blocks.0.mlp.fc1.weight"
VALUES: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "NaN": (lambda tensor: tensor.clone().fill_(float("nan")), "NaN"),
    "infinity": (lambda tensor: (tensor * 1e30).half(), "infinity"),
    "too large for float32": (lambda tensor: tensor.double() * 1e300, "beyond float32"),
    "complex": (lambda tensor: tensor.to(torch.complex64), "complex"),
    "meta": (lambda tensor: tensor.to("meta"), "meta"),
    "sparse": (lambda tensor: tensor.to_sparse(), "sparse"),
    "int8": (lambda tensor: (tensor * 9).to(torch.int8), "quantized.*int8"),
    "qint8": (lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8), "quantized.*qint8"),
    "float8": (lambda tensor: tensor.to(torch.float8_e4m3fn), "quantized.*float8"),
}


@pytest.mark.parametrize(("change", "words"), VALUES.values(), ids=VALUES.keys())
def test_numbers_that_are_no_weights_are_refused_by_name(
    change: Callable[[Tensor], Tensor], words: str, state: State
) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        put(state | {NAME: change(state[NAME])})
    assert NAME in caught.value.message


SPECIAL: dict[str, tuple[Callable[[State], Any], str]] = {
    "peft": (lambda state: {f"base_model.model.{NAME[:-7]}.lora_A.weight": torch.ones(4, 32)}, "LoRA"),
    "a model with LoRA in it": (lambda state: state | {f"{NAME[:-7]}.lora_B": torch.ones(4, 4)}, "LoRA"),
    "dynamic int8": (
        lambda state: {"head._packed_params._packed_params": (state["head.weight"], None), "head.scale": torch.ones(1)},
        "quantized",
    ),
    "GPTQ": (
        lambda state: {"head.qweight": torch.ones(2), "head.qzeros": torch.ones(2), "head.scales": torch.ones(2)},
        "quantized.*qweight",
    ),
    "bitsandbytes": (lambda state: {"head.weight": torch.ones(2), "head.weight.absmax": torch.ones(2)}, "quantized"),
    "FSDP's shards": (lambda state: {"_fsdp_wrapped_module._flat_param": torch.ones(99)}, "FSDP"),
}


@pytest.mark.parametrize(("make", "words"), SPECIAL.values(), ids=SPECIAL.keys())
def test_adapters_and_quantized_models_are_named(make: Callable[[State], Any], words: str, state: State) -> None:
    with pytest.raises(ModelError, match=words):
        put(make(state))


@pytest.mark.parametrize("content", [{}, {"model": {}}, {"epoch": 3}, [1, 2], None, torch.zeros(3)])
def test_a_file_without_weights(content: Any) -> None:
    with pytest.raises(ModelError, match="holds no weights"):
        put(content)


def test_a_pickle_that_holds_itself_is_looked_at_once(state: State) -> None:
    content: dict[str, Any] = {"model": state}
    content["again"] = [content, content]
    assert len(state_dicts.find(content)) == 1


def test_a_tensor_that_claims_more_than_it_holds_is_not_unfolded(state: State) -> None:
    huge = torch.zeros(1).expand(1 << 30, 1 << 10)
    with pytest.raises(ModelError, match=f"{NAME} is missing"):
        put(state | {NAME: huge})


# reading files


class Config:
    """A class of a training script's own."""


SETTINGS: dict[str, Any] = {
    "timm's and DeiT's args": argparse.Namespace(lr=0.1, output=pathlib.PurePosixPath("/tmp")),
    "paths": [Path("a"), pathlib.PureWindowsPath("b")],
    "NumPy's numbers": {"best": numpy.float64(0.5), "n": numpy.int64(3), "all": numpy.zeros(3), "t": numpy.dtype("f4")},
    "other plain things": [types.SimpleNamespace(a=1), {1, 2}, frozenset({3}), slice(1, 2), collections.Counter("ab")],
    "default dicts": collections.defaultdict(list, {"loss": [1.0]}),
}


@pytest.mark.parametrize("beside", SETTINGS.values(), ids=SETTINGS.keys())
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_settings_beside_the_weights_do_not_stand_in_the_way(
    beside: Any, is_zip: bool, state: State, tmp_path: Path
) -> None:
    path = tmp_path / "best.pth.tar"
    content = {"args": beside, "state_dict": state}
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    assert torch.equal(reading.read(path)["state_dict"]["head.weight"], state["head.weight"])


class Bomb:
    """What a hostile pickle does when it is read."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self._call = call, arguments

    def __reduce__(self) -> Any:
        return self._call


REFUSED: dict[str, tuple[Any, str]] = {
    "a class of one's own": (Config(), r"test_weights\.Config"),
    "a call": (Bomb(Path.touch, Path("exploded")), "code in it"),
    "an import": (Bomb(eval, "open('exploded', 'w')"), "eval"),
    "a whole model": (nn.Linear(2, 2), r"whole model \(its class torch\.nn\.modules\.linear\.Linear\)"),
    "getattr": (Bomb(getattr, Path(), "touch"), "getattr"),
}


@pytest.mark.parametrize(("thing", "words"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_what_may_be_code_is_refused_by_its_name(
    thing: Any, words: str, is_zip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": thing}, tmp_path / "a.pth", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(ModelError, match=words):
        reading.read(tmp_path / "a.pth")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors", "a", "a.bin"])
def test_the_name_does_not_matter(name: str, state: State, tmp_path: Path) -> None:
    safetensors.torch.save_file(state, tmp_path / name)
    assert reading.read(tmp_path / name).keys() == state.keys()
    torch.save(state, tmp_path / name)
    assert reading.read(tmp_path / name).keys() == state.keys()


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_a_file_cut_short_is_called_that(share: float, is_zip: bool, state: State, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(state, path, _use_new_zipfile_serialization=is_zip)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ModelError, match="truncated"):
        reading.read(path)


def test_weights_in_several_files(state: State, tmp_path: Path) -> None:
    names = sorted(state)
    files = {"model-1.safetensors": names[:9], "model-2.safetensors": names[9:]}
    for file, held in files.items():
        safetensors.torch.save_file({name: state[name] for name in held}, tmp_path / file)
    weight_map = {name: file for file, held in files.items() for name in held}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    for chosen in ("model.safetensors.index.json", "model-2.safetensors"):
        model = tiny_vit(seed=1)
        fitting.load(tmp_path / chosen, model, context=Recorder().context)
        assert same(model, state)


def test_the_index_says_which_of_two_tensors_of_a_name_is_meant(state: State, tmp_path: Path) -> None:
    safetensors.torch.save_file(state, tmp_path / "a.safetensors")
    safetensors.torch.save_file(shifted(state) | {"extra": torch.zeros(1)}, tmp_path / "b.safetensors")
    weight_map = dict.fromkeys(state, "a.safetensors") | {"extra": "b.safetensors"}
    (tmp_path / "a.index.json").write_text(json.dumps({"weight_map": weight_map}))
    for chosen in ("a.index.json", "a.safetensors", "b.safetensors"):
        model = tiny_vit(seed=1)
        fitting.load(tmp_path / chosen, model, context=Recorder().context)
        assert same(model, state)


def test_one_file_of_several_without_their_index_is_called_that(state: State, tmp_path: Path) -> None:
    path = tmp_path / "model-00001-of-00002.safetensors"
    safetensors.torch.save_file({NAME: state[NAME]}, path)
    with pytest.raises(ModelError, match="does not fit") as caught:
        fitting.load(path, tiny_vit(), context=Recorder().context)
    assert "one of 2 files" in caught.value.action


@settings(deadline=None, max_examples=60)
@given(data=st.data())
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_damaged_file_is_read_or_refused_in_a_sentence(
    form: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"damaged-{form}"
    small = {"a": torch.zeros(3), "b": torch.ones(2, 2)}
    if form == "safetensors":
        safetensors.torch.save_file(small, path)
    else:
        torch.save({"state_dict": small}, path, _use_new_zipfile_serialization=form == "zip")
    content = bytearray(path.read_bytes())
    for place, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=4)
    ):
        content[place] = byte
    path.write_bytes(content)
    try:
        state_dicts.find(reading.read(path))
    except (ModelError, StorageError) as error:
        assert error.action and "\n" not in error.message


def test_an_archive_that_unfolds_without_bound_is_refused(state: State, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(30 << 20, dtype=torch.uint8)}, tmp_path / "whole.pth")
    with zipfile.ZipFile(tmp_path / "whole.pth") as whole, zipfile.ZipFile(tmp_path / "a.pth", "w") as packed:
        for entry in whole.infolist():
            packed.writestr(entry.filename, whole.read(entry), compress_type=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="decompresses"):
        reading.read(tmp_path / "a.pth")


def test_a_deeply_nested_pickle_ends_in_a_sentence(tmp_path: Path) -> None:
    depth = 200_000
    content = b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("a/data.pkl", content)
        archive.writestr("a/version", "3\n")
        archive.writestr("a/byteorder", "little")
    with pytest.raises(ModelError, match="no weights"):
        fitting.load(tmp_path / "a.pth", tiny_vit(), context=Recorder().context)


def test_a_legacy_file_that_claims_a_huge_tensor_ends_in_a_sentence(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(7)}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    content = (tmp_path / "a.pth").read_bytes()
    seven, claimed = b"K\x07", pickle.dumps(1 << 60, protocol=2)[2:-1]
    assert seven in content
    (tmp_path / "a.pth").write_bytes(content.replace(seven, claimed))
    with pytest.raises(ModelError, match="too large for memory"):
        reading.read(tmp_path / "a.pth")


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_file_that_is_cut_anywhere_or_holds_a_wrong_byte_is_refused_or_read(tmp_path: Path, is_zip: bool) -> None:
    path = tmp_path / "a.pth"
    torch.save({"a": torch.zeros(3), "größe": [1, 2.5]}, path, _use_new_zipfile_serialization=is_zip)
    whole = path.read_bytes()
    drawing = random.Random(0)
    places = drawing.sample(range(len(whole)), min(250, len(whole)))
    for place in places:
        wrong = whole[:place] + bytes([drawing.randrange(256)]) + whole[place + 1 :]
        for data in (whole[:place], wrong):
            path.write_bytes(data)
            with contextlib.suppress(ModelError):
                reading.read(path)
