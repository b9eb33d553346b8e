"""Files that hold tensors and yet no weights of a model: which they are, and what to do instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from pqv_core.errors import ModelError

_QUANTIZED_CLASSES = re.compile(
    r"torchao\..*|bitsandbytes\..*|auto_gptq\..*|awq\..*|(torch\.ao|torch)\.(nn\.)?(quantization|quantized)\..*"
    r"|torch\.(_C\.)?ScriptObject|torch\._utils\._rebuild_qtensor|torch\.jit\..*"
)
_MODULES = re.compile(r"(torch\.nn\.(?!parameter)|timm\.|torchvision\.models|transformers\.models)\S*")
_ADAPTER = re.compile(
    r"(^|\.)(lora_(A|B|down|up|embedding_[AB]|magnitude_vector|[QKV]\w*)|hada_w\d\w*|ia3_l|vera_lambda_[bd])(\.|$)"
)
_QUANTIZED = re.compile(
    r"(^|\.)(_packed_params(\._packed_params)?|qweight|qzeros|g_idx|SCB|absmax|quant_map|weight_format|zero_point"
    r"|weight_scale(_inv)?|_qdata|weight_fake_quant\..*|activation_post_process.*|quant_state\..*)$|\.quant_state\."
)
_SHARDED = re.compile(r"(^|\.)(_?flat_param)(_\d+)?$")


def pickled(path: Path, name: str, *, details: str) -> ModelError:
    """The refusal of a pickle that asks for the class or function ``name``."""
    if _QUANTIZED_CLASSES.fullmatch(name):
        return quantized(path, f"it needs {name}", details)
    if _MODULES.fullmatch(name):
        return ModelError(
            f"{path.name} contains a whole model (its class {name}), which can only be loaded by running its code.",
            action='Save only its state dict: torch.save(model.state_dict(), "weights.pth").',
            details=details,
        )
    what = f"{name}, which may be code" if name else "a pickle with code in it"
    return ModelError(
        f"{path.name} contains more than weights ({what}; there may be code in it) and was not loaded.",
        action="Save only the state dict, preferably as .safetensors, and choose that file.",
        details=details,
    )


def quantized(path: Path, why: str, details: str = "") -> ModelError:
    """The refusal of weights that are integers already."""
    return ModelError(
        f"{path.name} holds a quantized model ({why}), which cannot be pruned or trained.",
        action="Choose the unquantized weights; PQV-Mobile quantizes them itself.",
        details=details,
    )


def by_names(path: Path, names: Iterable[str]) -> ModelError | None:
    """The refusal of an adapter, a quantized or a divided model; None where the names look like a model's."""
    known = sorted(names)
    if found := next((name for name in known if _ADAPTER.search(name)), None):
        return ModelError(
            f"{path.name} holds an adapter (LoRA: {found}), not a complete model.",
            action="Merge it into its model (peft: merge_and_unload), then save and choose the state dict.",
        )
    if found := next((name for name in known if _QUANTIZED.search(name)), None):
        return quantized(path, found)
    if found := next((name for name in known if _SHARDED.search(name)), None):
        return ModelError(
            f"{path.name} holds one process's share of a model (FSDP: {found}).",
            action="Gather it in the training program (FULL_STATE_DICT) and choose that file.",
        )
    return None


def by_values(path: Path, state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> ModelError | None:
    """The refusal of tensors that cannot be a model's floating-point weights; None where all can."""
    for name, tensor in state.items():
        if tensor.is_quantized:
            return quantized(path, f"{name} is {_type(tensor)}")
        if wanted[name].is_floating_point() and not tensor.is_floating_point() and not tensor.is_complex():
            return quantized(path, f"{name} holds {_type(tensor)} numbers")
        if tensor.element_size() < 2 and tensor.is_floating_point():
            return quantized(path, f"{name} is {_type(tensor)}")
        if tensor.is_complex() and not wanted[name].is_complex():
            return _unusable(path, f"{name} holds complex numbers, but the model has real ones")
        if tensor.is_meta:
            return _unusable(path, f"{name} is a shape without numbers (of the device “meta”)")
        if tensor.layout != torch.strided:
            return _unusable(path, f"{name} is a sparse tensor")
        if not bool(torch.isfinite(tensor).all()):
            return _unusable(path, f"{name} contains NaN or infinity: the training diverged")
        if not bool(torch.isfinite(tensor.to(wanted[name].dtype)).all()):
            return _unusable(path, f"{name} contains numbers beyond {_type(wanted[name])}: the training diverged")
    return None


def _unusable(path: Path, why: str) -> ModelError:
    return ModelError(f"{path.name} cannot be used: {why}.", action="Choose another checkpoint.")


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
