"""ExecuTorch files: writing one from a module. What it imports takes seconds, so nobody imports it who writes none."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

import torch
import torchao.quantization  # noqa: F401 - registers the operators of quantized layers
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.data import bin as executorch_programs
from executorch.exir import EdgeCompileConfig, EdgeProgramManager, to_edge_transform_and_lower
from executorch.exir.passes.constant_prop_pass import constant_prop_pass
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from pqv_core.engine.formats.pte.half_weights import written_in_half
from pqv_core.engine.transforms.xnnpack_form import in_xnnpack_form
from pqv_core.errors import ExportError
from pqv_core.files.fsio import replacing

_DESCRIPTION = "pqv"  # the method that gives the description; pqv_core/formats/pte/program.py reads it
# What ``torch.export`` and ExecuTorch's passes raise for a network that they cannot take; out of memory is not among
# them. Their own classes derive from these; the last is of the program that writes what they made.
_COMPILER_ERRORS = (
    RuntimeError,
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    AssertionError,
    NotImplementedError,
    subprocess.SubprocessError,
)
_ops: Any = torch.ops
_KEPT = {
    _ops.torchao.dequantize_affine.default,
    _ops.quantized_decomposed.dequantize_per_channel.default,
    _ops.aten.full.default,
}
"""Operators on constants that are not worked out beforehand: the results would be larger than what they are made of."""


def save(
    model: nn.Module, path: Path, *, example: Tensor, description: dict[str, Any], half_weights: bool = False
) -> None:
    """Write ``model`` as a ``.pte`` for XNNPACK, whole or not at all.

    Args:
        model: In eval mode, on the CPU, quantized or not.
        path: File to write.
        example: Input of shape (1, C, H, W). The file takes this size only.
        description: JSON that travels inside the file, as what its method ``pqv`` gives.
        half_weights: Store the weights of linear layers in 16 bits.

    Raises:
        ExportError: The model cannot be recorded, or not in operators that ExecuTorch has.
        StorageError: The file cannot be written.
    """
    _find_compiler()
    try:
        stored = written_in_half() if half_weights else contextlib.nullcontext()
        with warnings.catch_warnings(), _quiet(), torch.no_grad(), stored:
            warnings.simplefilter("ignore")
            lowered = _lowered(_recorded(model, example), json.dumps(description))
            content: bytes = lowered.to_executorch().buffer
    except _COMPILER_ERRORS as error:
        raise ExportError(
            "The model cannot be converted to ExecuTorch, which .pte requires.",
            action="Choose another model, or another format.",
            details=f"{type(error).__name__}: {error}",
        ) from error
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _recorded(model: nn.Module, example: Tensor) -> ExportedProgram:
    """The network as operators of ATen, in the form that XNNPACK takes, with what is constant worked out."""
    program = in_xnnpack_form(torch.export.export(model, (example,)))
    if all(spec.kind == InputKind.USER_INPUT for spec in program.graph_signature.input_specs):
        return program  # without any weight there is nothing to work out, and the pass expects some
    return _in_order(constant_prop_pass(program, custom_skip_targets=_KEPT))


def _in_order(program: ExportedProgram) -> ExportedProgram:
    """With constants that lie in memory as their axes say, which XNNPACK takes for granted."""
    program.constants.update(
        {name: value.contiguous() for name, value in program.constants.items() if isinstance(value, Tensor)}
    )
    for node in program.graph.nodes:
        if node.op == "placeholder" and isinstance(node.meta.get("val"), Tensor):
            node.meta["val"] = node.meta["val"].contiguous()
    return program


def _lowered(program: ExportedProgram, description: str) -> EdgeProgramManager:
    return to_edge_transform_and_lower(
        program,
        partitioner=[XnnpackPartitioner()],
        constant_methods={_DESCRIPTION: description},
        # Its check refuses operators outside of the core set, for which there are kernels all the same.
        compile_config=EdgeCompileConfig(_check_ir_validity=False),
    )


def _find_compiler() -> None:
    """ExecuTorch starts ``flatc``, which comes with it, and looks for it on the path, where it need not be."""
    found = next(Path(executorch_programs.__file__).parent.glob("flatc*"), None)
    if found is not None:
        os.environ.setdefault("FLATC_EXECUTABLE", str(found))


class _quiet:  # noqa: N801 - used like a function
    """ExecuTorch's and torch's passes log at length what they do; errors are raised all the same."""

    def __enter__(self) -> None:
        self._before = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(self._before)
