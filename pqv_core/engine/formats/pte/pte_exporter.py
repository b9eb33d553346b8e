"""ExecuTorch files: how one is written for XNNPACK, which is the same here and on phones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pqv_core.engine.formats.exporter import Exporter, Way
from pqv_core.engine.quantize.layers import chosen, classifiers, make_quantizable
from pqv_core.engine.quantize.request import Request
from pqv_core.engine.transforms.xnnpack_form import prepared_for_xnnpack
from pqv_core.results.artifacts import ArtifactSpec

_USUAL, _HALF = "xnnpack", "xnnpack-half"


class PteExporter(Exporter):
    """Writes what XNNPACK takes as a whole; ExecuTorch is imported when the first file is quantized or written."""

    key = "pte"

    def prepare(self, model: nn.Module, spec: ArtifactSpec) -> nn.Module:
        """As ``Exporter.prepare``."""
        return prepared_for_xnnpack(model)

    def quantize(self, model: nn.Module, spec: ArtifactSpec, batches: Sequence[Tensor]) -> nn.Module:
        """As ``Exporter.quantize``, in the form that XNNPACK recognizes."""
        _QUANTIZE[spec.scheme](self, model, batches)
        return model

    def ways(self, model: nn.Module, spec: ArtifactSpec) -> tuple[Way, ...]:
        """As ``Exporter.ways``: there is one for each scheme."""
        return (Way(_HALF if spec.scheme == "fp16" else _USUAL),)

    def write(self, model: nn.Module, path: Path, *, passes: str, example: Tensor, description: dict[str, Any]) -> None:
        """As ``Exporter.write``."""
        from pqv_core.engine.formats.pte import pte_writer

        pte_writer.save(model, path, example=example, description=description, half_weights=passes == _HALF)

    def _layers(self, model: nn.Module) -> list[str]:
        """Names of the layers to quantize, which are made here where they are convolutions still."""
        make_quantizable(model)
        return chosen(model, self.config.quantize.keep)

    def _half(self, model: nn.Module, batches: Sequence[Tensor]) -> None:
        """Weights are rounded when they are written, those of linear layers."""
        make_quantizable(model)

    def _dynamic(self, model: nn.Module, batches: Sequence[Tensor]) -> None:
        from pqv_core.engine.quantize import torchao_layers

        torchao_layers.make_int8(model, self._layers(model))

    def _grouped(self, model: nn.Module, batches: Sequence[Tensor]) -> None:
        from pqv_core.engine.quantize import int4

        int4.quantized(model, Request.of(self.config.quantize, batches))

    def _static(self, model: nn.Module, batches: Sequence[Tensor]) -> None:
        """The classifier stays dynamic, for its outputs are compared."""
        from pqv_core.engine.formats.pte import pte_layers
        from pqv_core.engine.quantize import torchao_layers

        names, heads = self._layers(model), classifiers(model)
        fixed = [name for name in names if name not in heads]
        pte_layers.make_static(model, fixed, observer=self.config.quantize.observer, batches=batches)
        torchao_layers.make_int8(model, [name for name in names if name in heads])

    def _not(self, model: nn.Module, batches: Sequence[Tensor]) -> None:
        """Full precision."""


_QUANTIZE = {
    "fp32": PteExporter._not,
    "fp16": PteExporter._half,
    "int8-dynamic": PteExporter._dynamic,
    "int8-static": PteExporter._static,
    "int4": PteExporter._grouped,
}
