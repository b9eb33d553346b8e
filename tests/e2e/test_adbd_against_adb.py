"""The fake phone is a phone to Debian's real ``adb``: so what our own transports do with it means something."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.adbd import Adbd, Faults
from tests.fakes.phone import Phone

ADB = shutil.which("adb")
pytestmark = pytest.mark.skipif(ADB is None, reason="adb is not installed (apt-get install adb)")

Adb = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    return Phone(tmp_path / "phone")


@pytest.fixture
def adb(tmp_path: Path) -> Iterator[Adb]:
    """Runs adb with a server and a key of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "ANDROID_ADB_SERVER_PORT": str(port), "ADB_MDNS": "0"}
    assert ADB

    def run(*words: str, data: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run([ADB, *words], input=data, capture_output=True, env=environment, timeout=60)
        assert not check or done.returncode == 0, done
        return done

    run("start-server")
    yield run
    run("kill-server")


def state(adb: Adb, daemon: Adbd) -> str:
    rows = dict(line.split("\t") for line in adb("devices").stdout.decode().splitlines() if "\t" in line)
    return rows.get(daemon.address, "absent")


def test_shell_returns_streams_and_exit_code(adb: Adb, phone: Phone) -> None:
    with Adbd(phone) as daemon:
        adb("connect", daemon.address)
        done = adb("-s", daemon.address, "shell", "getprop ro.product.model; echo no >&2; exit 7", check=False)
        assert (done.stdout, done.stderr, done.returncode) == (b"Phone One\n", b"no\n", 7)
        assert adb("-s", daemon.address, "shell", "cat", data=b"typed").stdout == b"typed"


@pytest.mark.parametrize("faults", [Faults(), Faults(max_data=4096, small_buffers=True, max_write=100)])
def test_what_is_pushed_is_pulled(adb: Adb, phone: Phone, tmp_path: Path, faults: Faults) -> None:
    content = os.urandom(600_001)
    (tmp_path / "file").write_bytes(content)
    with Adbd(phone, faults) as daemon:
        adb("connect", daemon.address)
        adb("-s", daemon.address, "push", str(tmp_path / "file"), "/data/local/tmp/file")
        assert phone.path("/data/local/tmp/file").read_bytes() == content
        adb("-s", daemon.address, "pull", "/data/local/tmp/file", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == content


def test_exec_out_is_binary_safe(adb: Adb, phone: Phone) -> None:
    phone.write("data/local/tmp/raw", bytes(range(256)))
    with Adbd(phone) as daemon:
        adb("connect", daemon.address)
        out = adb("-s", daemon.address, "exec-out", "cat /data/local/tmp/raw").stdout
    assert out == bytes(range(256))


def test_a_pushed_program_runs(adb: Adb, phone: Phone, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\necho ran $1\n")
    (tmp_path / "tool").chmod(0o755)
    with Adbd(phone) as daemon:
        adb("connect", daemon.address)
        adb("-s", daemon.address, "push", str(tmp_path / "tool"), "/data/local/tmp/tool")
        assert adb("-s", daemon.address, "shell", "/data/local/tmp/tool it").stdout == b"ran it\n"


def test_a_tap_on_allow_lets_the_key_in_for_good(adb: Adb, phone: Phone) -> None:
    with Adbd(phone, Faults(auth="accept")) as daemon:
        adb("connect", daemon.address)
        adb("-s", daemon.address, "wait-for-device")
        assert len(daemon.known) == 1
        daemon.asked.clear()
        adb("disconnect", daemon.address)
        adb("connect", daemon.address)
        adb("-s", daemon.address, "wait-for-device")
        assert not daemon.asked.is_set()


def test_unauthorized_until_a_late_tap(adb: Adb, phone: Phone) -> None:
    with Adbd(phone, Faults(auth="late")) as daemon:
        adb("connect", daemon.address, check=False)
        assert daemon.asked.wait(20)
        assert state(adb, daemon) in ("unauthorized", "authorizing")
        daemon.allow()
        adb("-s", daemon.address, "wait-for-device")
        assert state(adb, daemon) == "device"


def test_a_full_disk_is_told(adb: Adb, phone: Phone, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(1_000_000))
    phone.set_free(200_000)
    with Adbd(phone) as daemon:
        adb("connect", daemon.address)
        done = adb("-s", daemon.address, "push", str(tmp_path / "file"), "/data/local/tmp/x", check=False)
        assert done.returncode == 1
        assert b"No space left on device" in done.stdout + done.stderr


def test_a_cut_cable_fails_the_push(adb: Adb, phone: Phone, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3_000_000))
    with Adbd(phone, Faults(cut_after=1_000_000)) as daemon:
        adb("connect", daemon.address)
        done = adb("-s", daemon.address, "push", str(tmp_path / "file"), "/data/local/tmp/x", check=False)
        assert done.returncode == 1
        assert state(adb, daemon) in ("offline", "absent")
