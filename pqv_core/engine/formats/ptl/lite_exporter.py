"""PyTorch Lite files: how one is written for this computer or for Android's runtime."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from pqv_core.config.export import engine_problem
from pqv_core.engine.formats.exporter import Exporter, Way
from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.formats.ptl.attention_bf16 import multiplies_bf16
from pqv_core.engine.formats.ptl.lite_writer import Passes
from pqv_core.engine.quantize.engines import candidate_engines
from pqv_core.engine.transforms.class_token import leave_out_unread_tokens
from pqv_core.results.artifacts import ArtifactSpec
from pqv_core.schemes import SCHEMES

# Android cannot be asked here, so nothing is chosen by measuring: XNNPACK's prepacked layers, which the runtime for
# phones would otherwise pack anew at each call.
_FP32: dict[str, tuple[Passes, ...]] = {"android": ("mobile",), "host": ("freeze", "mobile-no-prepack")}


class LiteExporter(Exporter):
    """The only place that knows the passes of a ``.ptl``."""

    key = "ptl"

    def prepare(self, model: nn.Module, spec: ArtifactSpec) -> nn.Module:
        """As ``Exporter.prepare``. The paper's baseline is written as it is."""
        made = copy.deepcopy(model) if self._is_host else without_fused_attention(model)
        return made if spec.is_published else leave_out_unread_tokens(made)

    def ways(self, model: nn.Module, spec: ArtifactSpec) -> tuple[Way, ...]:
        """As ``Exporter.ways``. Every file is frozen, but fp32 ones for XNNPACK."""
        if spec.is_published:
            return (Way("mobile"),)
        scheme = SCHEMES[spec.scheme]
        if scheme.is_exact:
            return tuple(Way(passes) for passes in _FP32[self.config.export.target])
        if not scheme.has_quantized_layers:
            return (Way("freeze"),)
        return tuple(Way(passes, engine) for passes in self._int8_passes(model) for engine in self._engines())

    def write(self, model: nn.Module, path: Path, *, passes: str, example: Tensor, description: dict[str, Any]) -> None:
        """As ``Exporter.write``. Files for Linux keep glibc's heap, which Android has not."""
        keep = self._is_host and sys.platform == "linux"
        lite_writer.save(
            model, path, example=example, passes=cast(Passes, passes), description=description, keep_heap=keep
        )

    @property
    def _is_host(self) -> bool:
        return self.config.export.target == "host"

    def _engines(self) -> tuple[str, ...]:
        wanted = self.config.quantize.engine
        if self._is_host:
            return candidate_engines(wanted)
        if problem := engine_problem(wanted, self.config.export.target, format=self.key):
            raise problem
        return candidate_engines("qnnpack")

    def _int8_passes(self, model: nn.Module) -> tuple[Passes, ...]:
        fused = any(_is_fused(module) for module in model.modules())
        return ("freeze", "freeze-bf16") if self._is_host and multiplies_bf16() and fused else ("freeze",)


def without_fused_attention(model: nn.Module) -> nn.Module:
    """A copy whose attention is written out in products and a softmax.

    Runtimes before PyTorch 2.0 do not know ``scaled_dot_product_attention``; timm's layers carry a flag for it.
    """
    plain = copy.deepcopy(model)
    for module in plain.modules():
        if _is_fused(module):
            module.fused_attn = False  # type: ignore[assignment]  # timm's flag is a plain bool
    return plain


def _is_fused(module: nn.Module) -> bool:
    return bool(getattr(module, "fused_attn", False))
