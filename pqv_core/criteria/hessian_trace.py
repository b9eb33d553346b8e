"""Second-order expansion of the loss, its curvature from second derivatives."""

from pqv_core.criteria import Criterion

INFO = Criterion(
    key="hessian_trace",
    label="Hessian trace",
    sentence="Measures the curvature of the loss with second derivatives; about three times slower than Taylor.",
    implementation="pqv_core.engine.importance.hessian_trace:HessianTrace",
    order=5,
    needs_images=True,
)
