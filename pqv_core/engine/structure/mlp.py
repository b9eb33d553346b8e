"""Hidden widths: of MLPs, and of convolutional blocks that widen, filter and narrow again.

All of them stand between a first layer that makes the hidden channels and a last one that takes them. So one row a
class of timm says everything: which layer takes them. The dependency graph finds what lies between (depthwise
convolutions, norms, gates, squeeze-and-excitation).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import cast

from timm.layers.mlp import GluMlp
from torch import nn

from pqv_core.engine.structure.widths import Width

# Class, below ``timm``: the layer that takes the hidden channels.
ROWS: dict[str, str] = {
    "layers.mlp.Mlp": "fc2",
    "layers.mlp.GluMlp": "fc2",
    "layers.mlp.SwiGLU": "fc2",
    "layers.mlp.GlobalResponseNormMlp": "fc2",
    "layers.mlp.ConvMlp": "fc2",
    "models.byobnet.BottleneckBlock": "conv3_1x1.conv",
    "models.efficientformer.ConvMlpWithNorm": "fc2",
    "models.efficientformer_v2.ConvMlpWithNorm": "fc2.conv",
    "models.efficientvit_mit.ClassifierHead": "classifier.4",
    "models.efficientvit_mit.MBConv": "point_conv.conv",
    "models.efficientvit_mit.FusedMBConv": "point_conv.conv",
    "models.efficientvit_msra.ConvMlp": "pw2.conv",
    "models.fastvit.ConvMlp": "fc2",
    "models.iformer.ConvBlock": "mixer.module.3.c",
    "models.iformer.FFN": "mixer.module.2.c",
    "models.levit.LevitMlp": "ln2.linear",
    "models.maxxvit.MbConvBlock": "conv3_1x1",
    "models.metaformer.MlpHead": "fc2",
    "models.pvt_v2.MlpWithDepthwiseConv": "fc2",
    "models.repvit.RepVitMlp": "conv2.c",
    "models.shvit.FFN": "pw2.c",
    "models.swiftformer.ConvEncoder": "pwconv2",
    "models.swiftformer.Mlp": "fc2",
    "models.tiny_vit.MBConv": "conv3.conv",
    "models.tiny_vit.NormMlp": "fc2",
    "models.visformer.SpatialMlp": "conv3",
    "models.vitamin.GeGluMlp": "w2",
}

# Small ones that see no image, or one token of it: attention pooling, and what turns positions into biases.
_LEFT_OUT = {"attn_pool", "meta_mlp", "rel_pos", "shared_rel_pos"}


def widths(model: nn.Module) -> Iterator[Width]:
    """The hidden widths of a model's blocks."""
    for name, module in model.named_modules():
        if not _LEFT_OUT.isdisjoint(name.split(".")):
            continue
        kind = type(module)
        path = ROWS.get(f"{kind.__module__.removeprefix('timm.')}.{kind.__name__}")
        if path is not None:
            yield from _hidden(name, module, path)


def _hidden(name: str, module: nn.Module, path: str) -> Iterator[Width]:
    last = module.get_submodule(path)
    if not isinstance(last, nn.Linear | nn.Conv2d):
        return  # left out in this variant
    channels = last.in_features if isinstance(last, nn.Linear) else last.in_channels
    packed = isinstance(module, GluMlp)  # one layer gives gates and values, one after the other
    first = cast(nn.Linear | nn.Conv2d, module.fc1) if packed else None
    yield Width(
        kind="mlp",
        name=f"{name}.{path}",
        scope=module,
        root=last,
        side="in",
        channels=channels,
        separate=(first,) if first is not None else (),
        after=partial(_narrow_packed, first, channels) if first is not None else lambda cut: None,
    )


def _narrow_packed(layer: nn.Linear | nn.Conv2d, hidden: int, cut: list[int]) -> None:
    """Cut the same channels of both halves of a gated MLP's first layer."""
    gone = set(cut)
    remaining = [half + index for half in (0, hidden) for index in range(hidden) if index not in gone]
    layer.weight = nn.Parameter(layer.weight.data[remaining].clone())
    if layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias.data[remaining].clone())
    if isinstance(layer, nn.Linear):
        layer.out_features = len(remaining)
    else:
        layer.out_channels = len(remaining)
