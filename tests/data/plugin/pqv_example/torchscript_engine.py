"""The format at work. Loaded by the worker and the processes that measure."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pqv_core.engine.formats import exporter
from pqv_core.engine.formats.exporter import Way
from pqv_core.engine.formats.inference_session import InferenceProfile
from pqv_core.engine.quantize.engines import candidate_engines, using_engine
from pqv_core.files.fsio import replacing
from pqv_core.results.artifacts import ArtifactSpec
from pqv_core.results.record import OperatorTime
from pqv_core.schemes import SCHEMES
from pqv_example.torchscript import ABOUT


class Exporter(exporter.Exporter):
    """Writes archives; of int8 with one engine."""

    key = "torchscript"

    def prepare(self, model: nn.Module, spec: ArtifactSpec) -> nn.Module:
        return copy.deepcopy(model)

    def ways(self, model: nn.Module, spec: ArtifactSpec) -> tuple[Way, ...]:
        if SCHEMES[spec.scheme].has_quantized_layers:
            return (Way("script", candidate_engines(self.config.quantize.engine)[0]),)
        return (Way("script"), Way("freeze")) if spec.is_fairest else (Way("script"),)

    def write(self, model: nn.Module, path: Path, *, passes: str, example: Tensor, description: dict[str, Any]) -> None:
        module = torch.jit.script(model)
        if passes == "freeze":
            module = torch.jit.freeze(module)
        with replacing(path) as temporary:
            torch.jit.save(module, str(temporary), _extra_files={ABOUT: json.dumps(description)})


class Session:
    """A loaded archive."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def run(self, image: Tensor) -> Tensor:
        answer: Tensor = self.module(image)
        return answer

    def profile(self, image: Tensor) -> InferenceProfile:
        began = time.perf_counter_ns()
        self.run(image)
        spent = time.perf_counter_ns() - began
        return InferenceProfile((OperatorTime(name="all", calls=1, ns=spent),), (spent,))


def open_file(path: Path, *, engine: str, threads: int) -> Session:
    torch.set_num_threads(threads)
    if engine in ("", "none"):
        return Session(torch.jit.load(str(path)))
    with using_engine(engine):
        return Session(torch.jit.load(str(path)))
