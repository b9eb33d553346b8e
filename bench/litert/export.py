"""Writes one model for TensorFlow Lite: ``python bench/litert/export.py MODEL WEIGHTS FOLDER``.

Runs in LiteRT's environment, so it imports nothing of PQV-Mobile. ``fp32.tflite`` is what the converter makes of the
model, ``int8.tflite`` the quantizer's recipe of dynamic ranges: weights in 8 bits with a scale a channel, activations
quantized while running. The quantizer puts weights behind the flatbuffer; they are brought into it, for the runtime
2.16 says of those behind it that a tensor lacks data.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import litert_torch
import timm
import torch
from ai_edge_litert.tools import flatbuffer_utils
from ai_edge_quantizer import quantizer, recipe
from safetensors.torch import load_file


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    model = timm.create_model(given.model).eval()
    model.load_state_dict(load_file(given.weights))
    exact, quantized = str(given.folder / "fp32.tflite"), given.folder / "quantized.tflite"
    litert_torch.convert(model, (torch.zeros(1, *model.pretrained_cfg["input_size"]),)).export(exact)
    quantizer.Quantizer(exact, recipe.dynamic_wi8_afp32()).quantize().export_model(str(quantized), overwrite=True)
    flatbuffer_utils.write_model(flatbuffer_utils.read_model(str(quantized)), str(given.folder / "int8.tflite"))
    quantized.unlink()


if __name__ == "__main__":
    main()
