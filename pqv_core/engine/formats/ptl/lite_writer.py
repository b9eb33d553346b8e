"""PyTorch Lite files: writing one from a module."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch._C import _MobileOptimizerType as MobileOptimizerType
from torch.jit.frontend import FrontendError
from torch.jit.mobile import _load_for_lite_interpreter
from torch.utils.mobile_optimizer import optimize_for_mobile

from pqv_core.engine.formats.ptl import heap
from pqv_core.engine.formats.ptl.attention_bf16 import attend_in_bf16
from pqv_core.engine.formats.ptl.inplace import write_in_place
from pqv_core.engine.transforms.position_tables import make_tables, share_equal_tables
from pqv_core.errors import ExportError
from pqv_core.files.fsio import replacing
from pqv_core.formats.ptl import ptl_file as ptl

Passes = Literal["freeze", "freeze-bf16", "mobile", "mobile-no-prepack"]
_FREEZING = ("freeze", "freeze-bf16")
# What TorchScript raises for code that it cannot compile; out of memory is not among them.
_COMPILER_ERRORS = (FrontendError, RuntimeError, TypeError, ValueError, AttributeError, KeyError, OSError)


def save(
    model: nn.Module,
    path: Path,
    *,
    example: Tensor,
    passes: Passes,
    description: dict[str, Any],
    keep_heap: bool = False,
) -> None:
    """Write ``model`` as a ``.ptl``, whole or not at all.

    Args:
        model: In eval mode, on the CPU. Large tables in it that are equal become one tensor.
        path: File to write.
        example: Input of shape (1, C, H, W); used where the model cannot be scripted and is traced.
        passes: ``freeze`` inlines the weights, folds constants and writes results in place where it can;
            ``freeze-bf16`` also computes fused attention in bfloat16 (``attention_bf16.py``); ``mobile`` is
            ``optimize_for_mobile`` as published with PQV-Mobile; ``mobile-no-prepack`` leaves out the XNNPACK
            prepacking, which helps on ARM and hurts on x86.
        description: JSON that travels inside the file as ``extra/pqv.json``.
        keep_heap: Whether a frozen file keeps glibc's heap from one inference to the next (``heap.py``).

    Raises:
        ExportError: The model cannot be turned into TorchScript.
        StorageError: The file cannot be written.
    """
    make_tables(model)
    share_equal_tables(model)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        content = _content(model, example, passes, {ptl.DESCRIPTION: json.dumps(description)}, keep_heap)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _content(model: nn.Module, example: Tensor, passes: Passes, extra: dict[str, str], keep: bool) -> bytes:
    """The file's bytes: scripted where the compiler takes the model, else traced."""
    translations: dict[str, Callable[[], torch.jit.ScriptModule]] = {
        "script": lambda: torch.jit.script(model),
        "trace": lambda: torch.jit.trace(model, example),
    }
    failures = []
    for name, translate in translations.items():
        try:
            module = _optimized(translate(), passes)
            if keep and passes in _FREEZING:
                heap.keep(module.graph)
            content = module._save_to_buffer_for_lite_interpreter(_extra_files=extra)
            return _in_place(module, content, example, extra) if passes in _FREEZING else content
        except _COMPILER_ERRORS as error:
            failures.append(f"{name}: {error}")
    raise ExportError(
        "The model cannot be converted to TorchScript, which .ptl requires.",
        action="Choose another model.",
        details="\n\n".join(failures),
    )


def _optimized(module: torch.jit.ScriptModule, passes: Passes) -> torch.jit.ScriptModule:
    if passes in _FREEZING:
        frozen = torch.jit.freeze(module.eval())
        if not any(frozen.graph.findAllNodes("prim::GetAttr")):  # a cache fills itself, and needs no place in the file
            torch._C._jit_pass_constant_propagation(frozen.graph)  # tables that freezing left half computed
            torch._C._jit_pass_dce(frozen.graph)
        if passes == "freeze-bf16":
            attend_in_bf16(frozen.graph)
        pool = torch._C._jit_pass_constant_pooling  # type: ignore[attr-defined]  # not in the stubs
        pool(frozen.graph)  # a layer in both branches of a choice was folded twice
        return frozen
    prepack = MobileOptimizerType.INSERT_FOLD_PREPACK_OPS  # type: ignore[attr-defined]
    without = {prepack} if passes == "mobile-no-prepack" else None
    return optimize_for_mobile(module.eval(), optimization_blocklist=without)


def _in_place(module: torch.jit.ScriptModule, plain: bytes, example: Tensor, extra: dict[str, str]) -> bytes:
    """The file with results written in place, where it gives the very same answers; else ``plain``."""
    if write_in_place(module.graph) == 0:
        return plain
    content: bytes = module._save_to_buffer_for_lite_interpreter(_extra_files=extra)
    before, after = (_load_for_lite_interpreter(io.BytesIO(data)) for data in (plain, content))
    generator = torch.Generator().manual_seed(0)
    for batch in (1, 2):  # what is broadcast over the batch shows with two images only
        images = torch.randn(batch, *example.shape[1:], generator=generator)
        try:
            expected = before(images)
        except RuntimeError:  # a traced model may take one image at a time
            continue
        try:
            if not torch.equal(after(images), expected):
                return plain
        except RuntimeError:  # an operand is broadcast
            return plain
    return content
