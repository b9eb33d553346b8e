"""Weights in 16 bits."""

from pqv_core.schemes import Scheme

INFO = Scheme(
    key="fp16",
    label="FP16",
    sentence="16-bit weights, widened at run time: half the file size, nearly identical outputs.",
    implementation="pqv_core.engine.quantize.fp16:quantized",
    storage="fp16",
    order=3,
)
