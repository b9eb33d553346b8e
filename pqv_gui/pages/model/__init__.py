"""Model: which network, its weights, and the images."""

from pqv_gui.pages import PageInfo

INFO = PageInfo(
    key="model",
    label="Model",
    implementation="pqv_gui.pages.model.page:ModelPage",
    group="wizard",
    order=1,
    sections=("model", "data", "seed"),
)
