"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.errors import StorageError, from_os_error
from pqv_core.files import fsio

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(value=JSON_VALUES)
def test_json_comes_back(value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    fsio.write_json(path, value)
    assert fsio.read_json(path) == value


def test_folders_on_the_way_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    fsio.write_text(path, "Grüße\n")
    assert path.read_bytes() == "Grüße\n".encode()
    assert _names(path.parent) == ["file.txt"]


def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")

    def fail_half_way() -> None:
        with fsio.replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert path.read_text() == "before"
    assert _names(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_said_and_leaves_what_was_there(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "file.txt"
    path.write_text("before")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(StorageError, match=r"disk is full: .*file\.txt") as caught:
        fsio.write_text(path, "after")
    assert "Free some space" in caught.value.action
    assert path.read_text() == "before"
    assert _names(tmp_path) == ["file.txt"]


def test_a_disk_that_fills_while_writing_is_said(tmp_path: Path) -> None:
    def fill() -> None:
        with fsio.replacing(tmp_path / "file.txt") as temporary:
            temporary.write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageError, match="disk is full"):
        fill()
    assert _names(tmp_path) == []


def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"already exists|not a folder"):
        fsio.write_text(tmp_path / "file" / "inner.txt", "text")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"deep": [float("nan")]}])
def test_what_is_not_json_is_refused_and_nothing_written(value: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        fsio.write_json(tmp_path / "value.json", value)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("text", ["NaN", "[1, Infinity]", '{"a": -Infinity}', "[" * 100_000, '{"a": 1', ""])
def test_what_is_not_json_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        fsio.parse_json(text)


def test_a_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    path.write_text('{"a": "ü"}', encoding="utf-8-sig")
    assert fsio.read_json(path) == {"a": "ü"}


def test_a_path_in_another_encoding_is_kept(tmp_path: Path) -> None:
    value = {"path": b"caf\xe9".decode("utf-8", "surrogateescape")}
    fsio.write_json(tmp_path / "value.json", value)
    assert fsio.read_json(tmp_path / "value.json") == value


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        fsio.write_text(tmp_path / "file.txt", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_file_gets_the_usual_permissions_though_its_writer_made_it_anew(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with fsio.replacing(tmp_path / "file.txt") as temporary:
        temporary.unlink()
        temporary.touch(mode=0o600)
    assert (tmp_path / "file.txt").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_the_umask_is_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to the whole process: a file that another thread makes meanwhile would get it."""
    monkeypatch.delattr(os, "umask")
    fsio.write_text(tmp_path / "file.txt", "text")
    assert _names(tmp_path) == ["file.txt"]


class Busy:
    """A step of the system that a reader refuses some times, as Windows does while it has the file open."""

    def __init__(self, step: Callable[..., None], *, times: int, error: OSError | None = None) -> None:
        self.step, self.times = step, times
        self.error = error or PermissionError(errno.EACCES, "used by another process")

    def __call__(self, *arguments: Any, **more: Any) -> None:
        self.times -= 1
        if self.times >= 0:
            raise self.error
        self.step(*arguments, **more)


def test_a_reader_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")
    monkeypatch.setattr(os, "replace", busy := Busy(os.replace, times=5))
    fsio.write_text(path, "after")
    assert (path.read_text(), busy.times, _names(tmp_path)) == ("after", -1, ["file.txt"])


def test_a_reader_that_stays_is_said_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")
    monkeypatch.setattr(fsio, "PATIENCE_S", 0.1)
    monkeypatch.setattr(os, "replace", Busy(os.replace, times=10**9))
    with pytest.raises(StorageError, match=r"Permission denied: .*file\.txt"):
        fsio.write_text(path, "after")
    assert (path.read_text(), _names(tmp_path)) == ("before", ["file.txt"])


def test_what_does_not_pass_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Busy(os.replace, times=2, error=OSError(errno.ENOSPC, "full"))
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match="disk is full"):
        fsio.write_text(tmp_path / "file.txt", "text")
    assert full.times == 1


def test_a_temporary_file_that_cannot_be_deleted_does_not_hide_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fsio, "PATIENCE_S", 0.1)
    monkeypatch.setattr(os, "unlink", Busy(os.unlink, times=10**9))
    with pytest.raises(ValueError, match="what failed"), fsio.replacing(tmp_path / "file.txt"):
        raise ValueError("what failed")


def test_a_folder_is_moved_and_deleted_once_its_readers_have_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_text("text")
    monkeypatch.setattr(os, "replace", Busy(os.replace, times=2))
    fsio.move(tmp_path / "old", tmp_path / "new")
    assert (tmp_path / "new" / "file").read_text() == "text"
    not_empty = OSError(errno.ENOTEMPTY, "deleted, but open")
    monkeypatch.setattr(shutil, "rmtree", Busy(shutil.rmtree, times=2, error=not_empty))
    fsio.remove_folder(tmp_path / "new")
    fsio.remove_folder(tmp_path / "new")
    assert _names(tmp_path) == []


def test_a_file_is_deleted_once_its_readers_have_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.txt"
    path.write_text("text")
    monkeypatch.setattr(os, "unlink", Busy(os.unlink, times=2))
    fsio.remove(path)
    fsio.remove(path)
    assert _names(tmp_path) == []


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_a_digest_depends_on_the_value_and_not_on_its_order(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert fsio.sha256_json(value) == fsio.sha256_json(backwards)
    assert fsio.sha256_json(value) != fsio.sha256_json({**value, "\0more": 1})
    assert fsio.sha256_json(value) == fsio.sha256_json(json.loads(json.dumps(value)))


def test_a_files_digest(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert fsio.sha256_file(tmp_path / "abc") == expected
    with pytest.raises(StorageError, match="does not exist"):
        fsio.sha256_file(tmp_path / "missing")


@pytest.mark.parametrize("number", [*sorted(errno.errorcode), 0, None])
def test_every_error_of_the_system_has_words(number: int | None) -> None:
    error = OSError(number, os.strerror(number)) if number else OSError()
    translated = from_os_error(error, "some/file")
    assert "file" in translated.message
    assert translated.action
    assert from_os_error(error).message.endswith(".")


def test_an_error_on_an_open_file_has_no_path() -> None:
    assert from_os_error(OSError(errno.ENOSPC, "full", 7)).message == "The disk is full."
