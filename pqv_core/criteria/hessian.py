"""Second-order expansion of the loss, its curvature from gradients of single images."""

from pqv_core.criteria import Criterion

INFO = Criterion(
    key="hessian",
    label="Hessian",
    sentence="Like Taylor, but estimates the curvature of the loss from per-image gradients.",
    implementation="pqv_core.engine.importance.hessian:Hessian",
    order=4,
    needs_images=True,
)
