"""Size of the weights, by absolute values."""

from pqv_core.criteria import Criterion

INFO = Criterion(
    key="l1",
    label="L1",
    sentence="Removes the parts whose weights have the smallest absolute sum.",
    implementation="pqv_core.engine.importance.magnitude:L1",
    order=2,
)
