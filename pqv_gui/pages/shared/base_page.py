"""What all pages share: a heading, a place for messages, and a body that scrolls."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from pqv_core.errors import ErrorInfo
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages import PAGES
from pqv_gui.style.theme import em
from pqv_gui.widgets.banner import Banner
from pqv_gui.widgets.basics import Disclosure, column, label, row
from pqv_gui.widgets.form import Form

_SECTIONS = {
    "DataError": "data",
    "ModelError": "model",
    "PruneError": "prune",
    "QuantizeError": "quantize",
    "ExportError": "export",
}
"""By kind of error the section of the settings that can be chosen otherwise."""
_WIDEST = 76.0  # lines of text: beyond it a form is hard to read


class Page(QWidget):
    """One page. It draws itself anew when it is shown, and on changes while it is.

    Attributes:
        body: Layout that takes the page's content.
    """

    go = Signal(str)  # key of the page that the person wants to see next
    open_wanted = Signal(object)  # Path of a project
    browse_wanted = Signal()

    def __init__(self, workspace: Workspace, *, heading: str, sentence: str) -> None:
        super().__init__()
        self.workspace = workspace
        self.session = workspace.session
        self.banner = Banner()
        self.setAccessibleName(heading)
        outer = column(self, gap=0)
        self.scroller = QScrollArea()
        self.scroller.setWidgetResizable(True)
        self.scroller.setFrameShape(QFrame.Shape.NoFrame)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        content = QWidget()
        content.setProperty("role", "page")
        self.column = QWidget()
        self.column.setMaximumWidth(em(times=_WIDEST))
        centred = row(content, gap=0)
        centred.addStretch()
        centred.addWidget(self.column, 100)
        centred.addStretch()
        self.body = column(self.column, gap=0.8, margin=1.2)
        top = column(gap=0.15)
        top.addWidget(label(heading, "title", wrap=True))
        top.addWidget(label(sentence, "muted", wrap=True))
        self.body.addLayout(top)
        self.body.addWidget(self.banner)
        self.scroller.setWidget(content)
        outer.addWidget(self.scroller)

    def refresh(self) -> None:
        """Show the present state."""

    def refresh_run(self) -> None:
        """Show how far that is which changes often; the rest of the page is as it was."""

    def begin(self) -> None:
        """Bring the person to where something is typed first."""

    def begin_anew(self) -> None:
        """Another project: what was opened, searched and scrolled to in the one before is over."""
        self.scroller.verticalScrollBar().setValue(0)
        for part in self.findChildren(Disclosure):
            part.set_open(False)

    def showEvent(self, event: QShowEvent) -> None:
        """Show the present state, for it was not looked at while hidden."""
        super().showEvent(event)
        self.refresh()

    def present(self, error: ErrorInfo, *, offers: dict[str, Callable[[], object]] | None = None) -> None:
        """Show an error at the top of the page, with the way to the page where it is mended.

        Args:
            offers: Buttons that do something about it.
        """
        logging.getLogger("pqv").warning("%s %s", error.message, error.details)
        self.banner.present(error, offers={**(offers or {}), **self._way_to_cure(error)})
        self.scroller.verticalScrollBar().setValue(0)

    def _way_to_cure(self, error: ErrorInfo) -> dict[str, Callable[[], object]]:
        section = _SECTIONS.get(error.kind)
        page = next((info for info in PAGES.values() if section in info.sections), None)
        own = f"{type(self).__module__}:{type(self).__qualname__}"
        if page is None or page.implementation == own or self.session.path is None:
            return {}
        return {tr("Go to {page}").replace("{page}", tr(page.label)): lambda: self.go.emit(page.key)}


class FormPage(Page):
    """A page of the wizard: fields bound to settings."""

    def __init__(self, workspace: Workspace, *, heading: str, sentence: str) -> None:
        super().__init__(workspace, heading=heading, sentence=sentence)
        self.form = Form(workspace.session)
        self.writers: list[QWidget] = []
        """What changes settings beside the form's fields: like them of no use in a project that is open to read."""

    def show_field(self, name: str) -> None:
        """Bring the field of a setting to sight and the keyboard to it, where it has one now."""
        if name in self.form.names:
            editor = self.form.uncover(name)
            editor.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.scroller.ensureWidgetVisible(editor)

    def refresh(self) -> None:
        """Show what the settings hold and what is missing."""
        self.form.refresh()
        self.form.set_writable(self.session.writable)
        for widget in self.writers:
            widget.setEnabled(self.session.writable)
        self.form.show_problems(self.workspace.problems)
