"""A choice among runs, which may be many and have long names."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListView, QSizePolicy

from pqv_gui.i18n import tr
from pqv_gui.viewmodels.results.run_choices import RunChoice
from pqv_gui.widgets.basic_inputs import ComboInput
from pqv_gui.widgets.basics import as_tip

_LETTERS = 12  # that have room however narrow it is
_AT_ONCE = 16  # lines of the open list


class RunPicker(ComboInput):
    """Runs, the newest first. It is as wide as there is room, and cuts names that are wider.

    Args:
        name: For a screen reader.
    """

    def __init__(self, name: str) -> None:
        super().__init__({})
        self._choices: Sequence[RunChoice] = ()
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(ComboInput.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(_LETTERS)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaxVisibleItems(_AT_ONCE)
        view = QListView()
        view.setUniformItemSizes(True)  # Qt asks every line for its size otherwise
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setView(view)

    def show_runs(self, choices: Sequence[RunChoice], chosen: str) -> None:
        """Offer these, with one of them chosen; nothing is told of it."""
        if choices is not self._choices and list(choices) != list(self._choices):
            self.blockSignals(True)
            self.clear()
            self.addItems([_words(choice) for choice in choices])
            for place, choice in enumerate(choices):
                self.setItemData(place, choice.key, Qt.ItemDataRole.UserRole)
            self.blockSignals(False)
        self._choices = choices
        place = next((place for place, choice in enumerate(self._choices) if choice.key == chosen), -1)
        if place != self.currentIndex():
            self.setCurrentIndex(place)
        self.setToolTip(as_tip(self._choices[place].tip) if place >= 0 else "")

    def showPopup(self) -> None:
        """Open the list, whose lines say more on hover."""
        for place, choice in enumerate(self._choices):
            self.setItemData(place, as_tip(choice.tip), Qt.ItemDataRole.ToolTipRole)
        super().showPopup()


def _words(choice: RunChoice) -> str:
    return f"{choice.words} · {tr(choice.state)}" if choice.state else choice.words
