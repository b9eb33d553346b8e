"""Names of other libraries: each test writes a checkpoint as that library names it, from a model of timm.

The tables here were written from the files of transformers 4 and 5, mmpretrain 1.2 and torchvision 0.27, and not from
the rules under test. Against transformers 5.24 itself, random models of these kinds answered as timm's to 1e-6.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from pqv_core.engine.weights import fitting
from tests.fakes.training import Recorder

SHAPE: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 3}
SWIN: dict[str, Any] = {"img_size": 64, "embed_dim": 16, "depths": (1, 1), "num_heads": (1, 2), "window_size": 4}

# By timm's name with {} for the number of a block; "/" stands between the names of query, key and value.
TRANSFORMERS_4 = {
    "cls_token": "vit.embeddings.cls_token",
    "dist_token": "vit.embeddings.distillation_token",
    "pos_embed": "vit.embeddings.position_embeddings",
    "patch_embed.proj": "vit.embeddings.patch_embeddings.projection",
    "blocks.{}.norm1": "vit.encoder.layer.{}.layernorm_before",
    "blocks.{}.attn.qkv": "vit.encoder.layer.{}.attention.attention.query/key/value",
    "blocks.{}.attn.q_bias": "vit.encoder.layer.{}.attention.attention.query.bias",
    "blocks.{}.attn.v_bias": "vit.encoder.layer.{}.attention.attention.value.bias",
    "blocks.{}.attn.relative_position_bias_table": (
        "vit.encoder.layer.{}.attention.attention.relative_position_bias.relative_position_bias_table"
    ),
    "blocks.{}.attn.proj": "vit.encoder.layer.{}.attention.output.dense",
    "blocks.{}.gamma_1": "vit.encoder.layer.{}.lambda_1",
    "blocks.{}.gamma_2": "vit.encoder.layer.{}.lambda_2",
    "blocks.{}.norm2": "vit.encoder.layer.{}.layernorm_after",
    "blocks.{}.mlp.fc1": "vit.encoder.layer.{}.intermediate.dense",
    "blocks.{}.mlp.fc2": "vit.encoder.layer.{}.output.dense",
    "norm": "vit.layernorm",
    "fc_norm": "vit.pooler.layernorm",
    "head": "classifier",
    "head_dist": "distillation_classifier",
}
TRANSFORMERS_5 = TRANSFORMERS_4 | {
    "blocks.{}.norm1": "vit.layers.{}.layernorm_before",
    "blocks.{}.attn.qkv": "vit.layers.{}.attention.q_proj/k_proj/v_proj",
    "blocks.{}.attn.proj": "vit.layers.{}.attention.o_proj",
    "blocks.{}.norm2": "vit.layers.{}.layernorm_after",
    "blocks.{}.mlp.fc1": "vit.layers.{}.mlp.fc1",
    "blocks.{}.mlp.fc2": "vit.layers.{}.mlp.fc2",
}
MMPRETRAIN = {
    "cls_token": "backbone.cls_token",
    "pos_embed": "backbone.pos_embed",
    "patch_embed.proj": "backbone.patch_embed.projection",
    "blocks.{}.norm1": "backbone.layers.{}.ln1",
    "blocks.{}.attn.qkv": "backbone.layers.{}.attn.qkv",
    "blocks.{}.attn.proj": "backbone.layers.{}.attn.proj",
    "blocks.{}.norm2": "backbone.layers.{}.ln2",
    "blocks.{}.mlp.fc1": "backbone.layers.{}.ffn.layers.0.0",
    "blocks.{}.mlp.fc2": "backbone.layers.{}.ffn.layers.1",
    "norm": "backbone.ln1",
    "head": "head.layers.head",
}
TORCHVISION = {
    "cls_token": "class_token",
    "pos_embed": "encoder.pos_embedding",
    "patch_embed.proj": "conv_proj",
    "blocks.{}.norm1": "encoder.layers.encoder_layer_{}.ln_1",
    "blocks.{}.attn.qkv.weight": "encoder.layers.encoder_layer_{}.self_attention.in_proj_weight",
    "blocks.{}.attn.qkv.bias": "encoder.layers.encoder_layer_{}.self_attention.in_proj_bias",
    "blocks.{}.attn.proj": "encoder.layers.encoder_layer_{}.self_attention.out_proj",
    "blocks.{}.norm2": "encoder.layers.encoder_layer_{}.ln_2",
    "blocks.{}.mlp.fc1": "encoder.layers.encoder_layer_{}.mlp.0",
    "blocks.{}.mlp.fc2": "encoder.layers.encoder_layer_{}.mlp.3",
    "norm": "encoder.ln",
    "head": "heads.head",
}
DEIT_3 = {"blocks.{}.ls1.gamma": "blocks.{}.gamma_1", "blocks.{}.ls2.gamma": "blocks.{}.gamma_2"}
HUGGING_FACE_SWIN = {
    "patch_embed.proj": "swin.embeddings.patch_embeddings.projection",
    "patch_embed.norm": "swin.embeddings.norm",
    "layers.{}.blocks.0.norm1": "swin.encoder.layers.{}.blocks.0.layernorm_before",
    "layers.{}.blocks.0.norm2": "swin.encoder.layers.{}.blocks.0.layernorm_after",
    "layers.{}.blocks.0.attn.qkv": "swin.encoder.layers.{}.blocks.0.attention.self.query/key/value",
    "layers.{}.blocks.0.attn.relative_position_bias_table": (
        "swin.encoder.layers.{}.blocks.0.attention.self.relative_position_bias_table"
    ),
    "layers.{}.blocks.0.attn.proj": "swin.encoder.layers.{}.blocks.0.attention.output.dense",
    "layers.{}.blocks.0.mlp.fc1": "swin.encoder.layers.{}.blocks.0.intermediate.dense",
    "layers.{}.blocks.0.mlp.fc2": "swin.encoder.layers.{}.blocks.0.output.dense",
    "layers.1.downsample.norm": "swin.encoder.layers.0.downsample.norm",  # it ends a stage there, and begins one here
    "layers.1.downsample.reduction": "swin.encoder.layers.0.downsample.reduction",
    "norm": "swin.layernorm",
    "head.fc": "classifier",
}


def filled(name: str, **arguments: Any) -> nn.Module:
    """A model in which no two tensors are alike."""
    torch.manual_seed(3)
    model: nn.Module = timm.create_model(name, **arguments)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model


def named(state: Mapping[str, Tensor], table: Mapping[str, str]) -> dict[str, Tensor]:
    """``state`` under another library's names; what the table does not name keeps its own."""
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        number = next((part for part in name.split(".") if part.isdigit()), "")
        general = name.replace(f".{number}.", ".{}.", 1)
        owner, _, leaf = general.rpartition(".")
        other = table.get(name) or table.get(general)
        own_owner = name.rpartition(".")[0]
        if other is None and (own_owner in table or owner in table):
            other = f"{table.get(own_owner) or table[owner]}.{leaf}"
        parts = (other or name).format(number).split("/")
        if len(parts) == 1:
            found[parts[0]] = tensor
            continue
        first, second, (third, _, leaf) = parts[0], parts[1], parts[2].rpartition(".")
        beginning = first.rpartition(".")[0]
        for part, value in zip((first, f"{beginning}.{second}", f"{beginning}.{third}"), tensor.chunk(3), strict=True):
            found[f"{part}.{leaf}"] = value
    return found


CASES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "ViT of transformers 4": ("vit_tiny_patch16_224", SHAPE, TRANSFORMERS_4),
    "ViT of transformers 5": ("vit_tiny_patch16_224", SHAPE, TRANSFORMERS_5),
    "DeiT, distilled": (
        "deit_tiny_distilled_patch16_224",
        SHAPE,
        TRANSFORMERS_4 | {"head": "cls_classifier"},
    ),
    "BEiT": ("beit_base_patch16_224", SHAPE, TRANSFORMERS_4),
    "Swin": ("swin_tiny_patch4_window7_224", SWIN | {"num_classes": 3}, HUGGING_FACE_SWIN),
    "mmpretrain's ViT": ("vit_tiny_patch16_224", SHAPE, MMPRETRAIN),
    "torchvision's ViT": ("vit_tiny_patch16_224", SHAPE, TORCHVISION),
    "DeiT III's own": ("deit3_small_patch16_224", SHAPE, DEIT_3),
}


def loaded(content: Any, name: str, **arguments: Any) -> tuple[nn.Module, Recorder]:
    model: nn.Module = timm.create_model(name, **arguments)
    recorder = Recorder()
    fitting.put(content, model, path=Path("a.pth"), context=recorder.context)
    return model, recorder


@pytest.mark.parametrize(("name", "arguments", "table"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("prefix", ["", "model."])
def test_the_names_of_other_libraries(name: str, arguments: dict[str, Any], table: dict[str, str], prefix: str) -> None:
    original = filled(name, **arguments)
    state = named(original.state_dict(), table)
    assert state.keys() != original.state_dict().keys()
    content = {f"{prefix}{key}": tensor for key, tensor in state.items()}
    model, recorder = loaded({"state_dict": content, "meta": {}}, name, **arguments)
    for key, tensor in original.state_dict().items():
        assert torch.equal(model.state_dict()[key], tensor), key
    assert recorder.context.warnings == []


def test_one_table_of_relative_positions_for_all_blocks() -> None:
    """BEiT as it was pretrained shares one."""
    original = filled("beit_base_patch16_224", **SHAPE)
    state = named(original.state_dict(), TRANSFORMERS_4)
    tables = [key for key in state if key.endswith("relative_position_bias_table")]
    shared = state[tables[0]]
    content = {key: tensor for key, tensor in state.items() if key not in tables}
    content["vit.encoder.relative_position_bias.relative_position_bias_table"] = shared
    model, _ = loaded(content, "beit_base_patch16_224", **SHAPE)
    for block in range(2):
        found = model.state_dict()[f"blocks.{block}.attn.relative_position_bias_table"]
        assert torch.equal(found, shared)


def test_a_pooler_is_left_over_with_a_word() -> None:
    original = filled("vit_tiny_patch16_224", **SHAPE)
    content = named(original.state_dict(), TRANSFORMERS_4) | {"vit.pooler.dense.weight": torch.ones(32, 32)}
    model, recorder = loaded(content, "vit_tiny_patch16_224", **SHAPE)
    assert torch.equal(model.state_dict()["head.weight"], original.state_dict()["head.weight"])
    [warning] = recorder.context.warnings
    assert "pooler.dense.weight" in warning


def test_another_size_is_adapted_under_other_names_too() -> None:
    original = filled("vit_tiny_patch16_224", **SHAPE | {"img_size": 64})
    model, _ = loaded(named(original.state_dict(), TRANSFORMERS_4), "vit_tiny_patch16_224", **SHAPE)
    assert model.state_dict()["pos_embed"].shape == (1, 17, 32)
    assert torch.equal(model.state_dict()["head.weight"], original.state_dict()["head.weight"])
