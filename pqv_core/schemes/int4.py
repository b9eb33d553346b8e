"""Weights in 4 bits, in groups that share a scale; activations in 8 bits, quantized while the model runs."""

from pqv_core.schemes import Scheme

INFO = Scheme(
    key="int4",
    label="INT4",
    sentence="4-bit weights in groups of inputs, 8-bit activations quantized at run time: the smallest file.",
    implementation="pqv_core.engine.quantize.int4:quantized",
    storage="int4",
    order=5,
    has_quantized_layers=True,
    has_groups=True,
    inputs_multiple=32,
    fallback="int8",
)
