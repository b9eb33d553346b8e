"""The key of this computer: adb's own where there is one; else ours, readable by this user only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deploy.targets.android import keys
from pqv_core.errors import DeviceError, StorageError


def test_a_new_key_is_private_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    (first,) = keys.signers(folder, adb=tmp_path / "none")
    private = folder / keys.NAME
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (again,) = keys.signers(folder, adb=tmp_path / "none")
    assert again.GetPublicKey() == first.GetPublicKey()
    assert sorted(path.name for path in folder.iterdir()) == ["adbkey", "adbkey.pub"]


def test_the_key_of_adb_is_taken_and_needs_no_public_half(tmp_path: Path) -> None:
    keys.create(tmp_path / "adb" / "adbkey")
    public = (tmp_path / "adb" / "adbkey.pub").read_text()
    (tmp_path / "adb" / "adbkey.pub").unlink()
    (signer,) = keys.signers(tmp_path / "own", adb=tmp_path / "adb" / "adbkey")
    assert signer.GetPublicKey().split()[0] == public.split()[0]
    assert not (tmp_path / "own").exists()


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    (tmp_path / keys.NAME).write_text("no key")
    with pytest.raises(DeviceError, match="damaged"):
        keys.signers(tmp_path, adb=tmp_path / "none")


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        keys.signers(tmp_path / "file" / "sub", adb=tmp_path / "none")
