"""Second-order expansion of the loss, its curvature from second derivatives."""

from pqv_core.criteria import Criterion

INFO = Criterion(
    key="hessian_trace",
    label="Hessian trace",
    sentence="Measures the loss's curvature itself, by second derivatives; about three times as slow as Taylor.",
    implementation="pqv_core.engine.importance.hessian_trace:HessianTrace",
    order=5,
    needs_images=True,
)
