"""Weights in 8 bits; activations are quantized while the model runs."""

from pqv_core.schemes import Scheme

INFO = Scheme(
    key="int8-dynamic",
    label="INT8 dynamic",
    sentence="8-bit weights, activations quantized at run time. No calibration needed.",
    implementation="pqv_core.engine.quantize.int8_dynamic:quantized",
    order=1,
    has_quantized_layers=True,
)
