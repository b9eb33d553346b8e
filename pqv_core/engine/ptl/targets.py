"""What differs between the places where a file will run: passes, engines, the operators that are known there."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from pqv_core.config import ExportConfig
from pqv_core.config.base import unknown
from pqv_core.config.export import TARGETS, engine_problem
from pqv_core.config.quantize import Engine
from pqv_core.engine.ptl.attention_bf16 import multiplies_bf16
from pqv_core.engine.ptl.engines import candidate_engines
from pqv_core.engine.ptl.write import Passes
from pqv_core.errors import ExportError
from pqv_core.ptl import android_runtime
from pqv_core.ptl import file as ptl
from pqv_core.ptl.android_runtime import Runtime

# Where it will run cannot be asked here, so nothing is chosen by measuring: XNNPACK's prepacked layers, which the
# runtime for phones would otherwise pack anew at each call.
_ANDROID_FP32: tuple[Passes, ...] = ("mobile",)
_HOST_FP32: tuple[Passes, ...] = ("freeze", "mobile-no-prepack")


@dataclass(frozen=True)
class Target:
    """How files for one place are made.

    Attributes:
        name: ``host`` or ``android``.
        fp32_passes: Candidates for the fastest fp32 file; of several, the one that measures best is taken.
        prepare: Gives a copy of the model that uses only what is known there.
        runtime: What every file is checked against; None where this computer loads it anyhow.
        bf16: Whether attention may be computed in bfloat16.
        keeps_heap: Whether files keep the heap of glibc, which Linux has and Android has not.
    """

    name: str
    fp32_passes: tuple[Passes, ...]
    prepare: Callable[[nn.Module], nn.Module]
    runtime: Runtime | None = None
    bf16: bool = False
    keeps_heap: bool = False

    def engines(self, engine: Engine) -> tuple[str, ...]:
        """The engines to try for quantized layers; of several, the fastest is taken.

        Raises:
            ConfigError: The engine does not run there.
            QuantizeError: This computer lacks it, so that nothing could be checked.
        """
        if self.runtime is None:
            return candidate_engines(engine)
        if problem := engine_problem(engine, "android"):
            raise problem
        return candidate_engines("qnnpack")

    def int8_passes(self, model: nn.Module) -> tuple[Passes, ...]:
        """Candidates for the int8 file of a model; of several, the one that measures best is taken."""
        fused = any(_is_fused(module) for module in model.modules())
        return ("freeze", "freeze-bf16") if self.bf16 and fused else ("freeze",)

    def check(self, path: Path) -> None:
        """Refuse a file that the target cannot run.

        Raises:
            ExportError: Names everything that stands in the way.
        """
        found = list(android_runtime.problems(ptl.read(path), self.runtime)) if self.runtime else []
        if found:
            raise ExportError(
                " ".join(problem for problem, _ in found),
                action="Choose another model, or this computer as the target.",
            )


def target(config: ExportConfig) -> Target:
    """How files are made for the target of ``config``.

    Raises:
        ConfigError: There is no such target.
    """
    if config.target == "android":
        runtime = android_runtime.load(config.runtime)
        return Target("android", _ANDROID_FP32, without_fused_attention, runtime=runtime)
    if config.target != "host":
        raise unknown(config.target, TARGETS, field="export.target")
    return Target("host", _HOST_FP32, copy.deepcopy, bf16=multiplies_bf16(), keeps_heap=sys.platform == "linux")


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
