"""Bars that are compared have one scale."""

from __future__ import annotations

from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from pqv_gui.style.theme import colors
from pqv_gui.viewmodels.results.bar_row import BarRow
from pqv_gui.widgets.bar_list import BarList


def drawn(bars: BarList, color: int) -> tuple[int, int]:
    """Where the only bar begins and how long it is, in pixels."""
    image = bars.grab().toImage()
    wanted = QColor(colors(bars).series[color])
    row = image.height() // 2
    found = [x for x in range(image.width()) if image.pixelColor(x, row) == wanted]
    return found[0], len(found)


def test_lists_beside_each_other_have_one_scale_and_each_a_colour_of_its_own(qtbot: QtBot) -> None:
    lists = (BarList("before"), BarList("after"))
    for bars, name, length, color in zip(lists, ("Linear", "Activation and more"), (100, 50), (2, 0), strict=True):
        qtbot.addWidget(bars)
        bars.beside = lists
        bars.show_bars([BarRow(name, f"{length} ms", length)], color=color)
        bars.resize(500, 30)
    (left, long), (beside, short) = drawn(lists[0], 2), drawn(lists[1], 0)
    assert left == beside
    assert abs(long - 2 * short) <= 4
    lists[1].show_bars([BarRow("Activation and more", "200 ms", 200)], color=0)
    assert drawn(lists[0], 2)[1] < 0.6 * long
