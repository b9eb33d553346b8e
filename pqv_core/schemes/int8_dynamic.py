"""Weights in 8 bits; activations are quantized while the model runs."""

from pqv_core.schemes import Scheme

INFO = Scheme(
    key="int8-dynamic",
    label="INT8 dynamic",
    sentence="Weights in 8 bits, activations quantized while running. No calibration needed.",
    implementation="pqv_core.engine.quantize.int8_dynamic:quantized",
    order=1,
    has_quantized_layers=True,
)
