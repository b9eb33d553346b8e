"""Our folder on the phone: made, and removed with what is in it; nothing else is ever touched."""

from __future__ import annotations

import getpass
import hashlib
import platform
import re

from deploy.errors import CommandError
from deploy.targets.android.commands import join, run
from deploy.targets.android.connection import AdbConnection
from deploy.targets.android.phone_facts import FOLDER
from pqv_core.errors import DeviceError

_OURS = re.compile(rf"{FOLDER}/pqv-[0-9a-f]{{8}}")
PID = "run.pid"


def folder() -> str:
    """The folder of this user of this computer; always the same, so that leftovers of a cut cable are found again."""
    who = f"{platform.node()}\0{getpass.getuser()}"
    return f"{FOLDER}/pqv-{hashlib.sha256(who.encode()).hexdigest()[:8]}"


def make(device: AdbConnection, path: str) -> None:
    """Make our folder.

    Raises:
        DeviceError: A measurement of ours is running on this phone, or the folder cannot be made.
    """
    pid = join("cat", f"{_checked(path)}/{PID}")
    alive = f'p=$({pid} 2>/dev/null) && [ -n "$p" ] && kill -0 "$p" 2>/dev/null && grep -q pqv_bench "/proc/$p/cmdline"'
    if run(device.link, alive).code == 0:
        raise DeviceError("Another measurement is running on this phone.", action="Wait for it to finish and retry.")
    device.run(join("mkdir", "-p", path), "making a folder")


def clear(device: AdbConnection, path: str) -> None:
    """End what still runs from our folder, and remove it.

    Raises:
        CommandError: Something in it cannot be removed.
    """
    pid = join("cat", f"{_checked(path)}/{PID}")
    device.run(
        f'p=$({pid} 2>/dev/null) && [ -n "$p" ] && grep -q pqv_bench "/proc/$p/cmdline" 2>/dev/null '
        f'&& kill "$p" 2>/dev/null; {join("rm", "-rf", path)}',
        "removing our folder",
    )


def _checked(path: str) -> str:
    if not _OURS.fullmatch(path):
        raise CommandError("removing a folder", output=f"{path} is not one of ours")
    return path
