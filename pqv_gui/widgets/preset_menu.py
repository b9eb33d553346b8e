"""The presets: a button with a menu for the open project, a card for a new one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from pqv_core.project.presets import PRESETS
from pqv_gui.i18n import tr
from pqv_gui.widgets.basics import Card, button, column, label
from pqv_gui.widgets.folding_columns import FoldingColumns


class PresetButton(QPushButton):
    """Opens a menu of the presets."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__(tr("Presets"))
        self.setAccessibleName(tr("Apply a preset’s settings"))
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for name, preset in PRESETS.items():
            action = menu.addAction(tr(preset.label))
            action.setToolTip(tr(preset.sentence))
            action.triggered.connect(lambda _=False, name=name: self.chosen.emit(name))
        self.setMenu(menu)


class PresetCard(Card):
    """One button a preset, with its sentence."""

    def __init__(self, chosen: Callable[[str], object]) -> None:
        super().__init__(
            tr("New project from a preset"), tr("A preset only fills in settings; you can change them afterwards.")
        )
        self.buttons: dict[str, QPushButton] = {}
        parts: list[tuple[QWidget, int]] = []
        for name, preset in PRESETS.items():
            part = QWidget()
            lines = column(part, gap=0.3)
            self.buttons[name] = button(
                tr(preset.label), partial(chosen, name), name=f"{tr('New project')}: {tr(preset.label)}"
            )
            lines.addWidget(self.buttons[name])
            lines.addWidget(label(tr(preset.sentence), "muted", wrap=True))
            lines.addStretch()
            parts.append((part, 1))
        self.body.addWidget(FoldingColumns(parts, fold_below=40))
