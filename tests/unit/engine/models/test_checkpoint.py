"""A checkpoint rebuilds its model bit for bit, anywhere, and nothing in it is run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pqv_core.config import PruneConfig
from pqv_core.engine.models import checkpoint, tensorfile
from pqv_core.engine.models import create as models
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.prune.structured import prune
from pqv_core.errors import ModelError, StorageError
from tests.fakes.training import Recorder

SMALL: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 2, "num_heads": 2}
BASES = [
    Base(name="vit_tiny_patch16_224", arguments={**SMALL, "num_classes": 3}),
    Base(name="deit3_small_patch16_224", arguments=SMALL),
    Base(name="deit_tiny_distilled_patch16_224", arguments=SMALL),
    Base(name="vit_giant_patch14_reg4_dinov2", arguments={**SMALL, "mlp_ratio": 4.0}),
    Base(name="vit_intern300m_patch14_448", arguments=SMALL),
    Base(name="vit_little_patch16_reg4_gap_256", arguments=SMALL),
]
IDS = [base.name for base in BASES]
ANSWER = """
import sys, torch
from pathlib import Path
from pqv_core.engine.models import checkpoint
torch.set_num_threads(1)
model = checkpoint.load(Path(sys.argv[1]))
image = torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32)
with torch.inference_mode():
    sys.stdout.write(model(image).numpy().tobytes().hex())
"""


def pruned(base: Base, **settings: Any) -> nn.Module:
    torch.manual_seed(1)
    config = PruneConfig(importance="l2", embedding=True, **settings)
    return prune(base.create(), config, batches=None, context=Recorder().context)


@pytest.mark.parametrize("unit", ["width", "heads"])
@pytest.mark.parametrize("base", BASES, ids=IDS)
def test_a_pruned_model_comes_back_bit_for_bit(base: Base, unit: str, tmp_path: Path) -> None:
    model = pruned(base, attention_unit=unit)
    checkpoint.save(model, tmp_path / "a.safetensors", base=base)
    rebuilt = checkpoint.load(tmp_path / "a.safetensors")
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(rebuilt(images), model(images))
    for (name, ours), (_, theirs) in zip(model.state_dict().items(), rebuilt.state_dict().items(), strict=True):
        assert torch.equal(ours, theirs), name
    assert checkpoint.recipe(rebuilt, base) == checkpoint.recipe(model, base)


# Heads that are tied to the tokens in timm's own code, biases and tables of positions beside the layers.
OTHERS = [
    Base(name="beit_base_patch16_224", arguments=SMALL),
    Base(name="coatnet_nano_rw_224", arguments={"num_classes": 3}),
    Base(name="levit_128s", arguments={"num_classes": 3}),
    Base(name="pvt_v2_b0", arguments={"num_classes": 3}),
    Base(name="swinv2_tiny_window8_256", arguments={"img_size": 64, "embed_dim": 48, "num_classes": 3}),
    Base(name="vit_relpos_small_patch16_224", arguments=SMALL),
    Base(name="xcit_nano_12_p16_224", arguments={"img_size": 64, "depth": 2}),
]


@pytest.mark.parametrize("unit", ["width", "heads"])
@pytest.mark.parametrize("base", OTHERS, ids=[base.name for base in OTHERS])
def test_other_families_come_back_bit_for_bit(base: Base, unit: Any, tmp_path: Path) -> None:
    config = PruneConfig(importance="l2", attention_unit=unit, mlp=False, steps=2, ratio=0.5)
    model: Any = prune(base.create(), config, batches=None, context=Recorder().context)
    dense = base.create()
    assert sum(p.numel() for p in model.parameters()) < sum(p.numel() for p in dense.parameters())
    checkpoint.save(model, tmp_path / "a.safetensors", base=base)
    rebuilt = checkpoint.load(tmp_path / "a.safetensors")
    images = torch.randn(2, *models.preprocessing(model).input_size)
    with torch.no_grad():
        assert torch.equal(rebuilt(images), model(images))


def test_another_process_rebuilds_it_bit_for_bit(tmp_path: Path) -> None:
    model = pruned(BASES[0])
    checkpoint.save(model, tmp_path / "a.safetensors", base=BASES[0])
    command = [sys.executable, "-c", ANSWER, str(tmp_path / "a.safetensors")]
    answer = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    image = torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        assert model(image).numpy().tobytes().hex() == answer
    torch.set_num_threads(threads)


def test_an_unchanged_model_has_an_empty_recipe() -> None:
    assert checkpoint.recipe(BASES[0].create(), BASES[0]) == checkpoint.Recipe(base=BASES[0])


def test_the_recipe_says_what_was_cut(tmp_path: Path) -> None:
    recipe = checkpoint.recipe(pruned(BASES[0], attention_unit="heads", ratio=0.5), BASES[0])
    assert recipe.shapes["blocks.0.mlp.fc1.weight"] == (128, 32)
    assert recipe.attributes["blocks.1.attn"]["num_heads"] == 1
    json.dumps(recipe.model_dump(mode="json"), allow_nan=False)


def test_tensors_that_are_shared_are_kept(tmp_path: Path) -> None:
    model: Any = BASES[0].create()
    first, second = model.blocks
    second.mlp = first.mlp
    checkpoint.save(model, tmp_path / "a.safetensors", base=BASES[0])
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(checkpoint.load(tmp_path / "a.safetensors")(image), model(image))


def damaged(tmp_path: Path, **changes: Any) -> Path:
    """A checkpoint whose recipe says something else."""
    path = tmp_path / "a.safetensors"
    checkpoint.save(pruned(BASES[0]), path, base=BASES[0])
    state, facts = tensorfile.read(path)
    tensorfile.write(path, state, {**facts, **changes})
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base": 3}, "no description of its model"),
        ({"shapes": [1]}, "no description of its model"),
        ({"format": 99}, "newer"),
        ({"shapes": {}}, "does not fit"),
        ({"shapes": {"blocks.9.x": [1]}}, "does not fit"),
        ({"shapes": {"blocks": [1]}}, "does not fit"),
        ({"shapes": {"head.weight": [-1]}}, "does not fit"),
        ({"shapes": {"head.weight": [10**9, 10**9]}}, "does not fit"),
        ({"attributes": {"nowhere": {"num_heads": 1}}}, "does not fit"),
        ({"attributes": {"blocks.0.attn": {"forward": 1}}}, "does not fit"),
        ({"attributes": {"blocks.0.attn": {"_modules": 1}}}, "does not fit"),
        ({"attributes": {"blocks.0.attn": {"num_heads": "two"}}}, "does not fit"),
        ({"base": {"name": "nobody"}}, "nobody"),
        ({"base": {"name": "hf-hub:somebody/model"}}, "no model named 'hf-hub:somebody/model'"),
        ({"base": {"name": "local-dir:/tmp"}}, "no model named"),
        ({"base": {"name": BASES[0].name, "arguments": {"pretrained": True}}}, "pretrained"),
        ({"base": {"name": BASES[0].name, "arguments": {"checkpoint_path": "/etc/passwd"}}}, "checkpoint_path"),
    ],
)
def test_a_recipe_that_cannot_be_followed(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=words):
        checkpoint.load(damaged(tmp_path, **changes))


@pytest.mark.parametrize(("length", "said"), [(200, 200), (201, 200)])
def test_the_first_two_hundred_characters_of_what_does_not_fit_are_said(length: int, said: int, tmp_path: Path) -> None:
    reason = "Attention has no plain attribute '{}'"
    reason = reason.format("x" * (length - len(reason.format(""))))
    with pytest.raises(ModelError) as caught:
        checkpoint.load(damaged(tmp_path, attributes={"blocks.0.attn": {reason.split("'")[1]: 1}}))
    assert caught.value.message.endswith(": " + reason[:said] + ("…" if length > said else ""))
    assert caught.value.details == reason


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_file_cut_short(share: float, tmp_path: Path) -> None:
    path = damaged(tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(StorageError, match="damaged"):
        checkpoint.load(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"none\.safetensors"):
        checkpoint.load(tmp_path / "none.safetensors")
