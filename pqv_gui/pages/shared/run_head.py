"""Which settings a run has that is shown, and whether the project has others by now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QWidget

from pqv_core.config import RunConfig
from pqv_core.errors import ConfigError
from pqv_gui.i18n import tr
from pqv_gui.viewmodels import display_names
from pqv_gui.viewmodels.results import run_choices
from pqv_gui.widgets.basics import ElidedLabel, button, column, row

_NAMED = 3  # settings; the others are counted


class RunHead(QWidget):
    """Two lines at the head of what a run has to show; the second where the project's settings have changed since.

    Args:
        use: Takes the run's settings over into the project; None where that is offered elsewhere.
    """

    def __init__(self, use: Callable[[], object] | None = None) -> None:
        super().__init__()
        lines = column(self, gap=0.25)
        self.settings = ElidedLabel("", "muted")
        self.changed = ElidedLabel("", "caption")
        self.changed_line = QWidget()
        line = row(self.changed_line, gap=0.6)
        line.addWidget(self.changed, 1)
        self.use = button(tr("Use these settings"), use or (lambda: None), kind="link")
        line.addWidget(self.use)
        if use is None:
            self.use.hide()
        lines.addWidget(self.settings)
        lines.addWidget(self.changed_line)
        self._seen: tuple[object, object] | None = None

    def show_settings(self, did: Mapping[str, Any] | None, now: RunConfig, *, writable: bool) -> None:
        """Show the settings of a run beside those that the project has now; None hides both lines."""
        self.setVisible(did is not None)
        self.use.setEnabled(writable)
        if did is None or (self._seen is not None and self._seen[0] is did and self._seen[1] is now):
            return
        self._seen = did, now
        try:
            words = run_choices.in_a_line(RunConfig.parse(dict(did)))
        except ConfigError as error:  # of another version
            words = error.message
        self.settings.set_text(words)
        names = run_choices.changed_since(did, now)
        self.changed.set_text(f"⚠ {_told(names)}" if names else "")
        self.changed_line.setVisible(bool(names))


def _told(names: Sequence[str]) -> str:
    """Which settings have changed, in a sentence."""
    listed = ", ".join(tr(display_names.setting(name)) for name in names[:_NAMED])
    if len(names) > _NAMED:
        listed += tr(" and {count} more").replace("{count}", f"{len(names) - _NAMED:,}")
    return tr("Settings have changed since: {names}.").replace("{names}", listed)
