"""Other libraries' names of a Vision Transformer's tensors, as timm's. What timm itself converts is left to it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Naming:
    """How a library names tensors.

    Attributes:
        marks: Ends of names that only this library uses, each of which is there.
        rules: Pattern and replacement, applied to each name one after another.
    """

    library: str
    marks: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]


_START = r"(^|\.)"
_RELATIVE = r"(relative_position_(?:bias_table|index))$"
_HUGGING_FACE = Naming(
    "Hugging Face transformers",
    ("embeddings.patch_embeddings.projection.weight",),
    (
        (_START + r"embeddings\.(cls_token|mask_token)$", r"\1\2"),
        (_START + r"embeddings\.distillation_token$", r"\1dist_token"),
        (_START + r"embeddings\.position_embeddings$", r"\1pos_embed"),
        (_START + r"embeddings\.patch_embeddings\.projection\.", r"\1patch_embed.proj."),
        (_START + r"embeddings\.norm\.", r"\1patch_embed.norm."),  # Swin's
        (_START + r"encoder\.layers\.(\d+)\.(blocks|downsample)\.", r"\1layers.\2.\3."),
        (_START + r"(encoder\.layer|layers)\.(\d+)\.(?!blocks|downsample)", r"\1blocks.\3."),
        (_START + r"encoder\.(relative_position_bias\.)", r"\1shared_position_bias."),
        (_START + r"layernorm_before\.", r"\1norm1."),
        (_START + r"layernorm_after\.", r"\1norm2."),
        (_START + r"attention\.(?:attention\.|self\.)?(?:query|q_proj)\.", r"\1attn.q."),
        (_START + r"attention\.(?:attention\.|self\.)?(?:key|k_proj)\.", r"\1attn.k."),
        (_START + r"attention\.(?:attention\.|self\.)?(?:value|v_proj)\.", r"\1attn.v."),
        (_START + r"attention\.(?:output\.dense|o_proj)\.", r"\1attn.proj."),
        (_START + r"(?:attention\.)?(?:attention\.|self\.)?(?:relative_position_bias\.)?" + _RELATIVE, r"\1attn.\2"),
        (_START + r"shared_position_bias\.attn\.", r"\1shared_position_bias."),
        (_START + r"intermediate\.dense\.", r"\1mlp.fc1."),
        (_START + r"output\.dense\.", r"\1mlp.fc2."),
        (_START + r"lambda_([12])$", r"\1gamma_\2"),
        (_START + r"pooler\.layernorm\.", r"\1fc_norm."),  # BEiT's mean of the tokens
        (_START + r"layernorm\.", r"\1norm."),
        (_START + r"(?:cls_)?classifier\.", r"\1head."),
        (_START + r"distillation_classifier\.", r"\1head_dist."),
    ),
)
_MMPRETRAIN = Naming(
    "mmpretrain",
    ("patch_embed.projection.weight", "layers.0.ln1.weight"),
    (
        (_START + r"patch_embed\.projection\.", r"\1patch_embed.proj."),
        (r"^(?!head\.)(.*\.)?layers\.(\d+)\.(?=ln|attn|ffn|gamma)", r"\1blocks.\2."),
        (r"(blocks\.\d+)\.ln([12])\.", r"\1.norm\2."),
        (r"(blocks\.\d+)\.ffn\.layers\.0\.0\.", r"\1.mlp.fc1."),
        (r"(blocks\.\d+)\.ffn\.layers\.1\.", r"\1.mlp.fc2."),
        (r"(blocks\.\d+)\.(?:attn|ffn)\.gamma([12])\.weight$", r"\1.ls\2.gamma"),
        (r"^((?:.*\bbackbone\.)?)(?:ln1|norm1)\.(?=\w+$)", r"\1norm."),
        (r"^((?:.*\bbackbone\.)?)ln2\.(?=\w+$)", r"\1fc_norm."),
        (_START + r"head\.(?:layers\.)?(?:head|fc)\.", r"\1head."),
        (_START + r"head\.(?:layers\.)?head_dist\.", r"\1head_dist."),
    ),
)
_TORCHVISION = Naming(
    "torchvision",
    ("encoder.layers.encoder_layer_0.ln_1.weight",),
    (
        (_START + r"class_token$", r"\1cls_token"),
        (_START + r"conv_proj\.", r"\1patch_embed.proj."),
        (_START + r"encoder\.pos_embedding$", r"\1pos_embed"),
        (_START + r"encoder\.layers\.encoder_layer_(\d+)\.", r"\1blocks.\2."),
        (_START + r"ln_([12])\.", r"\1norm\2."),
        (_START + r"self_attention\.in_proj_(weight|bias)$", r"\1attn.qkv.\2"),
        (_START + r"self_attention\.out_proj\.", r"\1attn.proj."),
        (_START + r"mlp\.(?:linear_1|0)\.", r"\1mlp.fc1."),
        (_START + r"mlp\.(?:linear_2|3)\.", r"\1mlp.fc2."),
        (_START + r"encoder\.ln\.", r"\1norm."),
        (_START + r"heads\.head\.", r"\1head."),
    ),
)
NAMINGS = (_HUGGING_FACE, _MMPRETRAIN, _TORCHVISION)


def as_timm(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """``state`` under timm's names, and the library whose names it had; unchanged and empty where none is known."""
    naming = next((naming for naming in NAMINGS if _is(naming, state)), None)
    if naming is None:
        return dict(state), ""
    renamed = {_renamed(name, naming): tensor for name, tensor in state.items()}
    return _joined(_shared(renamed)), naming.library


def _is(naming: Naming, state: Mapping[str, Tensor]) -> bool:
    return all(any(name == mark or name.endswith(f".{mark}") for name in state) for mark in naming.marks)


def _renamed(name: str, naming: Naming) -> str:
    for pattern, replacement in naming.rules:
        name = re.sub(pattern, replacement, name)
    return name


_PART = re.compile(r"(.*\.attn)\.([qkv])\.(weight|bias)")


def _joined(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Query, key and value (channels, channels) one below another (3 · channels, channels), as timm computes them."""
    found: dict[str, Tensor] = {}
    parts: dict[tuple[str, str], dict[str, Tensor]] = {}
    for name, tensor in state.items():
        match = _PART.fullmatch(name)
        if match is None:
            found[name] = tensor
        else:
            parts.setdefault((match[1], match[3]), {})[match[2]] = tensor
    for (owner, leaf), three in parts.items():
        if set(three) == {"q", "k", "v"} and _go_together(three.values()):
            found[f"{owner}.qkv.{leaf}"] = torch.cat([three["q"], three["k"], three["v"]])
        elif leaf == "bias" and set(three) == {"q", "v"}:  # BEiT's keys have none
            found |= {f"{owner}.{part}_bias": tensor for part, tensor in three.items()}
        else:
            found |= {f"{owner}.{part}.{leaf}": tensor for part, tensor in three.items()}
    return found


def _go_together(parts: Collection[Tensor]) -> bool:
    return len(
        {(part.shape, part.dtype, part.device, part.layout, part.is_quantized) for part in parts}
    ) == 1 and not any(part.is_quantized or part.layout != torch.strided for part in parts)


_SHARED = re.compile(r"(.*\.)?shared_position_bias\.(relative_position_bias_table)")
_BLOCK = re.compile(r"((?:.*\.)?)(blocks\.\d+)\.norm1\.weight")


def _shared(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """BEiT's one table of relative positions, given to each block, as timm has it."""
    shared = [(name, match) for name in state if (match := _SHARED.fullmatch(name))]
    for name, match in shared:
        table = state.pop(name)
        blocks = [found[2] for other in state if (found := _BLOCK.fullmatch(other)) and found[1] == (match[1] or "")]
        state |= {f"{match[1] or ''}{block}.attn.{match[2]}": table for block in blocks}
    return state
