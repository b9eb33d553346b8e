"""Colours, type sizes and spacing, light and dark.

The palette keeps text at a contrast of at least 4.5 : 1 and its signal colours (Okabe and Ito, 2008) are told apart
by people with any form of colour blindness; a colour is never the only signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from pqv_core import palette
from pqv_core.files.resource_files import resource
from pqv_gui.style.rescale import rescale

Mode = Literal["system", "light", "dark"]
TEXT_SCALES = (100, 115, 130, 150, 175, 200)


@dataclass(frozen=True)
class Colors:
    """One set of colours, as ``#rrggbb``. ``series`` are those of the charts, in order of use."""

    window: str
    surface: str
    sunken: str
    border: str
    edge: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_hover: str
    accent_soft: str
    good: str
    warning: str
    bad: str
    bad_soft: str
    series: tuple[str, ...]


LIGHT = Colors(
    window="#f3f4f7",
    surface="#ffffff",
    sunken="#f7f8fa",
    border="#d5d9e0",
    edge="#868e9c",
    text="#191d24",
    muted="#59616f",
    accent="#005a9c",
    on_accent="#ffffff",
    accent_hover="#00477c",
    accent_soft="#e4f0fa",
    good="#00684c",
    warning="#7a4d00",
    bad="#a8321a",
    bad_soft="#fdeeea",
    series=palette.LIGHT,
)
DARK = Colors(
    window="#15181d",
    surface="#1e2229",
    sunken="#191c22",
    border="#39404b",
    edge="#727b8a",
    text="#e9ecf1",
    muted="#a7afbd",
    accent="#6db9f2",
    on_accent="#07243b",
    accent_hover="#8fcbf8",
    accent_soft="#1d3347",
    good="#4fc9a0",
    warning="#f0b95a",
    bad="#ff9d85",
    bad_soft="#3a2320",
    series=palette.DARK,
)


def colors(widget: QWidget | None = None) -> Colors:
    """The colours in which ``widget`` is shown."""
    palette = widget.palette() if widget is not None else QApplication.palette()
    return LIGHT if palette.color(QPalette.ColorRole.Window).lightness() > 127 else DARK


def em(widget: QWidget | None = None, times: float = 1.0) -> int:
    """A length that grows with the text: ``times`` the height of a line, in pixels."""
    font = widget.font() if widget is not None else QApplication.font()
    return round(QFontMetricsF(font).height() * times)


def scaled_font(widget: QWidget, factor: float, *, bold: bool = False, italic: bool = False) -> QFont:
    """The widget's font in another size."""
    font = QFont(QApplication.font())
    font.setPointSizeF(font.pointSizeF() * factor)
    font.setBold(bold)
    font.setItalic(italic)
    return font


class Theme(QObject):
    """Applies colours and text size to the application, and follows the system's light or dark."""

    changed = Signal()

    def __init__(self, app: QApplication, *, mode: Mode, text_scale: int) -> None:
        super().__init__(app)
        self._app = app
        self._mode: Mode = mode
        self._scale = text_scale
        self._points = app.font().pointSizeF()
        app.styleHints().colorSchemeChanged.connect(self._apply)
        self._apply()

    @property
    def mode(self) -> Mode:
        """Whether the system is followed, or one of the two is wanted."""
        return self._mode

    @property
    def text_scale(self) -> int:
        """Size of the text in percent of the system's."""
        return self._scale

    def set_mode(self, mode: Mode) -> None:
        """Follow the system, or stay light or dark."""
        self._mode = mode
        self._apply()

    def set_text_scale(self, percent: int) -> None:
        """Show text at this size."""
        self._scale = percent
        self._apply()

    @property
    def dark(self) -> bool:
        """Whether the dark colours are shown."""
        if self._mode == "system":
            return self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return self._mode == "dark"

    def _apply(self) -> None:
        shades = DARK if self.dark else LIGHT
        points = self._points * self._scale / 100
        sheet = _style_sheet(shades, points, scale=self._scale / 100)
        if sheet == self._app.styleSheet():  # it looks like this already; Qt takes a millisecond a widget
            return
        font, line = QFont(self._app.font()), QFontMetricsF(self._app.font()).height()
        font.setPointSizeF(points)
        self._app.setFont(font)
        self._app.setPalette(palette_of(shades))
        self._app.setStyleSheet(sheet)
        ratio = QFontMetricsF(font).height() / line
        for window in self._app.topLevelWidgets() if ratio != 1.0 else ():
            rescale(window, ratio)
        self.changed.emit()


def palette_of(shades: Colors) -> QPalette:
    """The colours by the roles that Qt has for them."""
    palette = QPalette()
    role = QPalette.ColorRole
    plain = {
        role.Window: shades.window,
        role.WindowText: shades.text,
        role.Base: shades.surface,
        role.AlternateBase: shades.sunken,
        role.Text: shades.text,
        role.Button: shades.surface,
        role.ButtonText: shades.text,
        role.BrightText: shades.bad,
        role.Highlight: shades.accent,
        role.HighlightedText: shades.on_accent,
        role.ToolTipBase: shades.surface,
        role.ToolTipText: shades.text,
        role.PlaceholderText: shades.muted,
        role.Link: shades.accent,
        role.LinkVisited: shades.accent,
        role.Accent: shades.accent,
        role.Light: shades.surface,
        role.Midlight: shades.sunken,
        role.Mid: shades.border,
        role.Dark: shades.muted,
        role.Shadow: shades.border,
    }
    for key, value in plain.items():
        palette.setColor(key, QColor(value))
    faded = QColor(shades.muted)
    faded.setAlpha(150)
    for key in (role.Text, role.WindowText, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, faded)
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(shades.border))
    return palette


def _style_sheet(shades: Colors, points: float, *, scale: float) -> str:
    """Cards, headings, buttons and fields; everything that is not named here stays the platform's.

    Args:
        scale: By how much what is ticked and dragged grows with the text.
    """

    def px(plain: int) -> int:
        return round(plain * scale)

    fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()
    hole = px(14) + 2 - 2 * px(5)  # of a radio button that is chosen, which stays as large as it was
    icons = resource("icons", "light" if shades is LIGHT else "dark").as_posix()
    return f"""
QLabel[role="title"] {{ font-size: {points * 1.7:.1f}pt; font-weight: 600; }}
QLabel[role="heading"] {{ font-size: {points * 1.12:.1f}pt; font-weight: 600; }}
QLabel[role="figure"] {{ font-size: {points * 1.5:.1f}pt; font-weight: 600; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="muted"] {{ color: {shades.muted}; }}
QLabel[role="caption"] {{ color: {shades.muted}; font-size: {points * 0.92:.1f}pt; }}
QLabel[role="problem"] {{ color: {shades.bad}; font-size: {points * 0.92:.1f}pt; }}
QLabel[role="predicted"] {{ font-style: italic; color: {shades.accent}; }}
QLabel[tone="good"] {{ color: {shades.good}; }}
QLabel[tone="bad"] {{ color: {shades.bad}; }}
QLabel[tone="doubted"] {{ color: {shades.edge}; }}
QPlainTextEdit[role="log"] {{ font-family: "{fixed}"; font-size: {points * 0.95:.1f}pt; }}
QFrame[role="card"] {{ background: {shades.surface}; border: 1px solid {shades.border}; border-radius: 8px; }}
QFrame[role="banner"] {{ background: {shades.bad_soft}; border: 1px solid {shades.bad}; border-radius: 8px; }}
QFrame[role="caution"] {{ background: {shades.surface}; border: 1px solid {shades.warning}; border-radius: 8px; }}
QLabel[role="amber"] {{ color: {shades.warning}; }}
QFrame[role="notice"] {{ background: {shades.accent_soft}; border: 1px solid {shades.border}; border-radius: 8px; }}
QFrame[role="upright"] {{ background: {shades.border}; border: none; }}
QFrame[role="rule"] {{ background: {shades.border}; border: none; max-height: 1px; min-height: 1px; }}
QWidget[role="side"] {{ background: {shades.surface}; }}
QWidget[role="bar"] {{ background: {shades.surface}; border-top: 1px solid {shades.border}; }}
QLineEdit, QPlainTextEdit, QAbstractItemView, QComboBox, QAbstractSpinBox {{ background: {shades.surface};
  border: 1px solid {shades.edge}; border-radius: 5px; padding: 2px 6px;
  selection-background-color: {shades.accent}; selection-color: {shades.on_accent}; }}
QAbstractItemView {{ padding: 2px; border-color: {shades.border}; }}
QLineEdit:focus, QPlainTextEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {{
  border: 2px solid {shades.accent}; padding: 1px 5px; }}
QAbstractItemView:focus {{ border: 2px solid {shades.accent}; padding: 1px; }}
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled {{ background: {shades.window};
  color: {shades.muted}; border-color: {shades.border}; }}
QAbstractSpinBox QLineEdit {{ border: none; padding: 0 4px; background: transparent; }}
QComboBox::drop-down {{ border: none; width: {px(22)}px; }}
QComboBox::down-arrow {{ image: url({icons}/down.svg); width: {px(11)}px; height: {px(11)}px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{
  border: none; width: {px(20)}px; background: transparent; }}
QAbstractSpinBox::up-arrow {{ image: url({icons}/up.svg); width: {px(9)}px; height: {px(9)}px; }}
QAbstractSpinBox::down-arrow {{ image: url({icons}/down.svg); width: {px(9)}px; height: {px(9)}px; }}
QTreeView::item {{ padding: {px(3)}px 0; }}
QTableView, QHeaderView {{ font-size: {points * 0.92:.1f}pt; }}
QHeaderView {{ background: {shades.surface}; border: none; padding: 0; }}
QHeaderView::section {{ background: {shades.surface}; color: {shades.muted}; border: none;
  border-bottom: 1px solid {shades.border}; padding: 4px 2px; }}
QTableView {{ padding: 0; alternate-background-color: {shades.sunken}; }}
QTableView:focus {{ padding: 0; }}
QTableView::item {{ padding: 0 2px; }}
QRadioButton, QCheckBox {{ spacing: {px(7)}px; }}
QRadioButton::indicator, QCheckBox::indicator, QTableView::indicator {{
  width: {px(14)}px; height: {px(14)}px; background: {shades.surface};
  border: 1px solid {shades.edge}; border-radius: 4px; }}
QRadioButton::indicator {{ border-radius: {px(14) // 2 + 1}px; }}
QRadioButton::indicator:checked {{ width: {hole}px; height: {hole}px; border: {px(5)}px solid {shades.accent}; }}
QCheckBox::indicator:checked, QTableView::indicator:checked {{
  background: {shades.accent}; border-color: {shades.accent}; image: url({icons}/check.svg); }}
QRadioButton::indicator:disabled, QCheckBox::indicator:disabled {{ border-color: {shades.border};
  background: {shades.window}; }}
QCheckBox::indicator:checked:disabled {{ background: {shades.muted}; border-color: {shades.muted}; }}
QRadioButton::indicator:checked:disabled {{ border-color: {shades.muted}; }}
QCheckBox:focus, QRadioButton:focus {{ color: {shades.accent}; }}
QScrollArea, QScrollArea > QWidget > QWidget[role="page"] {{ background: transparent; border: none; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QPushButton {{ background: {shades.surface}; color: {shades.text}; border: 1px solid {shades.border};
  border-radius: 6px; padding: 5px 14px; }}
QPushButton:hover {{ border-color: {shades.accent}; }}
QPushButton:pressed {{ background: {shades.accent_soft}; }}
QPushButton:disabled {{ color: {shades.muted}; background: {shades.window}; }}
QPushButton:focus {{ border: 2px solid {shades.accent}; padding: 4px 13px; }}
QPushButton[kind="primary"] {{ background: {shades.accent}; color: {shades.on_accent};
  border: 1px solid {shades.accent}; font-weight: 600; }}
QPushButton[kind="primary"]:hover {{ background: {shades.accent_hover}; }}
QPushButton[kind="primary"]:focus {{ border: 2px solid {shades.text}; }}
QPushButton[kind="primary"]:disabled {{ background: {shades.border}; color: {shades.muted};
  border-color: {shades.border}; }}
QPushButton[kind="link"] {{ background: transparent; border: none; color: {shades.accent}; padding: 2px 4px;
  text-align: left; }}
QPushButton[kind="link"]:hover {{ text-decoration: underline; }}
QPushButton[kind="link"]:focus {{ border: 1px dashed {shades.accent}; padding: 1px 3px; }}
QPushButton[kind="mark"] {{ min-width: {px(15)}px; max-width: {px(15)}px; min-height: {px(15)}px;
  max-height: {px(15)}px; padding: 0; border: 1px solid {shades.border}; border-radius: {px(15) // 2 + 1}px;
  background: transparent; color: {shades.muted}; font-size: {points * 0.85:.1f}pt; }}
QPushButton[kind="mark"]:hover {{ color: {shades.accent}; border-color: {shades.accent}; }}
QPushButton[kind="mark"]:focus {{ border: 2px solid {shades.accent}; color: {shades.accent};
  min-width: {px(15) - 2}px; max-width: {px(15) - 2}px; min-height: {px(15) - 2}px; max-height: {px(15) - 2}px; }}
QFrame[role="term"] {{ background: {shades.surface}; border: 1px solid {shades.edge}; }}
QToolTip, QLabel[role="tip"] {{ background: {shades.surface}; color: {shades.text};
  border: 1px solid {shades.border}; padding: 4px; }}
QMenuBar {{ background: {shades.surface}; border-bottom: 1px solid {shades.border}; }}
QMenuBar::item {{ padding: 5px 10px; background: transparent; }}
QMenuBar::item:selected {{ background: {shades.accent_soft}; border-radius: 4px; }}
QProgressBar {{ border: none; border-radius: {px(4)}px; background: {shades.border};
  max-height: {px(8)}px; min-height: {px(8)}px; }}
QProgressBar::chunk {{ background: {shades.accent}; border-radius: {px(4)}px; }}
QSlider::groove:horizontal {{ height: {px(4)}px; border-radius: 2px; background: {shades.border}; }}
QSlider::sub-page:horizontal {{ height: {px(4)}px; border-radius: 2px; background: {shades.accent}; }}
QSlider::sub-page:horizontal:disabled {{ background: {shades.border}; }}
QSlider::handle:horizontal {{ width: {px(14)}px; height: {px(14)}px; margin: -{(px(14) + 2 - px(4)) // 2}px 0;
  border-radius: {px(14) // 2 + 1}px;
  background: {shades.surface}; border: 1px solid {shades.edge}; }}
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{ border: 2px solid {shades.accent};
  width: {px(14) - 2}px; height: {px(14) - 2}px; }}
QScrollBar:vertical {{ background: transparent; width: {px(12)}px; margin: 2px; }}
QScrollBar:horizontal {{ background: transparent; height: {px(12)}px; margin: 2px; }}
QScrollBar::handle {{ background: {shades.border}; border-radius: {px(4)}px;
  min-height: {px(28)}px; min-width: {px(28)}px; }}
QScrollBar::handle:hover {{ background: {shades.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""
