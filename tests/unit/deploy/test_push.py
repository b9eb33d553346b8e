"""Files go to the phone once: whole or not at all, counted, and not again while they are the same."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest

from deploy.device.shell import MARGIN, Pushed, PushItem
from deploy.errors import DeviceFullError
from deploy.job import Job
from deploy.targets.android import push as pushing
from deploy.targets.android.connection import AdbConnection
from deploy.targets.android.push import push
from deploy.targets.android.transports.base import Link
from pqv_core.errors import Cancelled, StorageError
from pqv_core.process.events import Event, Progress
from tests.fakes.phone import Phone

FOLDER = "/data/local/tmp"
LONG_AGO = 1_600_000_000


class Given(AdbConnection):
    """A device on a link that is there."""

    def __init__(self, link: Link) -> None:
        super().__init__("FAKE0001", lambda _: link)


@pytest.fixture
def device(link: Link) -> AdbConnection:
    return Given(link)


@pytest.fixture
def items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[PushItem]:
    """Two files that have been lying here for a while."""
    monkeypatch.setattr(pushing, "_SETTLED_NS", 0)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode() * 100_000)
        os.utime(tmp_path / name, (LONG_AGO, LONG_AGO))
    return [PushItem(tmp_path / "one", f"{FOLDER}/one"), PushItem(tmp_path / "two", f"{FOLDER}/two", executable=True)]


def names(phone: Phone) -> set[str]:
    return {name for name in phone.left_behind() if not name.endswith(pushing.NOTE)}


def no_hashing(*_: object) -> str:
    raise AssertionError("hashed")


def test_all_arrive_whole_under_their_names(device: AdbConnection, phone: Phone, items: list[PushItem]) -> None:
    events: list[Event] = []
    assert push(device, items, Job(send=events.append)) == Pushed(600_000, ())
    for item in items:
        there = phone.path(item.target)
        assert there.read_bytes() == item.source.read_bytes()
        assert os.access(there, os.X_OK) == item.executable
    assert names(phone) == {"one", "two"}
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.done, last.total, last.unit) == (600_000, 600_000, "bytes")


def test_an_unchanged_file_is_known_without_reading_it(
    device: AdbConnection, phone: Phone, items: list[PushItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    push(device, items, Job())
    monkeypatch.setattr(pushing, "_sha256", no_hashing)
    assert push(device, items, Job()) == Pushed(0, (f"{FOLDER}/one", f"{FOLDER}/two"))


def test_equal_content_is_known_by_its_hash(device: AdbConnection, phone: Phone, items: list[PushItem]) -> None:
    push(device, items, Job())
    os.utime(items[0].source)
    phone.path(items[1].target + pushing.NOTE).unlink()
    assert push(device, items, Job()).sent_bytes == 0


def test_a_file_that_has_only_just_changed_is_compared(
    device: AdbConnection, items: list[PushItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "_SETTLED_NS", 10**18 * 9)
    push(device, items[:1], Job())
    hashed: list[Path] = []
    monkeypatch.setattr(
        pushing, "_sha256", lambda path, _: (hashed.append(path), hashlib.sha256(path.read_bytes()).hexdigest())[1]
    )
    assert push(device, items[:1], Job()).sent_bytes == 0
    assert hashed == [items[0].source]


def test_other_content_of_the_same_size_and_time_is_pushed(
    device: AdbConnection, phone: Phone, items: list[PushItem]
) -> None:
    push(device, items, Job())
    items[0].source.write_bytes(b"eno" * 100_000)
    os.utime(items[0].source, (LONG_AGO, LONG_AGO))
    assert push(device, items, Job()) == Pushed(300_000, (f"{FOLDER}/two",))
    assert phone.path(items[0].target).read_bytes() == items[0].source.read_bytes()


@pytest.mark.parametrize("damage", ["one", "oneone"])
def test_what_was_changed_on_the_phone_is_pushed(
    device: AdbConnection, phone: Phone, items: list[PushItem], damage: str
) -> None:
    push(device, items, Job())
    phone.path(items[0].target).write_bytes(damage.encode() * 100_000)
    os.utime(phone.path(items[0].target), (1, 1))
    expected = (
        Pushed(0, tuple(item.target for item in items)) if damage == "one" else Pushed(300_000, (f"{FOLDER}/two",))
    )
    assert push(device, items, Job()) == expected
    assert phone.path(items[0].target).read_bytes() == items[0].source.read_bytes()


def test_a_phone_without_sha256sum_is_pushed_to_again(
    device: AdbConnection, phone: Phone, items: list[PushItem]
) -> None:
    push(device, items, Job())
    (phone.root / "system/bin/sha256sum").write_text("#!/bin/sh\nexit 127\n")
    (phone.root / "system/bin/sha256sum").chmod(0o755)
    os.utime(items[0].source)
    assert push(device, items, Job()) == Pushed(300_000, (f"{FOLDER}/two",))


def test_a_note_that_says_anything_is_no_proof(device: AdbConnection, phone: Phone, items: list[PushItem]) -> None:
    phone.write(items[0].target.lstrip("/"), b"x" * 300_000)
    phone.write(items[0].target.lstrip("/") + pushing.NOTE, b"\xff\0$(touch /data/evil) `x` " * 1000 + b"\n\n\n")
    assert push(device, items, Job()).sent_bytes == 600_000
    assert not phone.path("/data/evil").exists()


def test_a_cancel_ends_it_and_the_next_push_clears_what_it_left(
    device: AdbConnection, phone: Phone, items: list[PushItem]
) -> None:
    job = Job()
    job.send = lambda event: job.cancelled.set() if isinstance(event, Progress) else None
    with pytest.raises(Cancelled):
        push(device, items, job)
    assert "one" not in names(phone)
    assert push(device, items, Job()).sent_bytes == 600_000
    assert names(phone) == {"one", "two"}


def test_a_phone_that_is_full_is_left_as_it_was(device: AdbConnection, phone: Phone, items: list[PushItem]) -> None:
    phone.set_free(MARGIN + 500_000)
    with pytest.raises(DeviceFullError, match="17 MB are needed, 17 MB are free"):
        push(device, items, Job())
    assert phone.left_behind() == []
    phone.write("state/free", str(1 << 30))  # what it says is not what it has
    phone.free = 400_000
    with pytest.raises(DeviceFullError):
        push(device, items, Job())
    assert phone.left_behind() == []


def test_a_file_that_is_missing_is_named(device: AdbConnection, items: list[PushItem], tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="none"):
        push(device, [*items, PushItem(tmp_path / "none", f"{FOLDER}/none")], Job())


def test_a_file_that_grows_meanwhile_is_refused(
    device: AdbConnection, phone: Phone, items: list[PushItem], tmp_path: Path
) -> None:
    def grow(event: Event) -> None:
        if isinstance(event, Progress):
            with items[0].source.open("ab") as file:
                file.write(b"more")

    with pytest.raises(StorageError, match="changed while it was sent"):
        push(device, items, Job(send=grow))
    assert "one" not in names(phone)


def test_a_file_of_more_than_4_gib_is_known_although_its_size_is_told_modulo_4_gib(
    device: AdbConnection, phone: Phone, items: list[PushItem]
) -> None:
    """The files have holes for bytes; where the one on the phone were not known, there would be no space for it."""
    item = items[0]
    for path in (item.source, phone.path(item.target)):
        path.touch()
        os.truncate(path, (1 << 32) + 5)
        os.utime(path, (LONG_AGO, LONG_AGO))
    phone.write(item.target.lstrip("/") + pushing.NOTE, f"{pushing._source(item.source).version} {LONG_AGO}\n")
    phone.set_free(1000)
    assert push(device, [item], Job()) == Pushed(0, (item.target,))


@pytest.mark.parametrize("link", ["server", "tcp"], indirect=True)
def test_half_a_gigabyte_needs_no_memory(
    device: AdbConnection, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the phone of the tests, which is counted too."""
    with (tmp_path / "big").open("wb") as file:
        file.truncate(500 << 20)
    taken: list[int] = []
    tracemalloc.start()
    try:
        push(device, [PushItem(tmp_path / "big", f"{FOLDER}/big")], Job(send=lambda _: taken.append(1)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    there = phone.path(f"{FOLDER}/big")
    assert there.stat().st_size == 500 << 20
    there.unlink()
    assert peak < 30 << 20
    assert taken
