"""Has what is built already take over another size of the text: its lengths were taken in lines of the text before.

A page, a chart or a dialog is built once, with margins, gaps and limits that ``theme.em`` gave at that time. Here they
grow with the text, also those of pages that are hidden.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QGridLayout, QLayout, QMainWindow, QStackedWidget, QWidget

from pqv_gui.style.layout_items import layout_items

_EXACT = "pqv_exact_lengths"  # what rounding has taken, so that going back and forth changes nothing
_UNBOUNDED = 524_287  # Qt's layouts take what is larger for no limit
_Lengths = dict[str, tuple[float, int]]


def rescale(window: QWidget, ratio: float) -> None:
    """Multiply every length within a window; its own size is its owner's."""
    for widget in window.findChildren(QWidget):
        _rescale_limits(widget, ratio)
    for widget in (window, *window.findChildren(QWidget)):
        layout = widget.layout()
        if layout is not None and _is_ours(widget):
            _rescale_layout(layout, ratio)


def _is_ours(widget: QWidget) -> bool:
    """Whether its layout was made here; Qt's own widgets, and ours that inherit such, have theirs from the style."""
    kind, qts = type(widget), (QMainWindow, QStackedWidget)
    return kind is QWidget or (kind.__module__.startswith("pqv_gui.") and not isinstance(widget, qts))


class _Keeper:
    """Multiplies lengths of an object and remembers what they are exactly."""

    def __init__(self, owner: QWidget | QLayout, ratio: float) -> None:
        self._owner, self._ratio = owner, ratio
        self._known: _Lengths = dict(owner.property(_EXACT) or {})

    def grown(self, name: str, shown: int) -> int:
        exact, before = self._known.get(name, (float(shown), shown))
        if before != shown:  # it was set anew meanwhile
            exact = float(shown)
        exact *= self._ratio
        self._known[name] = (exact, round(exact))
        return round(exact)

    def keep(self) -> None:
        self._owner.setProperty(_EXACT, self._known)


def _rescale_limits(widget: QWidget, ratio: float) -> None:
    """Smallest and largest size, where a program has set them and not the style sheet, which has grown already."""
    limits: dict[str, tuple[int, Callable[[int], None]]] = {
        "minw": (widget.minimumWidth(), widget.setMinimumWidth),
        "minh": (widget.minimumHeight(), widget.setMinimumHeight),
        "maxw": (widget.maximumWidth(), widget.setMaximumWidth),
        "maxh": (widget.maximumHeight(), widget.setMaximumHeight),
    }
    wanted = {
        name: limit
        for name, limit in limits.items()
        if 1 < limit[0] < _UNBOUNDED and not widget.property(f"_q_stylesheet_{name}")  # 1 is a line
    }
    if not wanted or widget.isWindow() or widget.objectName().startswith("qt_"):  # Qt's own parts
        return
    keeper = _Keeper(widget, ratio)
    for name, (length, put) in wanted.items():
        put(keeper.grown(name, length))
    keeper.keep()


def _rescale_layout(layout: QLayout, ratio: float) -> None:
    keeper = _Keeper(layout, ratio)
    margins = layout.contentsMargins()
    sides = {"left": margins.left(), "top": margins.top(), "right": margins.right(), "bottom": margins.bottom()}
    layout.setContentsMargins(*(keeper.grown(name, length) for name, length in sides.items()))
    if isinstance(layout, QGridLayout):
        layout.setHorizontalSpacing(keeper.grown("across", layout.horizontalSpacing()))
        layout.setVerticalSpacing(keeper.grown("down", layout.verticalSpacing()))
    else:
        layout.setSpacing(keeper.grown("gap", layout.spacing()))
    for index, item in enumerate(layout_items(layout)):
        inner, spacer = item.layout(), item.spacerItem()
        if inner is not None:
            _rescale_layout(inner, ratio)
        elif spacer is not None and (spacer.sizeHint().width() or spacer.sizeHint().height()):
            size, policy = spacer.sizeHint(), spacer.sizePolicy()
            across, down = keeper.grown(f"{index} across", size.width()), keeper.grown(f"{index} down", size.height())
            spacer.changeSize(across, down, policy.horizontalPolicy(), policy.verticalPolicy())
    keeper.keep()
