"""Backend: the numbers that are computed with, and the kernels that do it."""

from pqv_gui.pages import PageInfo

INFO = PageInfo(
    key="backend",
    label="Backend",
    implementation="pqv_gui.pages.backend.page:BackendPage",
    group="wizard",
    order=3,
    sections=("quantize",),
)
