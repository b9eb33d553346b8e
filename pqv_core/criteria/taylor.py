"""First-order Taylor expansion of the loss."""

from pqv_core.criteria import Criterion

INFO = Criterion(
    key="taylor",
    label="Taylor",
    sentence="Estimates how much the loss would change without each part, from gradients on your images.",
    implementation="pqv_core.engine.importance.taylor:Taylor",
    order=1,
    needs_images=True,
)
