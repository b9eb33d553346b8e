"""Fields bound to settings: label, editor, hint, and below it what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, cast

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QSizePolicy, QWidget

from pqv_gui.i18n import tr
from pqv_gui.style.theme import em
from pqv_gui.viewmodels import display_names
from pqv_gui.viewmodels.project_session import Problem
from pqv_gui.widgets.basics import Disclosure, column, label, row
from pqv_gui.widgets.term_mark import with_mark


class Editor(Protocol):
    """What a field needs of its editor."""

    changed: Any

    def get(self) -> Any:
        """The value as the config holds it."""

    def set_value(self, value: Any) -> None:
        """Show a value."""


class FormSettings(Protocol):
    """Where the values are kept, under dotted names."""

    def get(self, name: str) -> Any:
        """The value of a setting."""

    def set(self, name: str, value: Any) -> None:
        """Take over what a person has entered."""


class _Field(QWidget):
    def __init__(self, editor: QWidget, *, text: str, hint: str, beside: bool, term: str) -> None:
        super().__init__()
        self.editor = editor
        self.problem: QLabel = label("", "problem", wrap=True)
        self.problem.hide()
        layout = column(self, gap=0.25)
        name: QWidget | None = None
        if text:
            self.name = label(text)
            self.name.setTextFormat(Qt.TextFormat.AutoText)
            self.name.setBuddy(editor)
            name = with_mark(self.name, term)
        else:
            editor = with_mark(editor, term)
        if name is not None and beside:
            line = row(gap=0.6)
            line.addWidget(name, 1)
            line.addWidget(editor)
            layout.addLayout(line)
        else:
            if name is not None:
                layout.addWidget(name)
            layout.addWidget(editor)
        if hint:
            layout.addWidget(label(hint, "caption", wrap=True))
        layout.addWidget(self.problem)


class Form:
    """Keeps editors and settings the same, both ways. It is no widget: a page puts the fields where it wants."""

    def __init__(self, settings: FormSettings) -> None:
        self._settings = settings
        self._fields: dict[str, _Field] = {}
        self._vain: set[str] = set()
        self._writable = True

    @property
    def names(self) -> Iterable[str]:
        """The settings that have a field here."""
        return self._fields.keys()

    def editor(self, name: str) -> QWidget:
        """The editor of a setting."""
        return self._fields[name].editor

    def uncover(self, name: str) -> QWidget:
        """What takes the keyboard for a setting (its editor or a part of that), after what hides it was opened."""
        _uncover(self._fields[name])
        editor = self.editor(name)
        parts = [part for part in editor.findChildren(QAbstractButton) if part.isCheckable()]
        if editor.focusPolicy() != Qt.FocusPolicy.NoFocus or editor.focusProxy() is not None or not parts:
            return editor
        return next((part for part in parts if part.isChecked()), parts[0])

    def field(self, name: str) -> QWidget:
        """The whole field of a setting: label, editor, hint and problem."""
        return self._fields[name]

    def add(
        self, name: str, editor: QWidget, *, text: str | None = None, hint: str = "", beside: bool = False
    ) -> QWidget:
        """Make a field for the setting ``name``.

        Args:
            text: Label, with a mnemonic; None takes the setting's name, empty leaves it out.
            beside: The editor stands at the right of its label, not below it.
        """
        shown = tr(display_names.setting(name)) if text is None else text
        if not editor.accessibleName():
            editor.setAccessibleName(tr(display_names.setting(name)))
        if hint:
            editor.setAccessibleDescription(hint)
        if beside:
            editor.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            editor.setFixedWidth(max(em(times=9.5), editor.sizeHint().width() if isinstance(editor, QComboBox) else 0))
        field = _Field(editor, text=shown, hint=hint, beside=beside, term=display_names.TERMS.get(name, ""))
        self._fields[name] = field
        cast(Editor, editor).changed.connect(lambda value, name=name: self._edited(name, value))
        return field

    def allow(self, name: str, allowed: bool) -> None:
        """Enable a field where the setting can be made."""
        (self._vain.discard if allowed else self._vain.add)(name)
        self._fields[name].setEnabled(allowed and self._writable)

    def set_writable(self, writable: bool) -> None:
        """Enable all that is allowed, or nothing."""
        self._writable = writable
        for name in self._fields:
            self.allow(name, name not in self._vain)

    def _edited(self, name: str, value: Any) -> None:
        if self._settings.get(name) != value:
            self._settings.set(name, value)

    def refresh(self) -> None:
        """Show what the settings hold."""
        for name, field in self._fields.items():
            editor = cast(Editor, field.editor)
            value = self._settings.get(name)
            if editor.get() != value:
                blocked = QSignalBlocker(field.editor)
                editor.set_value(value)
                del blocked

    def show_problems(self, problems: Iterable[Problem]) -> None:
        """Say beside each field what is missing there; what hides a field with something new is opened."""
        by_field = {problem.field: problem.message for problem in problems}
        for name, field in self._fields.items():
            message = by_field.get(name, "")
            if message and message != field.problem.text():
                _uncover(field)
            field.problem.setText(message)
            field.problem.setVisible(bool(message))


def _uncover(widget: QWidget) -> None:
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, Disclosure):
            above.set_open(True)
        above = above.parentWidget()
