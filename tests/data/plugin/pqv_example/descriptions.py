"""What a person reads. Loaded by the window and the command line, so it imports no torch."""

from pqv_core.criteria import Criterion
from pqv_core.models.sources import SourceInfo
from pqv_core.schemes import Scheme

SPREAD = Criterion(
    key="spread",
    label="Spread",
    sentence="Removes the parts whose weights differ least from each other.",
    implementation="pqv_example.criterion:Spread",
)
HALF_LINEAR = Scheme(
    key="half-linear",
    label="FP16 linear",
    sentence="Weights of linear layers in 16 bits, those of convolutions in 32.",
    implementation="pqv_example.scheme:quantized",
    storage="fp16",
)
TINY = SourceInfo(
    key="tiny",
    label="Tiny",
    sentence="One small Vision Transformer.",
    implementation="pqv_example.tiny:Tiny",
)
TAKEN = Criterion(key="l1", label="L1 again", sentence="There is one.", implementation="pqv_example.criterion:Spread")
