"""Compare: runs and what was measured of them, side by side."""

from pqv_gui.pages import PageInfo, Shape

INFO = PageInfo(
    key="compare",
    label="Compare",
    implementation="pqv_gui.pages.compare.page:ComparePage",
    group="working",
    order=7,
    icon=(
        Shape("rectangle", ((0.12, 0.5), (0.32, 0.9))),
        Shape("rectangle", ((0.41, 0.14), (0.61, 0.9))),
        Shape("rectangle", ((0.7, 0.34), (0.9, 0.9))),
    ),
)
