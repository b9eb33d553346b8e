"""Quantization schemes: in which numbers a model is stored and computes. One file each; see ``docs/plugins.md``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pqv_core.registry import Registry

Storage = Literal["fp32", "fp16", "int8", "int4"]


@dataclass(frozen=True)
class Scheme:
    """What a person reads about a scheme before choosing it, and what it needs.

    Attributes:
        key: Its name in settings and files.
        label: Its name in the window.
        sentence: What it does.
        implementation: A function ``(model, request) -> model``: see ``pqv_core.engine.quantize.request``.
        storage: What weights are stored in, mostly: how large files are, and how far answers may differ
            (``export.fp32_tolerance`` and its like), follow from it.
        order: Its place in lists.
        calibrates: It learns ranges of activations from images.
        has_quantized_layers: It has layers that an engine (FBGEMM, QNNPACK, …) runs, and that can be left out singly.
        has_groups: Some inputs of a channel (``quantize.group``) share a scale.
        inputs_multiple: Layers of which the number of inputs is a multiple of this are stored as the scheme says, so
            pruning rounds widths to it.
        fallback: What layers that are too sensitive are left in: floating point or 8 bits.
    """

    key: str
    label: str
    sentence: str
    implementation: str
    storage: Storage = "int8"
    order: int = 100
    calibrates: bool = False
    has_quantized_layers: bool = False
    has_groups: bool = False
    inputs_multiple: int = 1
    fallback: Literal["fp32", "int8"] = "fp32"

    @property
    def is_exact(self) -> bool:
        """Whether a file that answers otherwise than the fp32 model is a defect."""
        return self.storage == "fp32"


SCHEMES = Registry("quantization scheme", Scheme, package=__name__, group="pqv.schemes")


def has_quantized_layers(key: str) -> bool:
    """Whether files of a scheme have layers that an engine runs; not for a scheme that is not known here."""
    scheme = SCHEMES.get(key)
    return scheme is not None and scheme.has_quantized_layers


def has_groups(key: str) -> bool:
    """Whether weights share scales in groups; not for a scheme that is not known here."""
    scheme = SCHEMES.get(key)
    return scheme is not None and scheme.has_groups
