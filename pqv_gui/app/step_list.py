"""The list at the left: the wizard's steps with their state, then the working pages."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from pqv_gui.app.step_states import Step, StepState
from pqv_gui.i18n import tr
from pqv_gui.pages import PAGES, PageInfo, Shape, in_group
from pqv_gui.style.theme import colors, em
from pqv_gui.widgets.basics import as_tip, column, rule

_STATE_WORDS = {"todo": "to do", "valid": "complete", "invalid": "incomplete"}


def page_keys(number: int) -> tuple[str, ...]:
    """The keys that lead to a page, by its number in the list; none beyond the ninth."""
    return (f"Ctrl+{number}",) if number <= 9 else ()


class StepButton(QAbstractButton):
    """One entry: a numbered circle, the name, and a mark for the state (a shape, not only a colour)."""

    def __init__(self, info: PageInfo, number: int) -> None:
        super().__init__()
        self._icon = info.icon
        self._number = number if info.group == "wizard" else None
        self.state: StepState = "todo"
        self._badge = ""
        self.setCheckable(True)
        self.setText(tr(info.label))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._keys = page_keys(number)
        self.set_state("todo", "")

    def set_state(self, state: StepState, message: str, badge: str = "") -> None:
        """Show a state; ``message`` says what is missing, ``badge`` is a short word at the right."""
        self.state, self._badge = state, badge
        words = tr(_STATE_WORDS[state]) if self._number is not None else badge
        self.setAccessibleName(f"{self.text()}, {words}" if words else self.text())
        self.setAccessibleDescription(message)
        tip = f"{self.text()} ({self._keys[0]})" if self._keys else self.text()
        self.setToolTip(as_tip(f"{tip}\n{message}" if message else tip))
        self.update()

    def sizeHint(self) -> QSize:
        """Two lines of text high."""
        return QSize(em(self, 8.5), em(self, 2.3))

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the entry."""
        shades = colors(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(3, 2, -3, -2)
        if self.isChecked() or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(shades.accent_soft if self.isChecked() else shades.sunken))
            painter.drawRoundedRect(area, 6, 6)
        if self.hasFocus():
            painter.setPen(QPen(QColor(shades.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 6, 6)
        unit = em(self)
        side = unit * 1.35
        circle = QRectF(area.left() + unit * 0.5, area.center().y() - side / 2, side, side)
        if self._number is not None:
            self._draw_circle(painter, circle)
        else:
            _draw_icon(painter, circle, self._icon, QColor(shades.accent if self.isChecked() else shades.muted))
        font = self.font()
        font.setBold(self.isChecked())
        painter.setFont(font)
        painter.setPen(QColor(shades.text if self.isEnabled() else shades.muted))
        text = QRectF(circle.right() + unit * 0.5, area.top(), area.right() - circle.right() - unit, area.height())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        if self._badge:
            painter.setPen(QColor(shades.muted))
            painter.setFont(self.font())
            painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._badge)

    def _draw_circle(self, painter: QPainter, circle: QRectF) -> None:
        shades = colors(self)
        fill = {"todo": None, "valid": shades.good, "invalid": shades.bad}[self.state]
        if fill is None and self.isChecked():
            fill = shades.accent
        outline = fill or shades.muted
        painter.setPen(QPen(QColor(outline), 1.5))
        painter.setBrush(QColor(fill) if fill else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(circle)
        ink = QColor(shades.surface if fill else shades.muted)
        if self.state == "valid":
            _draw_tick(painter, circle, ink)
            return
        font = self.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 0.9)
        painter.setFont(font)
        painter.setPen(ink)
        painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, "!" if self.state == "invalid" else str(self._number))


def _draw_icon(painter: QPainter, area: QRectF, icon: Iterable[Shape], ink: QColor) -> None:
    for shape in icon:
        points = [_at(area, x, y) for x, y in shape.points]
        if shape.kind in ("outline", "line"):
            painter.setPen(QPen(ink, max(1.5, area.width() * 0.09)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
        if shape.kind == "polygon":
            painter.drawPolygon(points)
        elif shape.kind == "line":
            painter.drawLine(points[0], points[1])
        else:
            radius = 3 if shape.kind == "outline" else 1
            painter.drawRoundedRect(QRectF(points[0], points[1]), radius, radius)


def _draw_tick(painter: QPainter, circle: QRectF, ink: QColor) -> None:
    path = QPainterPath(_at(circle, 0.28, 0.52))
    path.lineTo(_at(circle, 0.44, 0.68))
    path.lineTo(_at(circle, 0.73, 0.34))
    pen = QPen(ink, max(1.5, circle.width() * 0.1))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)


def _at(area: QRectF, x: float, y: float) -> QPointF:
    return QPointF(area.left() + area.width() * x, area.top() + area.height() * y)


class StepList(QWidget):
    """All entries; up and down move between them."""

    chosen = Signal(str)  # key of a page

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "side")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Steps"))
        self.buttons: dict[str, StepButton] = {}
        layout = column(self, gap=0.15, margin=0.5)
        steps = in_group("wizard")
        for number, key in enumerate(in_group("wizard", "working"), start=1):
            if number == len(steps) + 1:
                layout.addSpacing(em(times=0.4))
                layout.addWidget(rule())
                layout.addSpacing(em(times=0.4))
            entry = StepButton(PAGES[key], number)
            entry.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            self.buttons[key] = entry
            layout.addWidget(entry)
        layout.addStretch()

    def show_steps(self, steps: tuple[Step, ...]) -> None:
        """Show the states of the wizard's steps."""
        for step in steps:
            self.buttons[step.place].set_state(step.state, tr(step.message))

    def set_current(self, place: str) -> None:
        """Mark where the person is."""
        for other, entry in self.buttons.items():
            entry.setChecked(other == place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down move between the entries."""
        if event.key() == Qt.Key.Key_Down:
            self.focusNextChild()
        elif event.key() == Qt.Key.Key_Up:
            self.focusPreviousChild()
        else:
            super().keyPressEvent(event)
