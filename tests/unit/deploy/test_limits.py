"""Both sides of each limit on what a phone may say: up to it all is taken, beyond it words or whole pieces."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable

import pytest
from adb_shell import constants

from deploy.device.shell import never
from deploy.errors import CommandError, ProtocolError
from deploy.targets.android import commands
from deploy.targets.android.commands import MAX_LINE, STDERR, STDOUT
from deploy.targets.android.sync import CHUNK, RemoteFile, Sync
from deploy.targets.android.transports import adb_shell_link, base
from deploy.targets.android.transports.adb_shell_link import AdbShellLink
from tests.fakes import wire
from tests.fakes.scripted import ScriptedLink, ScriptedTransport

# commands ----------------------------------------------------------------------------------------------------


def framed(kind: int, data: bytes) -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


END = framed(commands.EXIT, b"\0")


@pytest.mark.parametrize(
    ("length", "pieces"), [(MAX_LINE, [MAX_LINE]), (MAX_LINE + 1, [MAX_LINE + 1 - commands._HELD, commands._HELD])]
)
def test_a_line_is_cut_once_it_is_too_long(length: int, pieces: list[int]) -> None:
    long = b"x" * length
    link = ScriptedLink([framed(STDOUT, b"one\n"), framed(STDOUT, long), framed(STDOUT, b"\ntwo\n"), END])
    first, *found, last = commands.run(link, "true").out.split("\n")
    assert (first, last) == ("one", "two")
    assert [len(piece) for piece in found] == pieces
    assert "".join(found).encode() == long


class Old(ScriptedLink):
    """A phone without shell v2, which says the marker of the end as it was asked to; ``cut`` bytes of it come first."""

    def __init__(self, said: bytes, *, cut: int) -> None:
        super().__init__([], features=())
        self._said, self._cut = said, cut

    def open(self, service: str, *, timeout: float = base.IDLE_S) -> base.Stream:
        end = service.rpartition("echo ")[2].replace("$?", "7").encode()
        pieces = [self._said + end[: self._cut], end[self._cut :] + b"\n"]
        return ScriptedLink(pieces, closes=True).open(service)


@pytest.mark.parametrize("cut", [0, 1, 10, 17, 18])
@pytest.mark.parametrize("length", [MAX_LINE - 18, MAX_LINE + 1])
def test_the_end_of_a_command_is_seen_however_long_its_last_line_is(length: int, cut: int) -> None:
    done = commands.run(Old(b"x" * length, cut=cut), "true")
    assert done.code == 7
    assert done.out.replace("\n", "") == "x" * length


@pytest.mark.parametrize(("count", "kept"), [(65_535, "a" + "b" * 65_535), (65_536, "b" * 65_536)])
def test_of_its_complaints_the_last_64_kilobytes_are_kept_and_all_are_heard(count: int, kept: str) -> None:
    heard: list[str] = []
    link = ScriptedLink([framed(STDERR, b"a"), framed(STDERR, b"b" * count), END])
    with commands.Running(link, "true", on_error=heard.append) as running:
        assert list(running.lines()) == []
    assert running.error_text == kept
    assert "".join(heard) == "a" + "b" * count


# files -------------------------------------------------------------------------------------------------------


def dent(name: bytes) -> bytes:
    return struct.pack("<4s4I", b"DENT", 0o100644, 1, 2, len(name)) + name


DONE = struct.pack("<4s4I", b"DONE", 0, 0, 0, 0)


def listed(*said: bytes) -> list[RemoteFile]:
    return Sync(ScriptedLink(list(said))).list("/x")


@pytest.mark.parametrize(
    ("size", "told"), [(2**32 - 1, 2**32 - 1), (2**32, 0), (2**32 + 5, 5), (3 * 2**32 + 5, 5), (5, 5)]
)
def test_sizes_are_told_modulo_4_gib(size: int, told: int) -> None:
    assert RemoteFile("x", 1, told, 0).may_hold(size)
    assert not RemoteFile("x", 1, told ^ 1, 0).may_hold(size)


def test_a_name_is_at_most_1024_bytes_long() -> None:
    longest = "ä" * 512
    sync = Sync(ScriptedLink([struct.pack("<4s3I", b"STAT", 1, 2, 3)]))
    assert sync.stat(longest) == RemoteFile(longest, 1, 2, 3)
    with pytest.raises(CommandError, match="the name is too long"):
        sync.stat(f"{longest}x")
    assert [entry.name for entry in listed(dent(longest.encode()), DONE)] == [longest]
    with pytest.raises(ProtocolError):
        listed(dent(b"x" * 1025), DONE)


def test_a_folder_has_at_most_a_hundred_thousand_entries() -> None:
    full = dent(b"x") * 100_000
    assert len(listed(full, DONE)) == 100_000
    with pytest.raises(ProtocolError):
        listed(full, dent(b"y"), DONE)


@pytest.mark.parametrize(("length", "limit", "taken"), [(CHUNK, CHUNK, True), (CHUNK, CHUNK - 1, False),
                                                        (CHUNK + 1, 2 * CHUNK, False)])  # fmt: skip
def test_a_file_is_taken_up_to_its_limit_in_chunks_of_64_kilobytes(length: int, limit: int, taken: bool) -> None:
    said = struct.pack("<4sI", b"DATA", length) + bytes(length) + struct.pack("<4sI", b"DONE", 0)
    received = Sync(ScriptedLink([said])).receive("/x", limit=limit)
    if taken:
        assert b"".join(received) == bytes(length)
    else:
        with pytest.raises(ProtocolError):
            list(received)


# packets -----------------------------------------------------------------------------------------------------

ROOM = 100_000
PACKET = ROOM // 4 - constants.MESSAGE_SIZE


class Phone(ScriptedTransport):
    """Speaks adb's protocol, and says what it is told to; keeps the lengths of the payloads that it is sent."""

    def __init__(self, *, most: int = 1 << 20) -> None:
        super().__init__([])
        self._queue: list[bytes] = []
        self._script._pieces = iter(lambda: self._queue.pop(0) if self._queue else b"", None)
        self.written: list[int] = []
        self.say(b"CNXN", wire.OLD_VERSION, most, b"device::features=shell_v2")

    def say(self, command: bytes, remote: int, local: int, data: bytes = b"") -> None:
        """Send a packet of the stream that has these numbers."""
        self._queue.append(wire.Packet(command, remote, local, data).pack(with_sum=True) + data)

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        self.written.append(len(data))
        return len(data)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room, so that little fills it."""
    monkeypatch.setattr(adb_shell_link, "_MAX_STRAY", ROOM)


def connected(phone: Phone, signers: list[adb_shell_link.Signer]) -> Callable[[], base.Stream]:
    """Opens streams; the phone gives each the number that it has here, and 10 more."""
    link = AdbShellLink(phone, kind="tcp", name="x", signers=signers, check=never)
    numbers = itertools.count(1)

    def opened() -> base.Stream:
        number = next(numbers)
        phone.say(b"OKAY", 10 + number, number)
        return link.open("any:")

    return opened


@pytest.mark.parametrize(("most", "largest"), [(100, 1024), (1024, 1024), (4096, 4096), (1 << 30, 1 << 20)])
def test_packets_are_as_large_as_the_phone_takes_within_reason(
    signers: list[adb_shell_link.Signer], most: int, largest: int
) -> None:
    phone = Phone(most=most)
    stream = connected(phone, signers)()
    phone.say(b"OKAY", 11, 1)
    phone.written.clear()
    stream.write(bytes(largest + 1))
    assert phone.written == [constants.MESSAGE_SIZE, largest, constants.MESSAGE_SIZE, 1]


def test_room_for_packets_that_nobody_reads_just_then_comes_back_once_they_are_read(
    signers: list[adb_shell_link.Signer], small: None
) -> None:
    phone = Phone()
    opened = connected(phone, signers)
    one, two = opened(), opened()
    for _ in range(10):
        for _ in range(4):
            phone.say(b"WRTE", 12, 2, bytes(PACKET))
        phone.say(b"WRTE", 11, 1, b"one")
        assert one.read(3) == b"one"
        assert sum(len(two.read(PACKET)) for _ in range(4)) == 4 * PACKET
    for _ in range(4):
        phone.say(b"WRTE", 12, 2, bytes(PACKET))
    phone.say(b"WRTE", 12, 2)
    phone.say(b"WRTE", 11, 1, b"one")
    with pytest.raises(ProtocolError):
        one.read(3)


def test_room_comes_back_from_what_stands_behind_the_end_of_a_stream(
    signers: list[adb_shell_link.Signer], small: None
) -> None:
    phone = Phone()
    opened = connected(phone, signers)
    one = opened()
    for number in range(2, 12):
        other = opened()
        phone.say(b"WRTE", 10 + number, number, b"other")
        phone.say(b"CLSE", 10 + number, number)
        phone.say(b"WRTE", 10 + number, number, bytes(PACKET))
        phone.say(b"WRTE", 11, 1, b"one")
        assert one.read(3) == b"one"
        assert (other.read(9), other.read(9)) == (b"other", b"")


def test_the_late_end_of_streams_that_are_closed_takes_no_room(
    signers: list[adb_shell_link.Signer], small: None
) -> None:
    phone = Phone()
    one = connected(phone, signers)()
    for number in range(ROOM // constants.MESSAGE_SIZE + 1):
        phone.say(b"CLSE", 100 + number, 50)
    phone.say(b"WRTE", 11, 1, b"one")
    assert one.read(3) == b"one"


def test_what_comes_while_one_writes_is_kept_up_to_a_limit_and_its_room_comes_back(
    signers: list[adb_shell_link.Signer], small: None
) -> None:
    phone = Phone()
    one = connected(phone, signers)()
    one.write(b"first")
    for _ in range(3):
        for _ in range(2):
            phone.say(b"WRTE", 11, 1, bytes(ROOM // 2))
        phone.say(b"OKAY", 11, 1)
        one.write(b"next")
        assert one.waiting()
        assert len(one.read(2 * ROOM)) == ROOM
    for _ in range(3):
        phone.say(b"WRTE", 11, 1, bytes(ROOM // 2 + 1))
    phone.say(b"OKAY", 11, 1)
    with pytest.raises(ProtocolError):
        one.write(b"last")
