"""Devices of a kind that another package brings: what goes wrong in its code is said with its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from deploy.device.info import DeviceInfo
from deploy.device.target import Found
from deploy.kit.kit import Kit
from deploy.targets import TARGETS

_GIVEN: dict[str, tuple[type, ...]] = {
    "find": (list,),
    "watch": (Iterator,),
    "lines": (Iterator,),
    "problems": (list,),
    "named": (Found, type(None)),
    "refusal": (str,),
    "kit": (Kit,),
    "info": (DeviceInfo,),
}
_LED_ON = ("connect", "start")  # what these give is another package's, too


class Foreign:
    """A ``Target``, ``Shell`` or ``ProgramRun`` of another package, for one of whose methods each attribute stands.

    Args:
        thing: The other package's object.
        key: Of the kind of devices.
    """

    def __init__(self, thing: object, key: str) -> None:
        self._thing, self._key = thing, key

    def __getattr__(self, name: str) -> Any:
        with TARGETS.blaming(self._key):
            value = getattr(self._thing, name)
        return partial(self._call, name, value) if callable(value) else value

    def _call(self, name: str, method: Callable[..., Any], *words: Any, **more: Any) -> Any:
        with TARGETS.blaming(self._key):
            given = method(*words, **more)
            if name in _GIVEN and not isinstance(given, _GIVEN[name]):
                raise TypeError(f"{name} gave {given!r}")
            self._require_own(name, given)
        if isinstance(given, Iterator):
            return self._each(name, given)
        return Foreign(given, self._key) if name in _LED_ON else given

    def _each(self, name: str, given: Iterator[Any]) -> Iterator[Any]:
        while True:
            with TARGETS.blaming(self._key):
                try:
                    item = next(given)
                except StopIteration:
                    return
                self._require_own(name, item)
            yield item

    def _require_own(self, name: str, given: Any) -> None:
        """What is found must be devices, and of this kind."""
        if name not in ("find", "watch") or isinstance(given, Iterator):
            return
        for found in given:
            if not isinstance(found, Found) or found.target != self._key:
                raise TypeError(f"{name} gave {found!r}, which is no Found of {self._key!r}")
