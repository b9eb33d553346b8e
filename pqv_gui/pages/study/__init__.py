"""Study: a sampler tries many settings of the project; the front of what it found."""

from pqv_gui.pages import PageInfo, Shape

INFO = PageInfo(
    key="study",
    label="Study",
    implementation="pqv_gui.pages.study.page:StudyPage",
    group="working",
    order=8,
    icon=(
        Shape("line", ((0.12, 0.08), (0.12, 0.9))),
        Shape("line", ((0.12, 0.9), (0.92, 0.9))),
        Shape("rectangle", ((0.26, 0.6), (0.4, 0.74))),
        Shape("rectangle", ((0.4, 0.36), (0.54, 0.5))),
        Shape("rectangle", ((0.68, 0.2), (0.82, 0.34))),
    ),
)
