"""How phones are measured: a draft that a person edits, kept between two starts."""

from __future__ import annotations

import json
import time
from typing import Any

from deploy.measure.steps import PhoneConfig
from pqv_core.errors import ConfigError
from pqv_gui.viewmodels.project_session import Problem
from pqv_gui.viewmodels.recent_projects import TextStore
from pqv_gui.viewmodels.undo_history import UndoHistory
from pqv_gui.viewmodels.undoable import Undoable

PREFIX = "phone."
SHAPE = "phone.input_shape"
COMPARE = "phone.compare"


class PhoneSettings(Undoable):
    """Settings under dotted names, ``phone.threads`` and so on.

    Args:
        store: Keeps one line of JSON.

    Attributes:
        config: The last valid state.
    """

    def __init__(self, store: TextStore) -> None:
        super().__init__()
        self._store = store
        self.config = PhoneConfig()
        self.problems: tuple[Problem, ...] = ()
        compare = True
        for line in store.read():
            try:
                plain = json.loads(line)
                known = {name: plain[name] for name in self.config.model_dump() if name in plain}
                self.config, compare = PhoneConfig.parse(known), bool(plain.get("compare", True))
            except (ValueError, TypeError, AttributeError, ConfigError):  # by another version: the defaults stay
                continue
        plain = {f"{PREFIX}{name}": value for name, value in self.config.model_dump().items()}
        self._history = UndoHistory({**plain, COMPARE: compare, SHAPE: ()}, clock=time.monotonic)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the input of files that do not name it; empty for what each file says."""
        return tuple(self.get(SHAPE))

    @property
    def compare(self) -> bool:
        """Whether this computer answers the same, and the answers are compared."""
        return bool(self.get(COMPARE))

    def get(self, name: str) -> Any:
        """What the field ``name`` shows."""
        return self._history.state[name]

    def set(self, name: str, value: Any) -> None:
        """Take over what a person has entered; it counts once all of it can be."""
        if value != self.get(name):
            self._history.push({**self._history.state, name: value}, name)
            self._settle()

    def _settle(self) -> None:
        self._check()
        self.notify()

    def _check(self) -> None:
        plain = {name.removeprefix(PREFIX): value for name, value in self._history.state.items()}
        try:
            self.config = PhoneConfig.parse({name: plain[name] for name in self.config.model_dump()})
        except ConfigError as error:
            field = error.field.partition(".")[0]
            self.problems = (Problem(f"{PREFIX}{field}", _words(field, error.message)),)
            return
        self.problems = ()
        self._store.write([json.dumps({**self.config.model_dump(mode="json"), "compare": self.compare})])


def _words(field: str, message: str) -> str:
    if field == "threads":
        return "Enter one or more thread counts, separated by commas: 1, 2, 4."
    return message
