"""The one owner of what happens to the keyboard when the control that has it cannot have it any more.

Qt gives it to whatever comes next in the order of Tab, which is pressed by the next stroke of Space. Here it goes to
the control that takes the place of the one that had it, or waits there until that one is back:

1. a control that was declared to share the keyboard with it (``share_focus``), such as Cancel for Run;
2. the same control, made anew by a list: it has the same accessible name;
3. for a control that was hidden or removed, the one nearest to its place in the same card;
4. else none: the frame around it has the keyboard meanwhile, and Tab goes on from where it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

_PARTNERS = "pqv_focus_partners"
_GROUPS = ("card", "bar", "side")  # roles of frames that a person sees as one thing


def share_focus(*widgets: QWidget) -> None:
    """Where one of these cannot have the keyboard any more, the first that can has it."""
    for widget in widgets:
        widget.setProperty(_PARTNERS, [other for other in widgets if other is not widget])


class _Lost:
    """A control that had the keyboard, and where it was."""

    def __init__(self, widget: QWidget, holder: QWidget) -> None:
        self.widget, self.holder = widget, holder
        self.name = widget.accessibleName()
        self.partners: list[QWidget] = widget.property(_PARTNERS) or []
        self.place = widget.mapTo(widget.window(), widget.rect().center())


class FocusKeeper(QObject):
    """Keeps the keyboard where the hand is, within one window."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._lost: _Lost | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._settle)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._changed)

    def hold(self) -> bool:
        """Keep Qt from moving the keyboard away from a control that was disabled or hidden just now."""
        had = self._window.focusWidget()
        if had is None or _usable(had):
            return False
        self._take(had)
        return True

    def go_on(self, forward: bool) -> bool:
        """Tab while the keyboard waits: to the next control from where it was; False where it does not wait."""
        lost = self._lost
        if lost is None or self._window.focusWidget() is not lost.holder or not isValid(lost.widget):
            return False
        each = next((each for each in _chain(lost.widget, forward) if _takes_tab(each)), None)
        if each is None:
            return False
        self._lost = None
        each.setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
        return True

    def _changed(self, old: QWidget | None, now: QWidget | None) -> None:
        if now is not None or old is None or not isValid(old) or _usable(old) or old.window() is not self._window:
            return
        self._take(old)  # Qt has taken it from something in a frame that was disabled as a whole

    def _take(self, had: QWidget) -> None:
        holder = next((each for each in _above(had) if each.isVisible() and each.isEnabled()), None)
        if holder is None:
            return
        if self._lost is None or had is not self._lost.holder:
            self._lost = _Lost(had, holder)
        self._lost.holder = holder
        holder.setFocus(Qt.FocusReason.OtherFocusReason)
        self.settle()

    def settle(self) -> None:
        """Something is shown otherwise: look, once it is laid out, whether the keyboard need not wait any more."""
        if self._lost is not None:
            self._soon.start(0)

    @Slot()
    def _settle(self) -> None:
        """Give the keyboard back where that is possible by now; a person who has moved it meanwhile keeps it there."""
        lost = self._lost
        if lost is None:
            return
        if not isValid(lost.holder) or self._window.focusWidget() is not lost.holder:
            self._lost = None
            return
        heir = self._heir(lost)
        if heir is not None:
            self._lost = None
            heir.setFocus(Qt.FocusReason.OtherFocusReason)

    def _heir(self, lost: _Lost) -> QWidget | None:
        there = isValid(lost.widget)
        partners = (other for other in lost.partners if isValid(other))
        for each in (lost.widget, *partners) if there else partners:
            if _usable(each):
                return each
        near = list(_controls(_group(lost.holder)))
        same = [each for each in near if lost.name and each.accessibleName() == lost.name]
        if not same and there and lost.widget.isVisible():  # it is disabled, and nothing has taken its place
            return None
        return min(same or near, key=lambda each: self._distance(each, lost.place), default=None)

    def _distance(self, widget: QWidget, place: QPoint) -> int:
        return (widget.mapTo(self._window, widget.rect().center()) - place).manhattanLength()


def _usable(widget: QWidget) -> bool:
    return isValid(widget) and widget.isVisible() and widget.isEnabled()


def _above(widget: QWidget) -> Iterator[QWidget]:
    parent = widget.parentWidget()
    while parent is not None:
        yield parent
        parent = parent.parentWidget()


def _group(holder: QWidget) -> QWidget | None:
    """The frame that a person sees around a place; None for the page itself."""
    return next((each for each in (holder, *_above(holder)) if each.property("role") in _GROUPS), None)


def _controls(group: QWidget | None) -> Iterator[QWidget]:
    for each in group.findChildren(QWidget) if group is not None else ():
        if _takes_tab(each):
            yield each


def _chain(start: QWidget, forward: bool) -> Iterator[QWidget]:
    """The others in the order of Tab, or against it."""
    each: QWidget | None = start
    while each is not None:
        each = each.nextInFocusChain() if forward else each.previousInFocusChain()
        if each is None or each is start:
            return
        yield each


def _takes_tab(widget: QWidget) -> bool:
    wanted = widget.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus
    return wanted and widget.focusProxy() is None and _usable(widget)
