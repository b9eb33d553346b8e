"""Start: the demo, a new project, recent projects."""

from pqv_gui.pages import PageInfo

INFO = PageInfo(
    key="start",
    label="Start",
    implementation="pqv_gui.pages.start.page:StartPage",
    group="start",
    order=0,
)
