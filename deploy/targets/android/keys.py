"""The RSA key by which phones know this computer: adb's own where there is one, else ours."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from deploy import APP
from pqv_core.errors import DeviceError, from_os_error
from pqv_core.files.fsio import move, remove

if TYPE_CHECKING:
    from deploy.targets.android.transports.adb_shell_link import Signer

NAME = "adbkey"


def folder() -> Path:
    """Where our own key lies: the user's configuration folder."""
    return platformdirs.user_config_path(APP, appauthor=False)


def adb_key() -> Path:
    """Where adb keeps the user's key."""
    return Path.home() / ".android" / NAME


def signers(own: Path | None = None, *, adb: Path | None = None) -> list[Signer]:
    """Keys to offer to a phone; our own is created when there is none at all.

    Args:
        own: Folder of our key; the user's configuration folder when None.
        adb: adb's private key; the user's when None.

    Raises:
        StorageError: Our key cannot be written or read.
        DeviceError: A key file holds no key.
    """
    theirs, ours = adb or adb_key(), (own or folder()) / NAME
    if os.access(theirs, os.R_OK):
        return [_load(theirs)]
    if not ours.exists():
        create(ours)
    return [_load(ours)]


def create(path: Path) -> None:
    """Make a new key pair that only this user can read (0600 in a folder of 0700).

    Raises:
        StorageError: The folder cannot be written.
    """
    from deploy.targets.android.transports.adb_shell_link import generate_key

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        generate_key(draft)
        move(draft.with_name(draft.name + ".pub"), _public(path))
        move(draft, path)
    except OSError as error:
        raise from_os_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):  # what it stands for was said already
            remove(draft)


def _public(path: Path) -> Path:
    return path.with_name(path.name + ".pub")


def _load(path: Path) -> Signer:
    from deploy.targets.android.transports import adb_shell_link

    try:
        known = _public(path)
        public = known.read_text(encoding="utf-8") if known.exists() else adb_shell_link.public_key(path)
        return adb_shell_link.Signer(path, public.strip())
    except OSError as error:
        raise from_os_error(error, path) from error
    except ValueError as error:
        raise DeviceError(
            f"The ADB key {path} is damaged.",
            action="Delete it: a new key is created, and the phone asks again.",
            details=str(error),
        ) from error
