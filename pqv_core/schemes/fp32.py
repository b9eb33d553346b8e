"""As the model was trained."""

from pqv_core.schemes import Scheme

INFO = Scheme(
    key="fp32",
    label="FP32",
    sentence="No quantization: full precision, largest file.",
    implementation="pqv_core.engine.quantize.fp32:quantized",
    storage="fp32",
    order=4,
)
