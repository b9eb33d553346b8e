"""Writes one model in every way that is measured on phones: ``python -m bench.phones.export MODEL FOLDER``.

By the exporters of the product, for Android, without verifying and measuring each file as a run would. Files that are
there are kept, so that it goes on where it was ended.
"""

from __future__ import annotations

import argparse
import copy
import warnings
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file
from torch import nn

from bench.phones.files import PAPER, PRECISIONS, PRUNED
from bench.weights import weights
from pqv_core.config import PruneConfig, RunConfig
from pqv_core.engine.context import Context
from pqv_core.engine.formats.exporter import exporter
from pqv_core.engine.prune.structured import prune
from pqv_core.results.artifacts import DENSE, PUBLISHED, RESULT, ArtifactSpec

PRUNING = PruneConfig(importance="l2", ratio=0.09375, embedding=True)
CALIBRATION_IMAGES = 8


def write(model: nn.Module, path: Path, *, name: str, precision: str, way: str = "fastest") -> None:
    """Write one file of a model as a run for Android would, unless it is there.

    Args:
        name: Of the timm model.
    """
    if path.is_file():
        return
    format = path.suffix.removeprefix(".")
    settings = {"precision": precision, "engine": "qnnpack"}
    config = RunConfig.parse(
        {"model": {"name": name}, "quantize": settings, "export": {"target": "android", "formats": [format]}}
    )
    spec = ArtifactSpec(key="x", label="", purpose=RESULT, model=DENSE, format=format, scheme=precision, way=way)
    by = exporter(format, config)
    example = torch.zeros(1, *timm.get_pretrained_cfg(name).input_size)
    images = [torch.randn(example.shape) for _ in range(CALIBRATION_IMAGES)]
    made = by.quantize(by.prepare(copy.deepcopy(model), spec), spec, images)
    description = {"model": name, "input_shape": list(example.shape), "precision": precision}
    by.write(made, path, passes=by.ways(made, spec)[0].passes, example=example, description=description)
    by.check(path)


def main() -> None:
    """Write all files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    model = timm.create_model(given.model).eval()
    model.load_state_dict(load_file(weights(given.model, given.folder)))
    write(model, given.folder / PAPER, name=given.model, precision="fp32", way=PUBLISHED)
    for file, precision in PRECISIONS.items():
        write(model, given.folder / file, name=given.model, precision=precision)
    pruned = prune(model, PRUNING, batches=None, context=Context(run="", send=lambda event: None))
    write(pruned, given.folder / PRUNED, name=given.model, precision="int8-dynamic")


if __name__ == "__main__":
    main()
