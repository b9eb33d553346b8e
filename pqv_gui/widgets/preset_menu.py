"""The presets: a button with a menu for the open project, a card for a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from pqv_core.project import own_presets
from pqv_core.project.presets import PRESETS, Preset
from pqv_gui.i18n import tr
from pqv_gui.widgets.basics import Card, as_tip, button, column, label
from pqv_gui.widgets.folding_columns import FoldingColumns


class PresetButton(QPushButton):
    """Opens a menu of the presets, and of what can be done with one's own."""

    chosen = Signal(str)
    save_wanted = Signal()
    removed = Signal(str)

    def __init__(self) -> None:
        super().__init__(tr("Presets"))
        self.setAccessibleName(tr("Apply a preset’s settings"))
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self.refresh)
        self.setMenu(menu)
        self._list({})

    def refresh(self) -> None:
        """List what there is now: another window may have saved one."""
        self._list(own_presets.found())

    def _list(self, own: Mapping[str, Preset]) -> None:
        menu = self.menu()
        menu.clear()
        for name, preset in PRESETS.items():
            self._add(menu, name, tr(preset.label), tr(preset.sentence))
        menu.addSeparator()
        for name, preset in own.items():
            self._add(menu, name, _plain(preset), as_tip(preset.sentence))
        menu.addAction(tr("Save as preset …")).triggered.connect(lambda _=False: self.save_wanted.emit())
        if own:
            remove = menu.addMenu(tr("Remove"))
            for name, preset in own.items():
                action = remove.addAction(_plain(preset))
                action.triggered.connect(lambda _=False, name=name: self.removed.emit(name))

    def _add(self, menu: QMenu, name: str, text: str, tip: str) -> None:
        action = menu.addAction(text)
        action.setToolTip(tip)
        action.triggered.connect(lambda _=False, name=name: self.chosen.emit(name))


def _plain(preset: Preset) -> str:
    """A name of a person's own, in which & is no mnemonic."""
    return preset.label.replace("&", "&&")


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
        self._chosen = chosen
        self.own = QPushButton(tr("One of your own"))
        self.own.setAccessibleName(tr("New project from a preset of your own"))
        self.own.setMenu(QMenu(self.own))
        self.own.hide()
        self.body.addWidget(self.own, 0, Qt.AlignmentFlag.AlignLeft)

    def refresh(self) -> None:
        """List a person's own, where there are any."""
        menu, found = self.own.menu(), own_presets.found()
        menu.clear()
        for name, preset in found.items():
            menu.addAction(_plain(preset)).triggered.connect(lambda _=False, name=name: self._chosen(name))
        self.own.setVisible(bool(found))
