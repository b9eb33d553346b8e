"""The selected run: its name and note, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from pqv_core import labels
from pqv_core.comparison import StoredRun
from pqv_core.project.run_label import NAME_LIMIT, NOTE_LIMIT
from pqv_gui.i18n import tr
from pqv_gui.pages.compare.run_menu import Allowed, RunMenu
from pqv_gui.style.theme import em
from pqv_gui.viewmodels.results import run_choices
from pqv_gui.widgets.basic_inputs import TextInput
from pqv_gui.widgets.basics import Card, ElidedLabel, as_tip, button, label, row
from pqv_gui.widgets.folding_columns import FoldingColumns

_KEEP_MS = 700  # after the last letter


class _NoteInput(QPlainTextEdit):
    """A note that takes in nothing that it could not keep: what is there stays, as does what is in the clipboard."""

    refused = Signal(int)  # letters that it would have had

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Type, as long as there is room."""
        typed = event.text() if event.text().isprintable() or event.text() == "\r" else ""
        if self._has_room_for(len(typed)):
            super().keyPressEvent(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Take in what an input method writes, as long as there is room."""
        if self._has_room_for(len(event.commitString())):
            super().inputMethodEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Paste, or take what was dropped, where all of it has room."""
        if self._has_room_for(len(source.text())):
            super().insertFromMimeData(source)

    def _has_room_for(self, letters: int) -> bool:
        after = len(self.toPlainText()) - len(self.textCursor().selectedText()) + letters
        if letters and after > NOTE_LIMIT:
            self.refused.emit(after)
            return False
        return True


class RunLabelCard(Card):
    """A run's name and note; they are kept as one types."""

    labelled = Signal(object, str, str)  # Path, name, note

    def __init__(self, menu: RunMenu) -> None:
        super().__init__()
        self._run: StoredRun | None = None
        self._edited = False
        self.heading.setText(tr("Selected run"))
        self.which = ElidedLabel("", "muted")
        self.open = button(tr("Open ru&n"), menu.opened.emit, name=tr("Open this run on the Run page"))
        self.compare = button(tr("&Compare with …"), menu.compared.emit)
        self.more = button(tr("&More"), lambda: None, name=tr("More that can be done with this run"))
        self.more.setMenu(menu)
        self.name = TextInput(placeholder=tr("Custom name"))
        self.name.setMaxLength(NAME_LIMIT)
        self.name.setAccessibleName(tr("Run name"))
        self.note = _NoteInput()
        self.note.setPlaceholderText(tr("Notes"))
        self.note.setAccessibleName(tr("Run note"))
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(em(times=3.4))
        title, doings = QWidget(), QWidget()
        line = row(title, gap=0.6)
        line.addWidget(self.heading)
        line.addWidget(self.which, 1)
        line = row(doings, gap=0.6)
        for widget in (self.open, self.compare, self.more):
            line.addWidget(widget)
        line.addStretch()
        self.body.addWidget(FoldingColumns([(title, 1), (doings, 0)], fold_below=32, gap=0.6))
        self.full = label("", "problem", wrap=True)
        self.full.hide()
        self.note.refused.connect(self._say_full)
        self.note.textChanged.connect(self.full.hide)
        fields = row(gap=0.6)
        fields.addWidget(self.name, 2, Qt.AlignmentFlag.AlignTop)
        fields.addWidget(self.note, 3)
        self.body.addLayout(fields)
        self.body.addWidget(self.full)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_KEEP_MS)
        self._soon.timeout.connect(self.keep)
        self.name.textEdited.connect(self._typed)
        self.note.textChanged.connect(self._typed)
        self.name.editingFinished.connect(self.keep)
        self.note.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leaving the note keeps it."""
        if watched is self.note and event.type() == QEvent.Type.FocusOut:
            self.keep()
        return super().eventFilter(watched, event)

    def allow(self, allowed: Allowed) -> None:
        """Enable what can be done with the run now."""
        self.compare.setText(tr("&Compare the two") if allowed.pair else tr("&Compare with …"))
        self.compare.setEnabled(not allowed.compare)
        self.compare.setToolTip(allowed.compare)

    def rename(self) -> None:
        """Bring the person to where the name is typed."""
        self.name.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.name.selectAll()

    def show_run(self, run: StoredRun | None) -> None:
        """Show a run; what is being typed about the same one is left alone."""
        self.setVisible(run is not None)
        if self._run is not None and (run is None or run.directory != self._run.directory):
            self.keep()
        if run is None or run == self._run:
            self._run = run
            return
        same = self._run is not None and self._run.directory == run.directory
        self._run = run
        parts = (run.title, tr(labels.state(run.record.state)), run_choices.when(run.record.created))
        self.which.set_text(" · ".join(parts))
        self.which.setToolTip(as_tip(str(run.directory)))
        self.name.setPlaceholderText(run.made_name or tr("Custom name"))
        if same and (self._edited or self.name.hasFocus() or self.note.hasFocus()):
            return
        self.name.setText(run.label.name)
        self.full.hide()
        self.note.blockSignals(True)
        self.note.setPlainText(run.label.note)
        self.note.blockSignals(False)

    def hideEvent(self, event: QHideEvent) -> None:
        """Going to another page keeps what was typed."""
        super().hideEvent(event)
        self.keep()

    def _say_full(self, letters: int) -> None:
        """Say why what was typed or pasted does not stand there."""
        words = tr("A note has at most {most} characters; what was added would make it {letters}, so it was left out.")
        self.full.setText(words.replace("{most}", f"{NOTE_LIMIT:,}").replace("{letters}", f"{letters:,}"))
        self.full.show()

    def _typed(self) -> None:
        self._edited = True
        self._soon.start()

    def keep(self) -> None:
        """Keep what was typed."""
        self._soon.stop()
        if self._edited and self._run is not None:
            self.labelled.emit(self._run.directory, self.name.text(), self.note.toPlainText())
        self._edited = False
