"""No criterion at all, to compare others with."""

from pqv_core.criteria import Criterion

INFO = Criterion(
    key="random",
    label="Random",
    sentence="Removes random parts, for comparison.",
    implementation="pqv_core.engine.importance.random:Random",
    order=6,
    is_random=True,
)
