"""The runs that wait for the one before them, and how those ended that were there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pqv_core.config import RunConfig
from pqv_core.project.project_file import QueuedRun
from pqv_gui.viewmodels.observable import Observable
from pqv_gui.viewmodels.project_session import ProjectSession

Outcome = Literal["succeeded", "failed"]
Pause = Literal["", "cancelled", "failed", "reopened"]


@dataclass(frozen=True)
class Ended:
    """A run of the queue that is over.

    Attributes:
        why: What went wrong.
        run: Name of its folder; empty where it was not kept.
    """

    item: QueuedRun
    outcome: Outcome
    why: str = ""
    run: str = ""


class RunQueue(Observable):
    """Runs in the order in which they are done. They are kept in the project's file, each until it has ended."""

    def __init__(self, session: ProjectSession) -> None:
        super().__init__()
        self._session = session
        self.going = False  # the first of those that are kept is being done
        self.pause: Pause = ""
        self.ended: tuple[Ended, ...] = ()

    @property
    def waiting(self) -> tuple[QueuedRun, ...]:
        """The next one first."""
        return self._session.queue[1:] if self.going else self._session.queue

    @property
    def ready(self) -> bool:
        """Whether the next one may begin as soon as nothing else is going."""
        return bool(self.waiting) and not self.pause

    def entered(self) -> None:
        """Another project is open; what waited when it was closed waits for the person."""
        self.going, self.ended = False, ()
        self._set(self.waiting, "reopened")

    def add(self, item: QueuedRun) -> None:
        """Put a run at the end."""
        if not self._session.queue:
            self.ended = ()
        self._set((*self.waiting, item), self.pause)

    def take(self) -> QueuedRun:
        """The next one, which is done now."""
        self.going = True
        self.notify()
        return self._session.queue[0]

    def over(self, ended: Ended) -> None:
        """Note how a run ended; one that was taken is kept no longer."""
        waiting, self.going = self.waiting, False
        if self._session.queue:
            self.ended = (*self.ended, ended)
        self._set(waiting, self.pause)

    def hold(self, why: Pause) -> None:
        """Let nothing begin until the person wants to go on; one that was taken waits at the front again."""
        self.going = False
        self._set(self.waiting, why)

    def go_on(self) -> None:
        """Let the next one begin."""
        self._set(self.waiting, "")

    def remove(self, index: int) -> None:
        """Take a run out."""
        self._set((*self.waiting[:index], *self.waiting[index + 1 :]), self.pause)

    def leave_out(self, config: RunConfig) -> None:
        """Take out what waits with these settings."""
        self._set(tuple(item for item in self.waiting if item.config != config), self.pause)

    def move_up(self, index: int) -> None:
        """Have a run begin before the one that is before it."""
        if index > 0:
            before, item = self.waiting[index - 1 : index + 1]
            self._set((*self.waiting[: index - 1], item, before, *self.waiting[index + 1 :]), self.pause)

    def again(self, index: int) -> None:
        """Put a run that failed at the end once more."""
        item = self.ended[index].item
        self.ended = (*self.ended[:index], *self.ended[index + 1 :])
        self._set((*self.waiting, item), self.pause)

    def _set(self, waiting: tuple[QueuedRun, ...], pause: Pause) -> None:
        self.pause = pause if waiting else ""
        kept = (*self._session.queue[: int(self.going)], *waiting)
        if kept != self._session.queue:
            self._session.set_queue(kept)
        self.notify()
