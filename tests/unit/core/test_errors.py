"""Errors in words: ours and the operating system's are foreseen, all others are not."""

from __future__ import annotations

import errno

from pqv_core.errors import DataError, StorageError, foreseen


def test_ours_stays_as_it_is() -> None:
    error = DataError("The folder is empty.")
    assert foreseen(error) is error


def test_the_systems_is_translated() -> None:
    found = foreseen(PermissionError(errno.EACCES, "Permission denied", "/x"))
    assert isinstance(found, StorageError)
    assert found.message == "Permission denied: /x."


def test_any_other_is_not_foreseen() -> None:
    assert foreseen(ValueError("a bug")) is None
