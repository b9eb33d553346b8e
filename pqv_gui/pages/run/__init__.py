"""Run: the run that goes on or was the last, its figures, and those that wait."""

from pqv_gui.pages import PageInfo, Shape

INFO = PageInfo(
    key="run",
    label="Run",
    implementation="pqv_gui.pages.run.page:RunPage",
    group="working",
    order=5,
    icon=(Shape("polygon", ((0.3, 0.18), (0.82, 0.5), (0.3, 0.82))),),
)
