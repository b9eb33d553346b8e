"""Prune: what is cut, by how much, and the training that follows."""

from pqv_gui.pages import PageInfo

INFO = PageInfo(
    key="prune",
    label="Prune",
    implementation="pqv_gui.pages.prune.page:PrunePage",
    group="wizard",
    order=2,
    sections=("prune", "budget", "tokens", "finetune"),
)
