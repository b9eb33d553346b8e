"""What stands in an exported file: its facts, and its operators."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QWidget,
)

from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.widgets.basics import column, label

Rows = Sequence[tuple[str, str]]


class ExportedFileDialog(QDialog):
    """Two tables and a button. The texts come from the file: they are shown as they are, never as markup."""

    def __init__(self, parent: QWidget, *, name: str, facts: Rows, operators: Rows) -> None:
        super().__init__(parent)
        self.setWindowTitle(name)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(em(times=48), em(times=32))
        outer = column(self, gap=0.8, margin=1)
        outer.addWidget(label(name, "title", wrap=True))
        tabs = QTabWidget()
        tabs.setAccessibleName(tr("File contents"))
        self.facts = _table(facts, tr("Facts"), (tr("Fact"), tr("Value")))
        self.operators = _table(operators, tr("Operators"), (tr("Operator"), tr("Arguments")))
        tabs.addTab(self.facts, tr("Fac&ts"))
        tabs.addTab(self.operators, tr("&Operators"))
        outer.addWidget(tabs, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)


def _table(rows: Rows, name: str, heads: tuple[str, str]) -> QTableWidget:
    made = QTableWidget(len(rows), 2)
    made.setAccessibleName(name)
    made.setHorizontalHeaderLabels(heads)
    made.verticalHeader().hide()
    made.setShowGrid(False)
    made.setTabKeyNavigation(False)
    made.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    for row, texts in enumerate(rows):
        for place, text in enumerate(texts):
            made.setItem(row, place, QTableWidgetItem(text))
    made.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    made.horizontalHeader().setStretchLastSection(True)
    made.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
    made.resizeRowsToContents()
    return made
