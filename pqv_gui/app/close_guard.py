"""Closing the window: asks once while something is going, saves, and leaves nothing behind."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from pqv_core.errors import PqvError
from pqv_gui.app.commands import Commands, Offers
from pqv_gui.desks.workspace import Workspace
from pqv_gui.i18n import tr
from pqv_gui.pages import PAGES


class CloseGuard:
    """The end of a window."""

    def __init__(self, window: QWidget, commands: Commands, workspace: Workspace) -> None:
        self._window, self._commands, self._work = window, commands, workspace
        self._stopping = False
        self._work.jobs.ended.connect(self.go_on)
        self._work.study_ended.connect(self.go_on)

    @property
    def _going(self) -> bool:
        return self._work.jobs.active or self._work.measures or self._work.studies

    def may_close(self) -> bool:
        """Save and end; False where the person has to be asked first."""
        if self._going and not self._stopping:
            self._ask_to_stop()
            return False
        if not self._saved():
            return False
        self._leave()
        return True

    def go_on(self) -> None:
        """Close, where only what was going had kept the window open."""
        if self._stopping and not self._going:
            self._commands.quit()

    def _ask_to_stop(self) -> None:
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        title, question, end = self._words
        box.setWindowTitle(tr(title))
        box.setText(tr(question))
        kept = [tr(end)] if end else []
        kept += [tr("The queue is saved with the project.")] if self._work.runs.queue.waiting else []
        box.setInformativeText(" ".join(kept) or tr("Nothing is left on the phone."))
        stop = box.addButton(tr("&Stop and close"), QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton(tr("&Keep running"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setModal(True)
        stop.clicked.connect(self._stop)
        box.open()

    @property
    def _words(self) -> tuple[str, str, str]:
        """What goes on, what is asked, and what is kept of it."""
        if self._work.studies:
            kept = "Finished trials are kept; Continue on the Study page goes on from there."
            return "A study is running", "Stop the study and close?", kept
        if self._work.jobs.active:
            return (
                "A run is in progress",
                "Stop the run and close?",
                "Finished work is kept; Resume continues from there.",
            )
        return "A measurement is in progress", "Stop measuring and close?", ""

    def _stop(self) -> None:
        self._stopping = True
        if self._work.jobs.active:
            self._work.runs.cancel()
        if self._work.studies:
            self._work.study.cancel()
        if self._work.measures:
            self._work.phones.cancel()
        self.go_on()

    def _saved(self) -> bool:
        """Save; False where that cannot be, and the person is asked what to do with the settings."""
        try:
            self._work.flush()
        except PqvError as error:
            offers: Offers = {
                tr("Save as …"): self._commands.save_as,
                tr("Try again"): self._commands.quit,
                tr("Close without saving"): self._discard,
            }
            self._commands.present(error.info(), offers=offers)
            return False
        return True

    def _discard(self) -> None:
        self._work.session.close()
        self._commands.quit()

    def _leave(self) -> None:
        work = self._work
        work.settings.geometry = self._window.saveGeometry()
        work.settings.session = (work.session.path, PAGES[self._commands.place].label)
        try:
            work.close()
        except PqvError as error:
            QMessageBox(QMessageBox.Icon.Warning, "PQV-Mobile", str(error)).exec()
