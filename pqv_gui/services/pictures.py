"""Small pictures of image files, read beside the window."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from pqv_core.config.data import Scale
from pqv_core.data import images
from pqv_gui.services.jobs import Tasks

_SIDE = 96
_AT_A_TIME = 16  # so that pictures come soon, and those that have been scrolled away are not read
_KEPT = 600  # 28 kB each


def load(paths: Sequence[Path], *, scale: Scale) -> list[QImage]:
    """Read pictures as a run does, and make them small. May be called in any thread; what cannot be read is left out.

    Args:
        scale: What is black and white in images of more than 8 bits.
    """
    made = []
    for path in paths:
        with contextlib.suppress(images.UnreadableImageError):
            made.append(_read(path, scale))
    return made


def _read(path: Path, scale: Scale) -> QImage:
    pixels = images.thumbnail(path, side=_SIDE, scale=scale).tobytes()
    return QImage(pixels, _SIDE, _SIDE, 3 * _SIDE, QImage.Format.Format_RGB888).copy()


def _read_each(paths: Sequence[Path], scale: Scale) -> dict[Path, QImage | None]:
    found: dict[Path, QImage | None] = dict.fromkeys(paths)
    for path in paths:
        with contextlib.suppress(images.UnreadableImageError):
            found[path] = _read(path, scale)
    return found


class Pictures(QObject):
    """The pictures that are looked at just now; the newest of them are kept."""

    came = Signal()

    def __init__(self, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._scale = Scale()
        self._kept: OrderedDict[Path, QImage | None] = OrderedDict()
        self._wanted: dict[Path, None] = {}
        self._reading = False

    def begin(self, scale: Scale) -> None:
        """Other images, whose values are read in this way; they are read anew."""
        self._scale = scale
        self._kept.clear()
        self._wanted.clear()

    def known(self, path: Path) -> bool:
        """Whether it has been tried to read a picture; else ``want`` it."""
        return path in self._kept

    def get(self, path: Path) -> QImage | None:
        """A picture that is known; None where it cannot be read."""
        self._kept.move_to_end(path)
        return self._kept[path]

    def want(self, paths: Sequence[Path]) -> None:
        """Read these, and none that were wanted before and are not among them."""
        self._wanted = dict.fromkeys(path for path in paths if path not in self._kept)
        self._read_next()

    def _read_next(self) -> None:
        if self._reading or not self._wanted:
            return
        self._reading = True
        paths, scale = list(self._wanted)[:_AT_A_TIME], self._scale
        self._tasks.start(
            lambda _: _read_each(paths, scale),
            done=partial(self._take, scale),
            failed=lambda _: self._take(scale, dict.fromkeys(paths)),
        )

    def _take(self, scale: Scale, found: dict[Path, QImage | None]) -> None:
        self._reading = False
        if scale is self._scale:
            self._kept |= found
            for path in found:
                self._wanted.pop(path, None)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            self.came.emit()
        self._read_next()
