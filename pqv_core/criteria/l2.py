"""Size of the weights, by squares."""

from pqv_core.criteria import Criterion

INFO = Criterion(
    key="l2",
    label="L2",
    sentence="Removes the parts whose weights have the smallest Euclidean norm.",
    implementation="pqv_core.engine.importance.magnitude:L2",
    order=3,
)
