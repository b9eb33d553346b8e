"""Which devices there are, of all kinds, and the connection to one of them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from deploy.device.foreign import Foreign
from deploy.device.shell import Check, Shell, never
from deploy.device.target import Found, Target
from deploy.errors import NoDeviceError
from deploy.kit.kit import KitChoice
from deploy.targets import TARGETS
from pqv_core.errors import Cancelled, DeviceError, PluginError, PqvError

_TOLD_S = 0.1
_ENDING_S = 1.0  # what a kind that does not ask its check is waited for
_Told = queue.Queue[tuple[str, list[Found] | BaseException]]
Failed = Callable[[PqvError], None]


def unheard(error: PqvError) -> None:
    """Takes what went wrong with a kind of another package where nobody can be told."""


def target(key: str) -> Target:
    """A kind of devices.

    Raises:
        PluginError: It comes from another package, and cannot be loaded.
    """
    implementation = TARGETS.load(key)
    with TARGETS.blaming(key, "cannot be loaded"):
        made = implementation()
    return cast(Target, Foreign(made, key)) if key in TARGETS.foreign else cast(Target, made)


def targets() -> dict[str, Target]:
    """All kinds that are reached by a connection and can be loaded, by key."""
    return _loaded()[0]


def broken() -> list[PluginError]:
    """Why kinds of other packages cannot be used."""
    return _loaded()[1]


def _loaded() -> tuple[dict[str, Target], list[PluginError]]:
    loaded, failed = dict[str, Target](), list[PluginError]()
    for key, kind in TARGETS.items():
        try:
            if kind.implementation:
                loaded[key] = target(key)
        except PluginError as error:
            failed.append(error)
    return loaded, failed


def find(check: Check = never, *, failed: Failed = unheard) -> list[Found]:
    """All devices that can be seen now; empty when there is none.

    Args:
        failed: Told why another package's kind could not look; the others have looked all the same.
    """
    seen = list[Found]()
    for key, kind in targets().items():
        try:
            seen += kind.find(check)
        except PqvError as error:
            if key not in TARGETS.foreign:
                raise
            failed(error)
    return seen


def named(text: str) -> Found | None:
    """The device at an address that a person wrote; None where it is no address of any kind.

    Raises:
        PluginError: A kind of another package could not say, and no other knows the address.
    """
    failed: PluginError | None = None
    for kind in targets().values():
        try:
            if (found := kind.named(text)) is not None:
                return found
        except PluginError as error:
            failed = error
    if failed is not None:
        raise failed
    return None


def choose(wanted: str, found: Sequence[Found]) -> Found:
    """The device that a person named by key, serial or address; the only one for an empty name.

    Raises:
        DeviceError: None fits, several do, or it is not ready.
    """
    fitting = [item for item in found if wanted in ("", item.key)] or [i for i in found if i.serial == wanted]
    if not fitting and (elsewhere := named(wanted)):
        return elsewhere
    if not fitting:
        raise NoDeviceError(wanted)
    if len(fitting) > 1:
        names = ", ".join(f"{item.key} ({item.model or item.sentence})" for item in fitting)
        raise DeviceError("Several devices match.", action=f"Choose one of: {names}.")
    if problem := fitting[0].problem():
        raise problem
    return fitting[0]


def connect(found: Found, check: Check = never, *, asked: Callable[[], None] | None = None) -> Shell:
    """Connect to a device; see ``Target.connect``."""
    return target(found.target).connect(found, check, asked=asked)


def refusal(path: Path, choice: KitChoice, *, cancelled: Callable[[], bool]) -> str:
    """Why no device of any kind can run the file, as far as is known without one; empty where one may.

    Raises:
        StorageError: It cannot be read.
        Cancelled: ``cancelled`` said so.
    """
    reasons = [_refusal(kind, path, choice, cancelled) for kind in targets().values()]
    return reasons[0] if all(reasons) else ""


def _refusal(kind: Target, path: Path, choice: KitChoice, cancelled: Callable[[], bool]) -> str:
    try:
        return kind.refusal(path, choice, cancelled=cancelled)
    except PluginError as error:
        return error.message


def watch(check: Check, pause: Callable[[float], object], *, failed: Failed = unheard) -> Iterator[list[Found]]:
    """The devices now, and again after every change, until ``check`` or ``pause`` raises.

    Args:
        check: Asked several times a second.
        pause: Lets the given number of seconds pass.
        failed: Told why another package's kind is watched no longer; the others still are.
    """
    kinds, broken_ones = _loaded()
    for error in broken_ones:
        failed(error)
    if len(kinds) == 1:
        yield from next(iter(kinds.values())).watch(check, pause)
    else:
        yield from _watch_all(kinds, check, failed)


def _watch_all(kinds: Mapping[str, Target], check: Check, failed: Failed) -> Iterator[list[Found]]:
    """Each kind waits for its devices in its own way, so each has a thread.

    They are daemons: one that another package never lets return must not keep the program from ending.
    """
    over = threading.Event()
    told: _Told = queue.Queue()

    def pause(seconds: float) -> None:
        if over.wait(seconds):
            raise Cancelled

    def follow(key: str, kind: Target) -> None:
        try:
            for found in kind.watch(lambda: pause(0), pause):
                told.put((key, found))
        except BaseException as error:  # noqa: BLE001 - raised, or told, in the thread that listens
            told.put((key, error))

    threads = [threading.Thread(target=follow, args=pair, name="pqv-devices", daemon=True) for pair in kinds.items()]
    for thread in threads:
        thread.start()
    try:
        yield from _gathered(told, tuple(kinds), check, failed)
    finally:
        over.set()
        for key, thread in zip(kinds, threads, strict=True):
            thread.join(_ENDING_S if key in TARGETS.foreign else None)


def _gathered(told: _Told, order: Sequence[str], check: Check, failed: Failed) -> Iterator[list[Found]]:
    """All that is known after each change; what ends the watching of a kind of ours is raised here."""
    known: dict[str, list[Found]] = {}
    while True:
        check()
        try:
            key, found = told.get(timeout=_TOLD_S)
        except queue.Empty:
            continue
        if isinstance(found, BaseException):
            if key not in TARGETS.foreign or not isinstance(found, PqvError):
                raise found
            failed(found)
            found = []
        known[key] = found
        yield [item for at in order for item in known.get(at, [])]
