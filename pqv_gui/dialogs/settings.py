"""What belongs to the person and to no project. Every change is at work at once, so there is nothing to confirm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QEvent, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFrame, QScrollArea, QWidget

from pqv_gui.i18n import tr
from pqv_gui.style.theme import TEXT_SCALES
from pqv_gui.viewmodels import display_names
from pqv_gui.viewmodels.project_session import Problem
from pqv_gui.widgets.basic_inputs import CheckInput, ComboInput, TextInput
from pqv_gui.widgets.basics import Card, ElidedLabel, button, column, fit, label, plain, row
from pqv_gui.widgets.form import Form, FormSettings
from pqv_gui.widgets.number_inputs import IntInput
from pqv_gui.widgets.path_input import PathInput

_SIZE = (40, 44)  # in lines of text
Kept = Sequence[tuple[str, Path]]


class Preferences(FormSettings, Protocol):
    """Where the values are kept."""

    @property
    def problems(self) -> Iterable[Problem]:
        """What is wrong with what was entered."""


class SettingsDialog(QDialog):
    """Cards below each other.

    Args:
        kept: What lies on this computer beside the projects: its name, and the folder.
    """

    def __init__(self, parent: QWidget, preferences: Preferences, *, kept: Kept) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self.setWindowTitle(tr("Settings"))
        self.form = Form(preferences)
        outer = column(self, gap=0.6, margin=0.8)
        content = QWidget()
        content.setProperty("role", "page")
        cards = column(content, gap=0.8)
        for card in (self._appearance(), self._projects(), self._phones(), self._kept(kept)):
            cards.addWidget(card)
        cards.addStretch()
        scroller = QScrollArea()
        scroller.setWidgetResizable(True)
        scroller.setFrameShape(QFrame.Shape.NoFrame)
        scroller.setWidget(content)
        outer.addWidget(scroller, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)
        fit(self, *_SIZE)
        self.form.refresh()
        self._show_problems()  # what was refused is still there when it is opened again
        for name in self.form.names:
            self.form.editor(name).changed.connect(self._show_problems)  # type: ignore[attr-defined]

    def _appearance(self) -> Card:
        card = Card(tr("Appearance"))
        modes = ComboInput({key: plain(tr(text)) for key, text in display_names.MODES.items()})
        sizes = ComboInput({percent: f"{percent} %" for percent in TEXT_SCALES})
        modes.setAccessibleName(tr("Colours"))
        sizes.setAccessibleName(tr("Text size"))
        card.body.addWidget(self.form.add("view.mode", modes, text=tr("C&olours"), beside=True))
        card.body.addWidget(self.form.add("view.text_scale", sizes, text=tr("&Text size"), beside=True))
        notify = CheckInput(tr("&Notify me when work ends in the background"))
        hint = tr("A run, a study or a measurement of a minute or more, while another window is in front.")
        card.body.addWidget(self.form.add("notify.ended", notify, text="", hint=hint))
        return card

    def _projects(self) -> Card:
        card = Card(tr("New projects"))
        folder = PathInput(folder=True, name=tr("Folder of new projects"))
        threads = IntInput(1, 256, none=tr("Automatic"))
        threads.setAccessibleName(tr("Threads that new projects measure with"))
        card.body.addWidget(self.form.add("projects.folder", folder, text=tr("Fo&lder")))
        hint = tr("With how many a new project measures; each project can have its own on the Export page.")
        card.body.addWidget(self.form.add("projects.threads", threads, text=tr("Thre&ads"), hint=hint, beside=True))
        return card

    def _phones(self) -> Card:
        card = Card(tr("Phones"))
        server = TextInput(placeholder="127.0.0.1:5037")
        server.setAccessibleName(tr("Address of the adb server"))
        hint = tr(
            "Where a running adb server is asked for phones, as HOST:PORT. Empty for the usual one. "
            "It is never started or stopped; without one, phones are reached directly."
        )
        card.body.addWidget(self.form.add("adb.server", server, text=tr("adb &server"), hint=hint))
        return card

    def _kept(self, kept: Kept) -> Card:
        card = Card(
            tr("Kept on this computer"), tr("What can be fetched or measured anew; runs lie beside their projects.")
        )
        for name, folder in kept:
            line, path = row(gap=0.6), ElidedLabel(str(folder), "muted")
            show = button(tr("Open"), lambda folder=folder: _show(folder), name=f"{tr('Open folder')}: {name}")  # type: ignore[misc]
            there = folder.is_dir()
            show.setEnabled(there)
            if not there:
                path.set_text(tr("Nothing yet"))
            line.addWidget(label(name))
            line.addWidget(path, 1)
            line.addWidget(show)
            card.body.addLayout(line)
        return card

    def changeEvent(self, event: QEvent) -> None:
        """Grow with the text, which can be changed here."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            fit(self, *_SIZE)

    def _show_problems(self) -> None:
        self.form.show_problems(self._preferences.problems)


def _show(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
