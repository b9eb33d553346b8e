"""What a person can do when a project cannot be opened or saved as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pqv_core.errors import ErrorInfo, PqvError
from pqv_core.project.file import FolderGoneError
from pqv_core.project.lock import ProjectOpenError
from pqv_gui.i18n import tr
from pqv_gui.viewmodels.places import Place

if TYPE_CHECKING:
    from pqv_gui.app.window import MainWindow

Offers = dict[str, Callable[[], object]]


def offers(window: MainWindow, path: Path, error: PqvError) -> Offers:
    """What can be done about a project at ``path`` that did not open."""
    recents = window.workspace.recents
    if isinstance(error, ProjectOpenError):
        return {
            tr("Open read-only"): lambda: window.attempt(lambda: window.workspace.open_to_read(path)),
            tr("Open a copy"): lambda: window.attempt(lambda: window.workspace.open_copy(path)),
            tr("Try again"): lambda: window.open_project(path),
        }
    if path in recents.paths:
        return {tr("Remove from list"): lambda: recents.forget(path)}
    return offers_of(window, error.info())


def offers_of(window: MainWindow, error: ErrorInfo) -> Offers:
    """What can be done about an error of the open project."""
    if error.kind == FolderGoneError.__name__:
        return {tr("Save as …"): window.save_as, tr("Try again"): window.save}
    return {}


def restore(window: MainWindow) -> None:
    """Go on where the last window was closed; a project that is not there any more is said in the page."""
    path, place = window.workspace.settings.session
    if path is None:
        return
    window.open_project(path)
    if window.workspace.session.is_open and place in {known.value for known in Place}:
        window.go(Place(place))
