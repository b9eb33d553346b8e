"""About PQV-Mobile: what it is, its versions, and the licences of all that it stands on."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTabWidget, QTextBrowser, QWidget

from pqv_core.errors import PqvError
from pqv_core.files.resource_files import resource
from pqv_gui.i18n import tr
from pqv_gui.services import bug_report
from pqv_gui.style.theme import em
from pqv_gui.widgets.basics import column, label


class AboutDialog(QDialog):
    """Two tabs and a button."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About PQV-Mobile"))
        self.resize(em(times=44), em(times=32))
        outer = column(self, gap=0.8, margin=1)
        outer.addWidget(label("PQV-Mobile", "title"))
        outer.addWidget(label(tr("Prunes, quantizes, exports and measures Vision Transformers for phones."), wrap=True))
        tabs = QTabWidget()
        tabs.setAccessibleName(tr("About PQV-Mobile"))
        tabs.addTab(_text(_versions(), tr("Versions")), tr("Ver&sions"))
        tabs.addTab(_text(_licences(), tr("Licences")), tr("&Licences"))
        outer.addWidget(tabs, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)


def _text(markdown: str, name: str) -> QTextBrowser:
    made = QTextBrowser()
    made.setOpenLinks(False)
    made.setAccessibleName(name)
    made.setMarkdown(markdown)
    return made


def _versions() -> str:
    lines = [f"- {name} {version}" for name, version in bug_report.versions().items()]
    grew = tr("Based on the PQV-Mobile paper (arXiv 2408.08437). Licence: Apache-2.0.")
    return "\n".join([grew, "", *lines])


def _licences() -> str:
    try:
        return resource("licences", "THIRD-PARTY.md").read_text(encoding="utf-8")
    except (PqvError, OSError):
        return tr("The list of licences is missing from this installation.")
