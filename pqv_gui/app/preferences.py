"""What a person sets for all projects: read and changed under dotted names, as a form wants it, and at work at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pqv_gui.desks.workspace import Workspace
from pqv_gui.services import adb_choice
from pqv_gui.style.theme import Theme
from pqv_gui.viewmodels.project_session import Problem

MODE, SCALE, FOLDER = "view.mode", "view.text_scale", "projects.folder"
THREADS, NOTIFY, ADB = "projects.threads", "notify.ended", "adb.server"


@dataclass(frozen=True)
class _Preference:
    read: Callable[[], Any]
    take: Callable[[Any], object]
    problem: Callable[[Any], str] = lambda _: ""


class Preferences:
    """A value that cannot be is kept apart until it can: the form shows it, and nothing works by it."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        self._work, self._theme = workspace, theme
        settings = workspace.settings
        self._all = {
            MODE: _Preference(lambda: settings.mode, self._set_mode),
            SCALE: _Preference(lambda: settings.text_scale, self._set_scale),
            FOLDER: _Preference(lambda: str(settings.projects_folder), self._set_folder, _folder_problem),
            THREADS: _Preference(lambda: settings.threads, lambda value: setattr(settings, "threads", value)),
            NOTIFY: _Preference(lambda: settings.notify, lambda value: setattr(settings, "notify", value)),
            ADB: _Preference(lambda: settings.adb_server, self._set_adb_server, adb_choice.problem),
        }
        self._refused: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """The value of a preference, as it was entered last."""
        return self._refused.get(name, self._all[name].read())

    def set(self, name: str, value: Any) -> None:
        """Take over what a person has entered, where it can be."""
        self._refused.pop(name, None)
        if self._all[name].problem(value):
            self._refused[name] = value
        else:
            self._all[name].take(value)

    @property
    def problems(self) -> Iterator[Problem]:
        """What is wrong with the values that were not taken."""
        for name, value in self._refused.items():
            yield Problem(name, self._all[name].problem(value))

    def _set_mode(self, mode: Any) -> None:
        self._work.settings.mode = mode
        self._theme.set_mode(mode)

    def _set_scale(self, percent: int) -> None:
        self._work.settings.text_scale = percent
        self._theme.set_text_scale(percent)

    def _set_folder(self, folder: str) -> None:
        self._work.settings.projects_folder = Path(folder)

    def _set_adb_server(self, address: str) -> None:
        self._work.settings.adb_server = address
        adb_choice.use(address)
        if self._work.session.is_open:
            self._work.phones.watch.look_again()


def _folder_problem(folder: str | None) -> str:
    return "" if folder and Path(folder).is_absolute() else "Give a whole path, such as one chosen by Browse."
