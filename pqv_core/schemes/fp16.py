"""Weights in 16 bits."""

from pqv_core.schemes import Scheme

INFO = Scheme(
    key="fp16",
    label="FP16",
    sentence="Weights in 16 bits, widened while running: half the file, nearly the same answers.",
    implementation="pqv_core.engine.quantize.fp16:quantized",
    storage="fp16",
    order=3,
)
