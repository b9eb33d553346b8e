"""List timm's transformer-family models in ``resources/catalog.json``: ``python -m scripts.make_catalog``.

Models are made on the meta device, so nothing is computed and nothing downloaded; multiply-accumulates are counted
from the shapes alone. The sizes of a plain ViT are kept only when ``pqv_core.models.vit_shape`` gives exactly its
parameters; then its multiply-accumulates come from there, too (a test compares them with counted ones). Takes some
minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import dataclasses
import json
import multiprocessing
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import timm
import torch
from timm.layers import GluMlp, Mlp, PatchEmbed, SwiGLU, set_fused_attn
from timm.layers.attention import Attention
from timm.layers.attention_pool import AttentionPoolLatent
from timm.models import VisionTransformer, get_pretrained_cfg, is_model_pretrained
from timm.models._registry import _model_to_module
from timm.models.vision_transformer import Block, ParallelThingsBlock, ResPostBlock
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pqv_core.engine import structure
from pqv_core.engine.prune.dependencies import known_group
from pqv_core.engine.structure import attention as attentions
from pqv_core.engine.structure import mlp as mlps
from pqv_core.engine.transforms.patches import is_patch_embedding
from pqv_core.models.vit_shape import VitShape
from pqv_core.process import owner
from scripts import file_contents

OUTPUT = Path(__file__).resolve().parents[1] / "resources" / "catalog.json"

FAMILIES = {
    "beit": "BEiT", "cait": "CaiT", "coat": "CoaT", "convit": "ConViT", "cpubone": "CPUBone", "crossvit": "CrossViT",
    "csatv2": "CSATv2", "davit": "DaViT", "deepseek_vit": "DeepSeek ViT", "deit": "DeiT", "edgenext": "EdgeNeXt",
    "efficientformer": "EfficientFormer", "efficientformer_v2": "EfficientFormer V2",
    "efficientvit_mit": "EfficientViT (MIT)", "efficientvit_msra": "EfficientViT (MSRA)", "eva": "EVA",
    "fastvit": "FastViT", "focalnet": "FocalNet", "gcvit": "GCViT", "gemma4_vit": "Gemma 4 ViT", "hiera": "Hiera",
    "hieradet_sam2": "Hiera SAM 2", "iformer": "iFormer", "levit": "LeViT", "lowformer": "LowFormer",
    "maxxvit": "MaxViT / CoAtNet", "metaformer": "MetaFormer", "mlp_mixer": "MLP-Mixer", "mobilevit": "MobileViT",
    "mvitv2": "MViTv2", "naflexvit": "NaFlexViT", "nest": "NesT", "nextvit": "Next-ViT", "pit": "PiT",
    "pvt_v2": "PVT v2", "qwen3_vit": "Qwen3 ViT", "repvit": "RepViT", "sequencer": "Sequencer", "shvit": "SHViT",
    "swiftformer": "SwiftFormer", "swin_transformer": "Swin", "swin_transformer_v2": "Swin V2",
    "swin_transformer_v2_cr": "Swin V2 CR", "tiny_vit": "TinyViT", "tnt": "TNT", "twins": "Twins",
    "visformer": "Visformer", "vision_transformer": "ViT", "vision_transformer_hybrid": "ViT hybrid",
    "vision_transformer_relpos": "ViT relative position", "vision_transformer_sam": "ViT SAM", "vitamin": "ViTamin",
    "volo": "VOLO", "xcit": "XCiT",
}  # fmt: skip
"""By timm's module."""


_MODELS_WITH_TAGS: dict[str, list[str]] = {}
for _full in timm.list_models(pretrained=True):
    _MODELS_WITH_TAGS.setdefault(_full.partition(".")[0], []).append(_full)


def main() -> None:
    """Describe every model, or those that are asked for, and write the file."""
    parser = argparse.ArgumentParser(prog="python -m scripts.make_catalog", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="MODULE", help="timm's modules (maxxvit); others stay")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    arguments = parser.parse_args()
    only = arguments.only
    known = {entry["name"]: entry for entry in json.loads(OUTPUT.read_bytes())["models"]} if only else {}
    names = [name for name in timm.list_models() if _model_to_module[name] in FAMILIES]
    entries = [known.get(name) if _model_to_module[name] not in only else None for name in names]
    missing = [place for place, entry in enumerate(entries) if entry is None]
    processes = multiprocessing.get_context("spawn")
    with processes.Pool(arguments.jobs, initializer=prepare) as pool:
        made = pool.imap(describe, [names[place] for place in missing])
        for done, (place, entry) in enumerate(zip(missing, made, strict=True), 1):
            entries[place] = entry
            print(f"\r{done}/{len(missing)} {names[place]:60}", end="", file=sys.stderr, flush=True)
    print(f"\n{len(entries)} models, {sum('vit' in entry for entry in entries if entry)} plain ViTs", file=sys.stderr)
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    OUTPUT.write_text(f'{{"timm":"{timm.__version__}","models":[\n{lines}\n]}}\n', encoding="utf-8")


def prepare() -> None:
    """Make a process ready to describe models."""
    owner.end_with_parent()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    set_fused_attn(False)  # so that the products of attention are counted


def describe(name: str) -> dict[str, Any]:
    """One model's entry; what is usual is left out (see ``pqv_core.models.catalog``)."""
    with torch.device("meta"), without_initial_values():
        model = timm.create_model(name).eval().requires_grad_(False)
    cfg = get_pretrained_cfg(name)
    size = input_size(model, cfg)
    params = sum(parameter.numel() for parameter in model.parameters())
    shape = vit_shape(model, size)
    if shape and (shape.cost().params != params or quantized(shape) != linear(model)):
        print(f"\n{name}: {shape.cost().params} is not {params}, {shape}", file=sys.stderr)
        shape = None
    stored = None if shape else contents(model, size)
    counted = {} if shape else macs(model, size)
    entry: dict[str, Any] = {
        "name": name,
        "family": family(name),
        "architecture": type(model).__name__,
        "params": params,
        "macs": shape.cost().macs if shape else counted.get("Global"),
        "input": list(size),
        "classes": model.num_classes,
        "linear": linear(model),
    }
    if is_model_pretrained(name):
        entry |= {"hub": cfg.hf_hub_id, "licence": cfg.license or "", "tags": tags(name)}
    if shape:
        entry["vit"] = compact(shape)
    else:
        entry |= {"cuts": cuts(model, counted), "features": features(model), "convs": convolved(model)}
        if stored:
            entry["contents"] = stored
    if not shape or shape.stem_params:
        entry["channel"] = channel(model, cfg, counted or macs(model, size))
    if why_not := {kind: why for kind, why in structure.supported(model).items() if why}:
        entry["uncut"] = why_not
    return entry


@contextlib.contextmanager
def without_initial_values() -> Iterator[None]:
    """Leave out the drawing of weights, which takes most of the time of making a model that has none."""
    names = ("uniform_", "normal_", "erfinv_", "clamp_", "mul_", "add_", "zero_", "fill_")
    kept = {name: getattr(torch.Tensor, name) for name in names}
    for name in names:
        setattr(torch.Tensor, name, lambda tensor, *_args, **_kwargs: tensor)
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(torch.Tensor, name, method)


def family(name: str) -> str:
    """The family's name for a person."""
    module = _model_to_module[name]
    if module == "deit" and name.startswith("deit3"):
        return "DeiT III"
    return FAMILIES[module]


def tags(name: str) -> dict[str, list[int]]:
    """Published weights, the default first: tag → classes and input size."""
    found = {}
    default = get_pretrained_cfg(name).tag
    for full in sorted(_MODELS_WITH_TAGS[name], key=lambda full: full != f"{name}.{default}"):
        cfg = get_pretrained_cfg(full)
        found[full.removeprefix(f"{name}.")] = [cfg.num_classes, cfg.input_size[-1]]
    return found


def input_size(model: nn.Module, cfg: Any) -> tuple[int, int, int]:
    """Channels, height and width that the model is made for."""
    embed = getattr(model, "patch_embed", None)
    size = getattr(embed, "img_size", None) or cfg.input_size[1:]
    return (cfg.input_size[0], *size)


def linear(model: nn.Module) -> list[int]:
    """Of the layers that quantization packs: weights, output channels, number."""
    layers: list[Any] = [layer for layer in model.modules() if type(layer) is nn.Linear or is_patch_embedding(layer)]
    return [sum(layer.weight.numel() for layer in layers), sum(len(layer.weight) for layer in layers), len(layers)]


def convolved(model: nn.Module) -> int:
    """Weights of convolutions that fp16 halves and int8 leaves."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d) and not is_patch_embedding(layer)]
    return sum(layer.weight.numel() for layer in layers if type(layer).forward is nn.Conv2d.forward)


def channel(model: nn.Module, cfg: Any, counted: dict[str, int]) -> list[int]:
    """What each channel of the input costs: parameters, linear weights, multiply-accumulates, convolutions' weights."""
    names = (cfg.first_conv,) if isinstance(cfg.first_conv, str) else cfg.first_conv or ()
    costs = Costs(model, counted)
    found = [0, 0, 0, 0]
    for layer in map(model.get_submodule, names):
        _, packed, _, _, work, halved = costs.of([layer])
        weights = layer.get_parameter("weight").numel()
        found = [
            one + more // cfg.input_size[0] for one, more in zip(found, (weights, packed, work, halved), strict=True)
        ]
    return found


def cuts(model: nn.Module, counted: dict[str, int]) -> list[list[int | str]]:
    """What can be cut, equal ones together: kind, channels, heads, what it costs in all, and how many there are."""
    found: Counter[tuple[int | str, ...]] = Counter()
    costs = Costs(model, counted)
    for width in mlps.widths(model):
        found["mlp", width.channels, 1, *costs.of(of_width(width))] += 1
    for heads in attentions.attentions(model):
        width = heads.width(heads.units[0])
        name = "attention" if len(heads.units) > 1 else f"attention {heads.units[0]}"
        found[name, width.channels, width.heads, *costs.of_heads(heads, width)] += 1
    return [[*row, count] for row, count in found.items()]


class Costs:
    """Parameters; of linear layers weights, outputs and their number; multiply-accumulates; convolutions' weights."""

    def __init__(self, model: nn.Module, counted: dict[str, int]) -> None:
        self._names = {id(module): name for name, module in model.named_modules()}
        self._kind, self._counted = type(model).__name__, counted

    def of(self, parts: list[nn.Module]) -> list[int]:
        """All of some layers."""
        params = sum(parameter.numel() for part in parts for parameter in part.parameters())
        packed = [sum(figures) for figures in zip(*(linear(part) for part in parts), strict=True)]
        return [params, *packed, sum(map(self._macs, parts)), sum(map(convolved, parts))]

    def of_heads(self, heads: attentions.Heads, width: structure.Width) -> list[int]:
        """What of an attention goes with its heads: rows, columns, and the products of the heads themselves."""
        params = sum(table.numel() for table in heads.tables) if heads.units == ("heads",) else 0
        packed, outputs, halved = 0, 0, 0
        for part in width.parts:
            layer: Any = part.layer
            bias = getattr(layer, "bias", None)
            params += layer.weight.numel() + (len(bias) if bias is not None and part.side == "out" else 0)
            packed += layer.weight.numel() * (type(layer) is nn.Linear)
            outputs += len(layer.weight) * (type(layer) is nn.Linear and part.side == "out")
            halved += convolved(layer)
        own = self._macs(width.scope) - sum(map(self._macs, width.scope.children()))
        return [params, packed, outputs, 0, own + sum(self._macs(part.layer) for part in width.parts), halved]

    def _macs(self, part: nn.Module) -> int:
        return self._counted.get(f"{self._kind}.{self._names[id(part)]}", 0)


def of_width(width: structure.Width) -> list[nn.Module]:
    """The layers that make, change or take the channels of a width (or gates and values of so many)."""
    found: list[nn.Module] = []
    channels = width.channels
    for module in width.scope.modules():
        dense = isinstance(module, nn.Conv2d) and module.in_channels == module.out_channels == channels > module.groups
        if dense and module is not width.root:
            found = []  # it makes new channels of the others, which stay
        sizes = {size for parameter in module.parameters(recurse=False) for size in parameter.shape[:2]}
        if sizes & {channels, 2 * channels}:
            found.append(module)
    return found


def features(model: Any) -> int:
    """Inputs of all classifiers together."""
    classifiers = model.get_classifier() if hasattr(model, "get_classifier") else ()
    layers = classifiers if isinstance(classifiers, tuple) else (classifiers,)
    return sum(layer.in_features for layer in layers if isinstance(layer, nn.Linear))


def macs(model: nn.Module, size: tuple[int, int, int]) -> dict[str, int]:
    """Multiply-accumulates at batch 1 of every module, by its name after the model's class, and of all (Global)."""
    counter = FlopCounterMode(display=False)
    try:
        with counter, torch.no_grad():
            model(torch.empty(1, *size, device="meta"))
    except (RuntimeError, NotImplementedError, ValueError) as error:
        print(f"\nnot counted on the meta device: {error}"[:200], file=sys.stderr)
        return {}
    return {name: sum(operators.values()) // 2 for name, operators in counter.get_flop_counts().items()}


def contents(model: nn.Module, size: tuple[int, int, int]) -> list[int] | None:
    """What files hold besides parameters and how much of it goes with the heads, or None where it cannot be counted."""
    try:
        found = file_contents.contents(model, size)
        if not any(heads.tables for heads in attentions.attentions(model)):
            return found
        pruned, share = with_fewer_heads(model)
        return found + [
            round((before - after) / share) if share else 0
            for before, after in zip(found[:3], file_contents.contents(pruned, size)[:3], strict=True)
        ]
    except (RuntimeError, NotImplementedError, ValueError):
        return None


def with_fewer_heads(model: nn.Module) -> tuple[nn.Module, float]:
    """A copy without half of its heads, and the share of all of them that is gone."""
    pruned = copy.deepcopy(model)
    total, gone = 0, 0
    for width in attentions.widths(pruned, "heads"):
        total += width.heads
        if width.unit == "heads" and width.heads > 1:
            cut = list(range(width.heads // 2 * (width.channels // width.heads)))
            known_group(width.parts, cut).prune(record_history=False)
            width.after(cut)
            gone += width.heads // 2
    return pruned, gone / max(total, 1)


def vit_shape(model: nn.Module, size: tuple[int, int, int]) -> VitShape | None:
    """The sizes of a plain ViT, or None when the model is another one."""
    if not isinstance(model, VisionTransformer):
        return None
    block: Any = model.blocks[0]
    pool: Any = model.attn_pool
    parallel = 1
    if type(block) is ParallelThingsBlock:
        parallel, attn, mlp = block.num_parallel, block.attns[0].attn, block.ffns[0].mlp
        norm, scale = block.attns[0].norm, block.attns[0].ls
    elif type(block) in (Block, ResPostBlock):
        attn, mlp, norm = block.attn, block.mlp, block.norm1
        scale = getattr(block, "ls1", nn.Identity())
    else:
        return None
    kinds = type(attn) is Attention and type(mlp) in (Mlp, SwiGLU, GluMlp)
    if not kinds or type(pool) not in (type(None), AttentionPoolLatent) or attn.gate is not None:
        return None
    embed: Any = model.patch_embed
    stem = None if type(embed) is PatchEmbed else getattr(embed, "backbone", None)
    projection: Any = embed.proj
    if not isinstance(projection, nn.Conv2d):
        return None
    outer_norms = [getattr(embed, "norm", nn.Identity()), model.norm_pre, model.norm, model.fc_norm]
    count = model.num_prefix_tokens
    positions = model.pos_embed.shape[1] - embed.num_patches if model.pos_embed is not None else 0
    return VitShape(
        image=(size[1], size[2]),
        patch=(size[1] // embed.grid_size[0], size[2] // embed.grid_size[1]),
        patch_inputs=projection.weight[0].numel(),
        embed=model.embed_dim,
        depth=len(model.blocks),
        heads=attn.num_heads,
        head_dim=attn.head_dim,
        hidden=mlp.fc2.in_features,
        gates=1 if isinstance(mlp, Mlp) else 2,
        packed_gates=isinstance(mlp, GluMlp),
        parallel=parallel,
        prefix=count,
        position=model.pos_embed is not None,
        position_prefix=positions,
        classes=model.num_classes if isinstance(model.head, nn.Linear) else 0,
        classifiers=2 if hasattr(model, "head_dist") else 1,
        norm_affine=len(list(norm.parameters())),
        outer_norms=sum(not isinstance(norm, nn.Identity) for norm in outer_norms),
        patch_bias=projection.bias is not None,
        patch_is_linear=is_patch_embedding(projection),
        qkv_bias=attn.qkv.bias is not None,
        out_bias=attn.proj.bias is not None,
        qk_norm=not isinstance(attn.q_norm, nn.Identity),
        attention_norm=not isinstance(attn.norm, nn.Identity),
        hidden_norm=not isinstance(mlp.norm, nn.Identity),
        layer_scale=not isinstance(scale, nn.Identity),
        pool_hidden=pool.mlp.fc1.out_features if pool is not None else 0,
        stem_params=sum(parameter.numel() for parameter in stem.parameters()) if stem is not None else 0,
        stem_macs=macs(stem, size)["Global"] if stem is not None else 0,
    )


def quantized(shape: VitShape) -> list[int]:
    """The same figures as ``linear``, from the sizes."""
    cost = shape.cost()
    return [cost.linear_weights, cost.linear_outputs, cost.linears]


def compact(shape: VitShape) -> dict[str, Any]:
    """The fields that differ from their defaults."""
    return {
        field.name: value
        for field in dataclasses.fields(shape)
        if (value := getattr(shape, field.name)) != field.default
    }


if __name__ == "__main__":
    main()
