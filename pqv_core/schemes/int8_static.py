"""Weights and activations in 8 bits, with ranges learnt beforehand."""

from pqv_core.schemes import Scheme

INFO = Scheme(
    key="int8-static",
    label="INT8 static",
    sentence="Activations too, in ranges learnt from some of your images: no range is looked for while running.",
    implementation="pqv_core.engine.quantize.int8_static:quantized",
    order=2,
    calibrates=True,
    has_quantized_layers=True,
)
