"""Which devices there are, of all kinds, and the connection to one of them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from deploy.device.shell import Check, Shell, never
from deploy.device.target import Found, Target
from deploy.errors import NoDeviceError
from deploy.kit.kit import KitChoice
from deploy.targets import TARGETS
from pqv_core.errors import Cancelled, DeviceError, PluginError

_TOLD_S = 0.1
_Told = queue.Queue[tuple[int, list[Found]]]


def target(key: str) -> Target:
    """A kind of devices.

    Raises:
        PluginError: It comes from another package, and cannot be loaded.
    """
    made: Target = TARGETS.load(key)()
    return made


def targets() -> list[Target]:
    """All kinds that are reached by a connection and can be loaded."""
    return _loaded()[0]


def broken() -> list[PluginError]:
    """Why kinds of other packages cannot be used."""
    return _loaded()[1]


def _loaded() -> tuple[list[Target], list[PluginError]]:
    loaded, failed = list[Target](), list[PluginError]()
    for key, kind in TARGETS.items():
        try:
            loaded += [target(key)] if kind.implementation else []
        except PluginError as error:
            failed.append(error)
    return loaded, failed


def find(check: Check = never) -> list[Found]:
    """All devices that can be seen now; empty when there is none."""
    return [found for kind in targets() for found in kind.find(check)]


def named(text: str) -> Found | None:
    """The device at an address that a person wrote; None where it is no address of any kind."""
    return next((found for kind in targets() if (found := kind.named(text)) is not None), None)


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
        raise DeviceError("Several phones match.", action=f"Choose one of: {names}.")
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
    reasons = [kind.refusal(path, choice, cancelled=cancelled) for kind in targets()]
    return reasons[0] if all(reasons) else ""


def watch(check: Check, pause: Callable[[float], object]) -> Iterator[list[Found]]:
    """The devices now, and again after every change, until ``check`` or ``pause`` raises.

    Args:
        check: Asked several times a second.
        pause: Lets the given number of seconds pass.
    """
    kinds = targets()
    if len(kinds) == 1:
        yield from kinds[0].watch(check, pause)
    else:
        yield from _watch_all(kinds, check)


def _watch_all(kinds: Sequence[Target], check: Check) -> Iterator[list[Found]]:
    """Each kind waits for its devices in its own way, so each has a thread."""
    over = threading.Event()
    told: _Told = queue.Queue()

    def pause(seconds: float) -> None:
        if over.wait(seconds):
            raise Cancelled

    def follow(place: int, kind: Target) -> None:
        for found in kind.watch(lambda: pause(0), pause):
            told.put((place, found))

    with ThreadPoolExecutor(len(kinds), thread_name_prefix="pqv-devices") as pool:
        working = [pool.submit(follow, *pair) for pair in enumerate(kinds)]
        try:
            yield from _gathered(told, working, check)
        finally:
            over.set()


def _gathered(told: _Told, working: Sequence[Future[None]], check: Check) -> Iterator[list[Found]]:
    """All that is known after each change; what ends one of the threads is raised here."""
    known: dict[int, list[Found]] = {}
    while True:
        check()
        for one in working:
            if one.done():
                one.result()
        try:
            place, found = told.get(timeout=_TOLD_S)
        except queue.Empty:
            continue
        known[place] = found
        yield [item for at in sorted(known) for item in known[at]]
