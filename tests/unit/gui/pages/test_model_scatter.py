"""The chart of models as data."""

from __future__ import annotations

from pqv_core.models import catalog
from pqv_gui.pages.model.model_scatter import FILTERED_OUT, LISTED, STARRED, ModelScatter

MODELS = catalog.load()
SMALL = "deit_small_patch16_224"


def test_every_model_with_both_figures_is_one_point_and_no_other() -> None:
    chart = ModelScatter(MODELS.entries).chart(listed=MODELS.entries, starred=())
    known = {entry.name for entry in MODELS.entries if entry.top1 is not None and entry.macs is not None}
    assert len(chart.points) == len(known) > 400
    assert {point.name for point in chart.points} == known
    assert chart.series == (LISTED,)
    (point,) = (point for point in chart.points if point.name == SMALL)
    assert (round(point.x, 2), round(point.y, 1)) == (4.60, 79.9)
    assert point.detail == "22.1 M · 224 px"


def test_the_front_is_that_of_the_list_alone() -> None:
    deits = MODELS.search("", family="DeiT")
    chart = ModelScatter(MODELS.entries).chart(listed=deits, starred=())
    assert {point.name for point in chart.front} <= {entry.name for entry in deits}
    for point in chart.front:
        better = [other for other in chart.points if other.series == LISTED and other.x <= point.x]
        assert max(other.y for other in better) == point.y


def test_what_is_not_listed_is_drawn_first_and_stars_last() -> None:
    deits = MODELS.search("", family="DeiT")
    chart = ModelScatter(MODELS.entries).chart(listed=deits, starred=[SMALL, "swin_tiny_patch4_window7_224"])
    assert chart.series == (FILTERED_OUT, LISTED, STARRED)
    assert [point.name for point in chart.points if point.series == STARRED] == [SMALL]
