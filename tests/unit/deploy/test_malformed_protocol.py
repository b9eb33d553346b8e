"""Whatever a phone or an adb server sends: an answer or an error in words, soon; never a crash and never a wait."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.device import bounded
from deploy.device.info import Reading
from deploy.device.shell import never
from deploy.errors import CommandError, ProtocolError, RunnerError
from deploy.measure import runner
from deploy.measure.heat import HeatLog
from deploy.targets.android import commands, program
from deploy.targets.android.shell import AdbShell
from deploy.targets.android.sync import CHUNK, Sync
from deploy.targets.android.transports import adb_server, adb_shell_link
from deploy.targets.android.transports.adb_shell_link import AdbShellLink
from pqv_core.errors import PqvError
from tests.fakes import wire
from tests.fakes.scripted import Script, ScriptedLink, ScriptedTransport

SPEC = runner.Spec("/f", "/f/p", "/f", "/f/m", (1, 3, 8, 8), warmup=0, iterations=1, max_seconds=1, threads=1)

lengths = st.integers(0, 40) | st.sampled_from([CHUNK, CHUNK + 1, 1 << 24, 0x7FFFFFFF, 0xFFFFFFFF])
pieces = st.lists(st.binary(max_size=60), max_size=8)


def answered(work: Callable[[], object]) -> None:
    """It ends, if not well then in words."""
    try:
        work()
    except PqvError as error:
        assert error.message
        assert error.action


def shuffled(parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    """Likely parts with random bytes among them, cut anywhere."""
    whole = st.lists(parts | st.binary(max_size=30), max_size=10).map(b"".join)
    return st.tuples(whole, st.integers(1, 200)).map(
        lambda drawn: [drawn[0][start : start + drawn[1]] for start in range(0, len(drawn[0]), drawn[1])]
    )


packets = st.tuples(st.integers(0, 5), lengths, st.binary(max_size=40)).map(
    lambda drawn: struct.pack("<BI", drawn[0], drawn[1]) + drawn[2]
)


@given(shuffled(packets), st.booleans(), st.booleans())
def test_any_answer_to_a_command(sent: list[bytes], closes: bool, modern: bool) -> None:
    features = ("shell_v2",) if modern else ()
    answered(lambda: commands.run(ScriptedLink(sent, closes=closes, features=features), "true", limit=1000))


@given(shuffled(packets | st.just(b'{"type":"iteration","index":0,"ns":5}\n')), st.booleans())
def test_any_answer_to_a_measurement(sent: list[bytes], modern: bool) -> None:
    features = ("shell_v2",) if modern else ()
    link = ScriptedLink(sent, closes=True, features=features)
    answered(lambda: list(runner.run(AdbShell("x", lambda _: link), SPEC, HeatLog(), heard=lambda _: None)))


answers = st.tuples(
    st.sampled_from([b"STAT", b"DENT", b"DONE", b"DATA", b"OKAY", b"FAIL"]), st.lists(lengths, max_size=4)
).map(lambda drawn: drawn[0] + b"".join(struct.pack("<I", number) for number in drawn[1]))


@given(shuffled(answers), st.booleans())
def test_any_answer_of_the_file_service(
    tmp_path_factory: pytest.TempPathFactory, sent: list[bytes], closes: bool
) -> None:
    source = tmp_path_factory.getbasetemp() / "hostile-source"
    source.write_bytes(b"content")

    def sync() -> Sync:
        return Sync(ScriptedLink(list(sent), closes=closes))

    answered(lambda: sync().stat("/x"))
    answered(lambda: sync().list("/x"))
    answered(lambda: sum(map(len, sync().receive("/x", limit=100))))
    answered(lambda: sync().send(source, "/x", mode=0o644, report=lambda _: None))


@given(shuffled(st.sampled_from([b"OKAY", b"FAIL", b"0004", b"ffff", b"zzzz", b"host"])), st.booleans())
def test_any_answer_of_a_server(sent: list[bytes], closes: bool) -> None:
    class Socket:
        def __init__(self) -> None:
            script = Script(sent, closes=closes)
            self.receive = lambda count, timeout: script.read(count)
            self.send = lambda data, timeout: None

    stream = adb_server.ServerStream(Socket())  # type: ignore[arg-type]
    answered(lambda: stream.request("host:devices-l"))
    answered(lambda: adb_server.parse_devices(stream.block()))


COMMANDS = (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"WRTE", b"CLSE", b"SYNC", b"STLS", b"\0\0\0\0")
small = st.integers(0, 3)
messages = st.builds(
    lambda command, arg0, arg1, data, summed: wire.Packet(command, arg0, arg1, data).pack(with_sum=summed) + data,
    st.sampled_from(COMMANDS),
    small | st.sampled_from([wire.OLD_VERSION, wire.NEW_VERSION]),
    small | st.just(1 << 20),
    st.binary(max_size=40) | st.just(b"device::features=shell_v2"),
    st.booleans(),
)
BANNER = wire.Packet(b"CNXN", wire.OLD_VERSION, 1 << 20, b"device::features=shell_v2,cmd")


@given(shuffled(messages), st.booleans())
def test_any_packets(signers: list[adb_shell_link.Signer], sent: list[bytes], greeted: bool) -> None:
    first = [BANNER.pack(with_sum=True) + BANNER.data] if greeted else []

    def talk() -> None:
        transport = ScriptedTransport([*first, *sent])
        link = AdbShellLink(transport, kind="tcp", name="x", signers=signers, check=never)
        commands.run(link, "true", limit=1000)

    answered(talk)


class Clock:
    """A second passes each time it is read."""

    def __init__(self) -> None:
        self._ticks = itertools.count()

    def monotonic(self) -> float:
        return float(next(self._ticks))

    time = monotonic


@pytest.mark.parametrize("command", [b"OKAY", b"WRTE", b"CLSE"])
@pytest.mark.parametrize("stream", [1, 7])
def test_packets_without_end_and_without_meaning_are_no_endless_wait(
    signers: list[adb_shell_link.Signer], monkeypatch: pytest.MonkeyPatch, command: bytes, stream: int
) -> None:
    opened = wire.Packet(b"OKAY", 9, 1).pack(with_sum=True)
    endless = wire.Packet(command, 9, stream).pack(with_sum=True)
    transport = ScriptedTransport([])
    start = [BANNER.pack(with_sum=True) + bytes(BANNER.data), opened]
    transport._script._pieces = itertools.chain(start, itertools.repeat(endless))
    link = AdbShellLink(transport, kind="tcp", name="x", signers=signers, check=never)
    clock: Any = Clock()
    monkeypatch.setattr(adb_shell_link, "time", clock)
    monkeypatch.setattr("adb_shell.adb_device.time", clock)
    with pytest.raises(PqvError):
        commands.run(link, "true")


def test_a_phone_cannot_fill_this_computers_memory(
    signers: list[adb_shell_link.Signer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adb_shell_link, "_MAX_STRAY", 100_000)
    opened = wire.Packet(b"OKAY", 9, 1).pack(with_sum=True)
    stray = wire.Packet(b"WRTE", 9, 5, bytes(1000))
    transport = ScriptedTransport(
        [BANNER.pack(with_sum=True) + bytes(BANNER.data), opened, *[stray.pack(with_sum=True) + stray.data] * 200]
    )
    link = AdbShellLink(transport, kind="tcp", name="x", signers=signers, check=never)
    with pytest.raises(ProtocolError, match="unexpected answer"):
        commands.run(link, "true")


def test_a_command_cannot_complain_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MAX_COMPLAINTS", 10_000)
    complaint = struct.pack("<BI", commands.STDERR, 1000) + b"x" * 1000
    with pytest.raises(ProtocolError):
        commands.run(ScriptedLink([complaint] * 100), "true")


def test_a_program_that_hangs_is_noticed_although_the_watch_over_the_heat_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(program.secrets, "token_hex", lambda _: "m")
    said = struct.pack("<BI", commands.STDERR, 9) + b"m:heat:0\n"
    times = iter([0.0, 10.0, 200.0, 302.0])
    phone = AdbShell("x", lambda _: ScriptedLink([said] * 10))
    heard: list[Reading] = []
    with pytest.raises(RunnerError, match="hangs"):
        list(runner.run(phone, SPEC, HeatLog(), heard=heard.append, clock=lambda: next(times)))
    assert heard == [Reading(0)] * 2


def test_a_program_that_prints_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MAX_LINES", 100)
    said = struct.pack("<BI", commands.STDOUT, 10) + b"x\n" * 5
    with pytest.raises(RunnerError, match="does not stop"):
        list(runner.run(AdbShell("x", lambda _: ScriptedLink([said] * 100)), SPEC, HeatLog(), heard=lambda _: None))


EVIL = "\x1b]0;title\x07\x1b[2J\rrm -rf\u202e\x9b31m"


@pytest.mark.parametrize(
    "error",
    [
        CommandError("trying", code=1, output=f"a\n{EVIL}"),
        ProtocolError(EVIL),
        runner.no_last_word(1, EVIL, "a.ptl"),
        runner.failure(runner.FinalRecord(type="final", status="failed", message=EVIL), SPEC),
        adb_server.refusal(EVIL),
    ],
)
def test_nothing_that_a_phone_says_steers_a_terminal(error: PqvError) -> None:
    shown = f"{error.message}{error.action}{error.details}"
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert "title" in shown


@given(st.text(), st.integers(1, 50))
def test_texts_are_bounded(value: str, limit: int) -> None:
    assert len(bounded.text(value, limit)) <= limit
    assert len(bounded.lines(value, limit)) <= limit
    assert bounded.text(value, limit).isprintable()
