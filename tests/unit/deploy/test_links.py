"""All ways to a phone behave the same: commands, exit codes, files, refusals."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.errors import (
    CommandError,
    ConnectionLostError,
    DeviceFullError,
    NoAnswerError,
    OfflineError,
    PairingError,
    ProtocolError,
    UnauthorizedError,
)
from deploy.targets.android import commands
from deploy.targets.android.sync import Sync
from deploy.targets.android.transports.base import Link
from pqv_core.errors import Cancelled
from tests.fakes.adbd import Adbd, Faults
from tests.fakes.phone import MAPPED, Phone
from tests.fakes.wire import OLD_VERSION

Connect = Callable[..., Link]
OLD = Faults(max_data=4096, small_buffers=True, max_write=33, version=OLD_VERSION)


def nothing(_: int) -> None:
    """A report that nobody reads."""


def pull(link: Link, path: str) -> bytes:
    with Sync(link) as sync:
        return b"".join(sync.receive(path, limit=1 << 30))


def push(link: Link, source: Path, target: str, mode: int = 0o644) -> list[int]:
    seen: list[int] = []
    with Sync(link) as sync:
        sync.send(source, target, mode=mode, report=seen.append)
    return seen


def test_streams_are_apart_and_the_exit_code_is_told(link: Link) -> None:
    done = commands.run(link, "getprop ro.product.model; echo bad >&2; exit 7")
    assert (done.code, done.out, done.err) == (7, "Phone One", "bad\n")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(blacklist_characters="\n\r\0", blacklist_categories=["Cs"]), max_size=40).filter(
        lambda word: not MAPPED.search(word)  # the phone of these tests keeps such folders in one of its own
    )
)
def test_every_word_means_itself(link: Link, word: str) -> None:
    assert commands.run(link, commands.join("printf", "%s", word)).out.split("\n") == [word]


def test_a_word_with_a_line_break_is_refused() -> None:
    with pytest.raises(CommandError):
        commands.join("echo", "a\nrm -rf /")


def test_a_failing_command_is_an_error_in_words(link: Link) -> None:
    with pytest.raises(CommandError, match=r"making the folder: .*(?i:no such file)"):
        commands.check(link, "mkdir /data/none/x", "making the folder")


def test_too_much_output_is_refused(link: Link) -> None:
    with pytest.raises(ProtocolError):
        commands.run(link, "yes | head -c 100000", limit=10_000)


def test_what_is_pushed_is_pulled_with_true_progress(link: Link, phone: Phone, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "file").write_bytes(content)
    seen = push(link, tmp_path / "file", "/data/local/tmp/file", 0o755)
    assert phone.path("/data/local/tmp/file").read_bytes() == content
    assert os.access(phone.path("/data/local/tmp/file"), os.X_OK)
    assert seen == sorted(seen)
    assert seen[-1] == len(content)
    assert len(seen) >= 3
    assert pull(link, "/data/local/tmp/file") == content


def test_an_empty_file(link: Link, phone: Phone, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    push(link, tmp_path / "file", "/data/local/tmp/file")
    assert pull(link, "/data/local/tmp/file") == b""


def test_facts_of_files(link: Link, phone: Phone) -> None:
    phone.write("data/local/tmp/a", "12345")
    with Sync(link) as sync:
        assert sync.stat("/data/local/tmp/a").size == 5
        assert sync.stat("/data/local/tmp/none").mode == 0
        assert [entry.name for entry in sync.list("/data/local/tmp")] == ["a"]
        assert sync.list("/data/none") == []


def test_a_missing_file_cannot_be_pulled(link: Link) -> None:
    with pytest.raises(CommandError, match="No such file"):
        pull(link, "/data/local/tmp/none")


def test_a_full_phone_is_told_while_the_push_goes_on(link: Link, phone: Phone, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(20_000_000))
    phone.set_free(1_000_000)
    with pytest.raises(DeviceFullError):
        push(link, tmp_path / "file", "/data/local/tmp/file")


def test_a_folder_that_is_missing_refuses_the_push(link: Link, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3_000_000))
    with pytest.raises(CommandError, match="couldn't create file"):
        push(link, tmp_path / "file", "/data/none/file")


def test_lines_come_while_the_command_runs(link: Link, phone: Phone) -> None:
    with commands.Running(link, "echo first; while [ ! -e /data/local/tmp/go ]; do :; done; echo last") as running:
        lines = running.lines()
        assert next(lines) == "first"
        phone.write("data/local/tmp/go", "")
        assert list(lines) == ["last"]
        assert running.code == 0


def test_leaving_a_command_hangs_up_on_it(link: Link, phone: Phone) -> None:
    with commands.Running(
        link, 'trap "echo hup > /data/local/tmp/hup; exit" HUP; echo on; while :; do :; done'
    ) as running:
        assert next(running.lines()) == "on"
    while phone.running():
        os.sched_yield()
    assert phone.path("/data/local/tmp/hup").exists()


def test_a_cancel_ends_a_wait(link: Link, cancelled: threading.Event) -> None:
    with commands.Running(link, "echo on; while :; do :; done") as running:
        lines = running.lines()
        assert next(lines) == "on"
        cancelled.set()
        with pytest.raises(Cancelled):
            next(lines)
        cancelled.clear()


@pytest.mark.parametrize("faults", [OLD, Faults(delay=0.001)])
def test_old_and_slow_phones(phone: Phone, tmp_path: Path, tcp: Connect, faults: Faults) -> None:
    content = os.urandom(100_001)
    (tmp_path / "file").write_bytes(content)
    with Adbd(phone, faults) as daemon:
        link = tcp(daemon)
        push(link, tmp_path / "file", "/data/local/tmp/file")
        assert phone.path("/data/local/tmp/file").read_bytes() == content
        assert commands.run(link, "head -c 1000 /data/local/tmp/file | wc -c").out.strip() == "1000"


def test_phones_without_shell_v2_still_tell_the_exit_code(phone: Phone, tcp: Connect) -> None:
    with Adbd(phone, Faults(features="cmd")) as daemon:
        link = tcp(daemon)
        assert commands.run(link, "printf out; echo err >&2; exit 9") == commands.Completed(9, "outerr", "")
        assert commands.run(link, "true").code == 0
        assert all(not service.startswith("shell,v2") for service in daemon.opened)


def test_a_tap_on_allow_is_waited_for(phone: Phone, tcp: Connect) -> None:
    with Adbd(phone, Faults(auth="late")) as daemon:
        told = threading.Event()
        helper = threading.Thread(target=lambda: (told.wait(10), daemon.asked.wait(10), daemon.allow()))
        helper.start()
        link = tcp(daemon, asked=told.set)
        helper.join()
        assert commands.run(link, "echo in").out == "in"
        daemon.asked.clear()
        assert commands.run(tcp(daemon), "echo again").out == "again"
        assert not daemon.asked.is_set()


def test_a_person_who_does_not_look(phone: Phone, tcp: Connect) -> None:
    with Adbd(phone, Faults(auth="never")) as daemon, pytest.raises(UnauthorizedError):
        tcp(daemon, patience_s=0.2)


def test_a_port_that_is_no_phone(phone: Phone, tcp: Connect) -> None:
    with Adbd(phone) as daemon:
        daemon.shut_down()
        with pytest.raises(NoAnswerError, match=r"^No phone answers at .*:\d+\."):
            tcp(daemon)
        daemon.boot()


def test_a_phone_that_does_not_answer(phone: Phone, tcp: Connect) -> None:
    with Adbd(phone, Faults(offline=True)) as daemon, pytest.raises(OfflineError):
        tcp(daemon, handshake_s=0.2)


@pytest.mark.parametrize("faults", [Faults(garbage=2), Faults(wrong_sum=3, version=OLD_VERSION), Faults(garbage=3)])
def test_garbage_is_an_error_and_never_a_wait(phone: Phone, tcp: Connect, faults: Faults) -> None:
    with Adbd(phone, faults) as daemon, pytest.raises((ProtocolError, PairingError, ConnectionLostError)):
        commands.run(tcp(daemon), "echo out")


def test_a_reboot_loses_the_connection_and_a_new_one_works(phone: Phone, tcp: Connect) -> None:
    with Adbd(phone) as daemon:
        link = tcp(daemon)
        assert commands.run(link, "echo on").out == "on"
        daemon.shut_down()
        with pytest.raises(ConnectionLostError):
            commands.run(link, "echo on")
        daemon.boot()
        assert commands.run(tcp(daemon), "echo back").out == "back"
