"""Weights and activations in 8 bits, with ranges learnt beforehand."""

from pqv_core.schemes import Scheme

INFO = Scheme(
    key="int8-static",
    label="INT8 static",
    sentence="8-bit weights and activations, with ranges calibrated on your images: no range is computed at run time.",
    implementation="pqv_core.engine.quantize.int8_static:quantized",
    order=2,
    calibrates=True,
    has_quantized_layers=True,
)
