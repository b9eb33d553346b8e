"""How phones are measured: a draft that a person edits, kept between two starts."""

from __future__ import annotations

import json
from typing import Any

from deploy.measure import PhoneConfig
from pqv_core.errors import ConfigError
from pqv_gui.viewmodels.observable import Observable
from pqv_gui.viewmodels.recent import Store
from pqv_gui.viewmodels.session import Problem

PREFIX = "phone."
SHAPE = "phone.input_shape"
COMPARE = "phone.compare"


class PhoneSettings(Observable):
    """Settings under dotted names, ``phone.threads`` and so on.

    Args:
        store: Keeps one line of JSON.

    Attributes:
        config: The last valid state.
        shape: Of the input of files that do not name it; empty for what each file says.
        compare: Whether this computer answers the same, and the answers are compared.
    """

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store
        self.config = PhoneConfig()
        self.shape: tuple[int, ...] = ()
        self.compare = True
        self.problems: tuple[Problem, ...] = ()
        self._draft: dict[str, Any] = self.config.model_dump()
        for line in store.read():
            self._read(line)

    def _read(self, line: str) -> None:
        try:
            plain = json.loads(line)
            config = PhoneConfig.parse({name: plain[name] for name in self._draft if name in plain})
            self.compare = bool(plain.get("compare", True))
        except (ValueError, TypeError, AttributeError, ConfigError):  # written by another version: the defaults stay
            return
        self.config, self._draft = config, config.model_dump()

    def get(self, name: str) -> Any:
        """What the field ``name`` shows."""
        if name in (SHAPE, COMPARE):
            return self.shape if name == SHAPE else self.compare
        return self._draft[name.removeprefix(PREFIX)]

    def set(self, name: str, value: Any) -> None:
        """Take over what a person has entered; it counts once all of it can be."""
        if name == SHAPE:
            self.shape = tuple(value)
        elif name == COMPARE:
            self.compare = bool(value)
        else:
            self._draft[name.removeprefix(PREFIX)] = value
        self._check()
        self.notify()

    def _check(self) -> None:
        try:
            self.config = PhoneConfig.parse(self._draft)
        except ConfigError as error:
            field = error.field.partition(".")[0]
            self.problems = (Problem(f"{PREFIX}{field}", _words(field, error.message)),)
            return
        self.problems = ()
        self._store.write([json.dumps({**self.config.model_dump(mode="json"), "compare": self.compare})])


def _words(field: str, message: str) -> str:
    if field == "threads":
        return "Give one number of threads, or several with commas between: 1, 2, 4."
    return message
