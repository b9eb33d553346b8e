"""About PQV-Mobile: what it is, its versions to copy, and the licences of all that it stands on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QTabWidget,
    QWidget,
)

from pqv_core.errors import PqvError
from pqv_core.files.resource_files import resource
from pqv_gui.i18n import tr
from pqv_gui.services import bug_report
from pqv_gui.style.theme import em
from pqv_gui.widgets.basics import button, column, fit, label, row
from pqv_gui.widgets.markdown_view import MarkdownView

_ICON = 4.2  # its side, in lines of text


class AboutDialog(QDialog):
    """What it is, then two tabs."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About PQV-Mobile"))
        self._versions = bug_report.versions()
        outer = column(self, gap=0.8, margin=1)
        outer.addLayout(self._head(parent))
        tabs = QTabWidget()
        tabs.setAccessibleName(tr("About PQV-Mobile"))
        tabs.addTab(self._version_list(), tr("Ver&sions"))
        licences = MarkdownView(name=tr("Licences"))
        licences.show_markdown(_licences())
        tabs.addTab(licences, tr("&Licences"))
        outer.addWidget(tabs, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        self.copy = button(tr("C&opy versions"), self._copy, name=tr("Copy all versions"))
        buttons.addButton(self.copy, QDialogButtonBox.ButtonRole.ActionRole)
        outer.addWidget(buttons)
        fit(self, 44, 34)

    def _head(self, parent: QWidget) -> QHBoxLayout:
        head, words = row(gap=1.0), column(gap=0.15)
        icon = QLabel()
        icon.setPixmap(parent.windowIcon().pixmap(em(times=_ICON), em(times=_ICON)))
        head.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        words.addWidget(label("PQV-Mobile", "title"))
        version = tr("Version {version}").replace("{version}", self._versions.get("pqv-mobile", "?"))
        words.addWidget(label(version, "strong"))
        words.addWidget(label(tr("Prunes, quantizes, exports and measures Vision Transformers for phones."), wrap=True))
        paper = tr("Based on the PQV-Mobile paper (arXiv 2408.08437). Licence: Apache-2.0.")
        words.addWidget(label(paper, "muted", wrap=True))
        head.addLayout(words, 1)
        return head

    def _version_list(self) -> QWidget:
        page, scroller = QWidget(), QScrollArea()
        page.setProperty("role", "page")
        scroller.setWidgetResizable(True)
        scroller.setAccessibleName(tr("Versions"))
        scroller.setWidget(page)
        grid = QGridLayout(page)
        grid.setContentsMargins(em(times=0.8), em(times=0.6), em(times=0.8), em(times=0.6))
        grid.setHorizontalSpacing(em(times=1.5))
        for line, (name, version) in enumerate(self._versions.items()):
            shown = label(version)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            shown.setAccessibleName(f"{name} {version}")
            grid.addWidget(label(name, "muted"), line, 0)
            grid.addWidget(shown, line, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(self._versions), 1)
        return scroller

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(f"{name}: {text}" for name, text in self._versions.items()))
        self.copy.setText(tr("Copied"))


def _licences() -> str:
    try:
        return resource("licences", "THIRD-PARTY.md").read_text(encoding="utf-8")
    except (PqvError, OSError):
        return tr("The list of licences is missing from this installation.")
