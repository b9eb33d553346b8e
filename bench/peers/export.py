"""Writes one model as each peer would run it: ``python bench/peers/export.py MODEL WEIGHTS FOLDER [--only KIND]``.

Runs in the peers' environment, so it imports nothing of PQV-Mobile. Each file is made as its tool's documentation says
for a transformer on a processor. Calibration is on random images: it is about time, not accuracy.
"""

from __future__ import annotations

import argparse
import copy
import warnings
from collections.abc import Callable
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

CALIBRATION_IMAGES = 8


def onnxruntime(model: nn.Module, example: Tensor, folder: Path) -> None:
    """ONNX at fp32, and int8 by ``quantize_dynamic`` with a scale a channel after its own shape inference."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    exported = folder / "fp32.onnx"
    with torch.no_grad():
        torch.onnx.export(model, (example,), exported, dynamo=True, external_data=False)
    prepared = folder / "prepared.onnx"
    quant_pre_process(exported, prepared, skip_symbolic_shape=True)
    quantize_dynamic(
        prepared,
        folder / "int8.onnx",
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm"],
    )
    prepared.unlink()


def openvino(model: nn.Module, example: Tensor, folder: Path) -> None:
    """OpenVINO's IR at fp32, and int8 by NNCF's post-training quantization for transformers."""
    import nncf
    import openvino

    converted = openvino.convert_model(model, example_input=example, input=[tuple(example.shape)])
    openvino.save_model(converted, folder / "fp32.xml", compress_to_fp16=False)
    images = [torch.randn(example.shape) for _ in range(CALIBRATION_IMAGES)]
    quantized = nncf.quantize(
        converted,
        nncf.Dataset(images, lambda image: image.numpy()),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=CALIBRATION_IMAGES,
    )
    openvino.save_model(quantized, folder / "int8.xml")


def executorch(model: nn.Module, example: Tensor, folder: Path) -> None:
    """ExecuTorch with XNNPACK at fp32, and int8 dynamic with a scale a channel."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from executorch.exir import to_edge_transform_and_lower
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    def write(module: nn.Module, name: str) -> None:
        lowered = to_edge_transform_and_lower(
            torch.export.export(module, (example,)), partitioner=[XnnpackPartitioner()]
        )
        (folder / name).write_bytes(lowered.to_executorch().buffer)

    write(model, "fp32.pte")
    captured = torch.export.export(copy.deepcopy(model), (example,)).module()
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True))
    prepared = prepare_pt2e(captured, quantizer)
    prepared(example)
    write(convert_pt2e(prepared), "int8.pte")


PEERS: dict[str, Callable[[nn.Module, Tensor, Path], None]] = {
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "executorch": executorch,
}


def main() -> None:
    """Write the files of one peer, or of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=sorted(PEERS))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    model = timm.create_model(arguments.model).eval()
    model.load_state_dict(load_file(arguments.weights))
    example = torch.randn(1, *model.pretrained_cfg["input_size"])
    for name in [arguments.only] if arguments.only else PEERS:
        PEERS[name](model, example, arguments.folder)


if __name__ == "__main__":
    main()
