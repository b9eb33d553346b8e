"""Export: the file that is written, what it must fulfil, and how it is measured."""

from pqv_gui.pages import PageInfo

INFO = PageInfo(
    key="export",
    label="Export",
    implementation="pqv_gui.pages.export.page:ExportPage",
    group="wizard",
    order=4,
    sections=("export", "measure"),
)
