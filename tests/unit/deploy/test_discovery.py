"""Which phones are there, in which state, and what a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.device.discovery import choose
from deploy.errors import (
    AccessError,
    BusyError,
    NoDeviceError,
    OfflineError,
    UnauthorizedError,
    WrongModeError,
)
from deploy.targets.android import adb_devices, commands
from deploy.targets.android.adb_devices import AdbPhone, find
from deploy.targets.android.connection import AdbConnection, opener
from deploy.targets.android.transports import adb_server, adb_shell_usb
from pqv_core.errors import Cancelled, DeviceError, UsageError
from tests.fakes import usb
from tests.fakes.adb_server import AdbServer, Row
from tests.fakes.adbd import Adbd
from tests.fakes.phone import Phone


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AdbServer]:
    with AdbServer() as running:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(running.port))
        yield running


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with AdbServer() as gone:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(gone.port))


@pytest.mark.parametrize(
    ("word", "problem", "words"),
    [
        ("unauthorized", UnauthorizedError, "Unlock the phone and tap Allow."),
        ("authorizing", UnauthorizedError, "tap Allow"),
        ("offline", OfflineError, "not responding"),
        ("connecting", OfflineError, "Reconnect"),
        ("no permissions", AccessError, "udev rule"),
        ("recovery", WrongModeError, "Start Android normally."),
        ("sideload", WrongModeError, "sideload mode"),
        ("bootloader", WrongModeError, "bootloader mode"),
    ],
)
def test_every_state_has_its_sentence(server: AdbServer, word: str, problem: type[DeviceError], words: str) -> None:
    server.rows = [Row("A1", word)]
    (found,) = find()
    assert words in found.sentence
    with pytest.raises(problem):
        choose("A1", [found])


def test_no_phone(server: AdbServer) -> None:
    assert find() == []
    with pytest.raises(NoDeviceError, match="No device found"):
        choose("", [])


def test_the_only_phone_needs_no_name(server: AdbServer, phone: Phone) -> None:
    server.rows = [Row("A1", phone=phone)]
    assert choose("", find()).model == "Phone One"


def test_several_phones_and_twins_are_told_apart(server: AdbServer, phone: Phone) -> None:
    server.rows = [
        Row("TWIN", phone=phone, transport_id=1, rest="usb:1-1 model:Phone_One"),
        Row("TWIN", phone=phone, transport_id=2, rest="usb:1-2 model:Phone_One"),
        Row("192.168.1.5:5555", phone=phone, transport_id=3, rest="model:Phone_One"),
    ]
    found = find()
    assert [item.key for item in found] == ["usb:1-1", "usb:1-2", "192.168.1.5:5555"]
    assert [item.over_wifi for item in found] == [False, False, True]
    with pytest.raises(DeviceError, match=r"Several devices match.*usb:1-2"):
        choose("TWIN", found)
    with AdbConnection("x", opener(choose("usb:1-2", found))) as device:
        assert commands.run(device.link, "echo hello").out == "hello"
    assert "host:transport-id:2" in server.requests
    assert "host:transport-id:1" not in server.requests


def test_the_server_is_never_stopped(server: AdbServer, phone: Phone) -> None:
    server.rows = [Row("A1", phone=phone)]
    with AdbConnection("A1", opener(choose("A1", find()))) as device:
        device.info()
    assert not any("kill" in request for request in server.requests)


@pytest.mark.parametrize(
    ("name", "value"),
    [("ADB_SERVER_SOCKET", "localfilesystem:/x"), ("ANDROID_ADB_SERVER_PORT", "x"), ("ANDROID_ADB_SERVER_PORT", "0")],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=name):
        find()


def test_the_servers_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADB_SERVER_SOCKET", "tcp:phonebox:6000")
    assert adb_server.address() == ("phonebox", 6000)
    monkeypatch.setenv("ADB_SERVER_SOCKET", "tcp:6001")
    assert adb_server.address() == ("127.0.0.1", 6001)


def test_plugging_in_and_out_is_seen_at_once(server: AdbServer, phone: Phone) -> None:
    ended = False

    def check() -> None:
        if ended:
            raise Cancelled

    seen = adb_devices.watch(check, lambda _: None)
    assert next(seen) == []
    assert server.tracking.wait(5)
    server.change(Row("A1", "unauthorized"))
    assert [item.state for item in next(seen)] == ["unauthorized"]
    server.change(Row("A1", phone=phone))
    assert [item.state for item in next(seen)] == ["ready"]
    server.change()
    assert next(seen) == []
    ended = True
    with pytest.raises(Cancelled):
        next(seen)


def test_without_a_server_the_bus_is_looked_at(
    no_server: None, phone: Phone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Adbd(phone) as daemon:
        devices = [
            usb.Device(daemon, "GOOD"),
            usb.Device(daemon, "SECRET", denied=True),
        ]
        monkeypatch.setattr(adb_shell_usb.UsbTransport, "USB1_CTX", usb.bus(*devices))
        good, denied = find()
        assert (good.key, good.kind, good.state) == ("GOOD", "usb", "ready")
        assert (denied.key, denied.state) == ("usb:1-4-2", "no_permission")
        assert "04e8" not in good.sentence
        with AdbConnection("GOOD", opener(good)) as device:
            assert device.info().model == "Phone One"
            assert devices[0].handles[0].empty_packets == 0
            device.run(": " + "x" * (512 - len("shell,v2,raw:: \0")), "sending a full packet")
            assert devices[0].handles[0].empty_packets == 1


def test_twins_on_the_bus_are_told_apart(
    no_server: None, phone: Phone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = Phone(tmp_path / "other")
    other.set_property("ro.product.model", "Phone Two")
    with Adbd(phone) as first, Adbd(other) as second:
        twins = usb.bus(usb.Device(first, "TWIN", port=1), usb.Device(second, "TWIN", port=2))
        monkeypatch.setattr(adb_shell_usb.UsbTransport, "USB1_CTX", twins)
        found = find()
        assert [item.key for item in found] == ["usb:1-4-1", "usb:1-4-2"]
        with pytest.raises(DeviceError, match="Several devices match"):
            choose("TWIN", found)
        with AdbConnection("x", opener(choose("usb:1-4-2", found))) as device:
            assert device.info().model == "Phone Two"


def test_a_phone_that_another_program_holds(no_server: None, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    with Adbd(phone) as daemon:
        context = usb.bus(usb.Device(daemon, "HELD", held=True))
        with pytest.raises(BusyError, match="adb, Android Studio, scrcpy"):
            adb_shell_usb.connect("HELD", signers=[], context=context)
        denied = usb.bus(usb.Device(daemon, denied=True))
        with pytest.raises(AccessError, match="04e8"):
            adb_shell_usb.connect("1-4-2", signers=[], context=denied)
        with pytest.raises(NoDeviceError):
            adb_shell_usb.connect("OTHER", signers=[], context=denied)


def test_an_address_is_a_phone_without_a_server(no_server: None) -> None:
    found = choose("192.168.1.7:5555", [])
    assert (found.kind, found.key, found.over_wifi) == ("tcp", "192.168.1.7:5555", True)
    assert choose("[fe80::1%eth0]:5555", []).kind == "tcp"
    for text in ("phone:99999", "phone", "usb:1", "a b:5555", ";rm:5555"):
        with pytest.raises(NoDeviceError):
            choose(text, [])


@given(st.text(max_size=400))
def test_any_list_parses(text: str) -> None:
    for found in adb_devices.from_server(adb_server.parse_devices(text)):
        assert isinstance(found, AdbPhone)
        assert found.sentence
