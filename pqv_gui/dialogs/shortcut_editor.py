"""The list of shortcuts, which can be changed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from pqv_gui.i18n import tr
from pqv_gui.services.shortcuts import Shortcut, Shortcuts
from pqv_gui.style.theme import em
from pqv_gui.widgets.basics import button, column, label, row

_NAME = Qt.ItemDataRole.UserRole


class ShortcutsDialog(QDialog):
    """Choose an action, press its new keys, apply."""

    def __init__(self, parent: QWidget, shortcuts: Shortcuts) -> None:
        super().__init__(parent)
        self._shortcuts = shortcuts
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.resize(em(times=36), em(times=34))
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(tr("Filter: an action or its keys"))
        self.filter.setAccessibleName(tr("Filter"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._fill)
        self.list = QTreeWidget()
        self.list.setHeaderLabels([tr("Action"), tr("Keys")])
        self.list.setRootIsDecorated(False)
        self.list.setAccessibleName(tr("Actions"))
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.currentItemChanged.connect(lambda *_: self._show())
        self.keys = QKeySequenceEdit()
        self.keys.setMaximumSequenceLength(1)
        self.keys.setClearButtonEnabled(True)
        self.keys.setAccessibleName(tr("New keys"))
        self.keys.keySequenceChanged.connect(lambda *_: self._check())
        self.apply = button(tr("&Apply"), self._apply, kind="primary")
        self.reset = button(tr("Defa&ult"), self._reset, tip=tr("Restore the default keys"))
        self.problem = label("", "problem", wrap=True)
        self._lay_out()
        self._fill()

    def _lay_out(self) -> None:
        outer = column(self, gap=0.6, margin=1)
        outer.addWidget(self.filter)
        outer.addWidget(self.list, 1)
        line = row(gap=0.6)
        name = label(tr("&New keys"))
        name.setBuddy(self.keys)
        for widget in (name, self.keys, self.apply, self.reset):
            line.addWidget(widget)
        outer.addLayout(line)
        outer.addWidget(self.problem)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)

    @property
    def _chosen(self) -> Shortcut | None:
        item = self.list.currentItem()
        name = item.data(0, _NAME) if item else None
        return next((shortcut for shortcut in self._shortcuts if shortcut.name == name), None)

    def _fill(self) -> None:
        chosen = self._chosen
        words = self.filter.text().casefold().split()
        self.list.clear()
        for shortcut in self._shortcuts:
            texts = [shortcut.name, _shown(shortcut)]
            if all(word in " ".join(texts).casefold() for word in words):
                item = QTreeWidgetItem(self.list, texts)
                item.setData(0, _NAME, shortcut.name)
                if chosen is None or shortcut.name == chosen.name:
                    self.list.setCurrentItem(item)
                    chosen = shortcut
        self._show()

    def _show(self) -> None:
        chosen = self._chosen
        self.keys.setKeySequence(chosen.keys if chosen else QKeySequence())
        self.keys.setEnabled(chosen is not None)
        self._check()

    def _check(self) -> None:
        chosen = self._chosen
        taken = self._shortcuts.taken_by(self.keys.keySequence(), other_than=chosen.name) if chosen else None
        keys = self.keys.keySequence().toString(QKeySequence.SequenceFormat.NativeText)
        self.problem.setText(tr("{0} is used by {1}. Press other keys.").format(keys, taken.name) if taken else "")
        self.apply.setEnabled(chosen is not None and taken is None and self.keys.keySequence() != chosen.keys)
        self.reset.setEnabled(chosen is not None and chosen.changed)

    def _apply(self) -> None:
        if self._chosen is not None:
            self._shortcuts.change(self._chosen.name, self.keys.keySequence())
            self._fill()

    def _reset(self) -> None:
        chosen = self._chosen
        if chosen is None:
            return
        taken = next((self._shortcuts.taken_by(keys, other_than=chosen.name) for keys in chosen.defaults), None)
        if taken is not None:
            self.problem.setText(tr("Its keys are used by {0}. Change those first.").format(taken.name))
            return
        self._shortcuts.reset(chosen.name)
        self._fill()


def _shown(shortcut: Shortcut) -> str:
    texts = [keys.toString(QKeySequence.SequenceFormat.NativeText) for keys in shortcut.action.shortcuts()]
    return ", ".join(texts)
