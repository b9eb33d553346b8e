"""What the window remembers between two starts. It belongs to the person, never to a project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from pqv_gui.services import adb_choice
from pqv_gui.style.theme import TEXT_SCALES, Mode
from pqv_gui.viewmodels.recent_projects import TextStore

VERSION = 1
_MODES = ("system", "light", "dark")
_MOST_THREADS = 256


class Settings:
    """Typed access to QSettings. A value that was damaged or is not known reads as the default.

    Args:
        file: An INI file instead of the person's own settings.
    """

    def __init__(self, file: Path | None = None) -> None:
        if file is None:
            self._stored = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "PQV-Mobile", "PQV-Mobile")
        else:
            self._stored = QSettings(str(file), QSettings.Format.IniFormat)
        self._stored.setValue("version", VERSION)

    def _read(self, key: str, default: Any, convert: Callable[[Any], Any]) -> Any:
        try:
            return convert(self._stored.value(key, default))
        except (TypeError, ValueError):
            return default

    @property
    def geometry(self) -> QByteArray:
        """Size and place of the window, as Qt writes them."""
        value = self._stored.value("window/geometry")
        return value if isinstance(value, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._stored.setValue("window/geometry", value)

    @property
    def session(self) -> tuple[Path | None, str]:
        """The project that was open when the window was closed, and the name of its page."""
        project = self._read("session/project", "", str)
        return (Path(project) if project else None), self._read("session/place", "", str)

    @session.setter
    def session(self, value: tuple[Path | None, str]) -> None:
        project, place = value
        self._stored.setValue("session/project", str(project) if project else "")
        self._stored.setValue("session/place", place)

    @property
    def mode(self) -> Mode:
        """Light, dark, or as the system is."""
        text = self._read("view/mode", "system", str)
        return cast(Mode, text) if text in _MODES else "system"

    @mode.setter
    def mode(self, value: Mode) -> None:
        self._stored.setValue("view/mode", value)

    @property
    def text_scale(self) -> int:
        """Size of the text in percent."""
        value = self._read("view/text_scale", 100, int)
        return int(value) if value in TEXT_SCALES else 100

    @text_scale.setter
    def text_scale(self, value: int) -> None:
        self._stored.setValue("view/text_scale", value)

    @property
    def projects_folder(self) -> Path:
        """Where new projects are put, unless another folder is chosen."""
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        default = str(Path(documents or Path.home()) / "PQV-Mobile")
        return Path(self._read("projects/folder", default, str))

    @projects_folder.setter
    def projects_folder(self, value: Path) -> None:
        self._stored.setValue("projects/folder", str(value))

    @property
    def threads(self) -> int | None:
        """With how many threads new projects measure; None for what is usual."""
        value = self._read("projects/threads", 0, int)
        return int(value) if 0 < value <= _MOST_THREADS else None

    @threads.setter
    def threads(self, value: int | None) -> None:
        self._stored.setValue("projects/threads", value or 0)

    @property
    def notify(self) -> bool:
        """Whether the person is told when work ends while the window is in the background."""
        return bool(self._read("notify/ended", 1, int))

    @notify.setter
    def notify(self, value: bool) -> None:
        self._stored.setValue("notify/ended", int(value))

    @property
    def adb_server(self) -> str:
        """Where the adb server listens, as HOST:PORT; empty for what is usual."""
        text = self._read("phones/adb_server", "", str)
        return "" if adb_choice.problem(text) else str(text)

    @adb_server.setter
    def adb_server(self, value: str) -> None:
        self._stored.setValue("phones/adb_server", value)

    @property
    def recents(self) -> TextStore:
        """Where the list of recent projects is kept."""
        return self.store("projects/recent")

    def store(self, key: str) -> TextStore:
        """Where a few lines of text are kept under ``key``."""
        return TextStore(read=lambda: self._read_texts(key), write=lambda lines: self._stored.setValue(key, lines))

    def _read_texts(self, key: str) -> list[str]:
        self._stored.sync()  # what another window has written counts
        value = self._stored.value(key, [])
        lines = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return [line for line in lines if isinstance(line, str)]

    def flush(self) -> None:
        """Write everything out."""
        self._stored.sync()
