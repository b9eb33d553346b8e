"""Which adb server is asked: what the person says comes before the environment, and takes nothing from it for good."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.targets.android.transports import adb_server
from pqv_gui.services import adb_choice


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    adb_choice.use("")


@pytest.mark.parametrize("address", ["phonebox:5037", "192.168.1.20:1", "[::1]:65535"])
def test_an_address_is_used_as_it_is(address: str) -> None:
    assert adb_choice.problem(address) == ""
    adb_choice.use(address)
    host, _, port = address.rpartition(":")
    assert adb_server.address() == (host.strip("[]"), int(port))


@pytest.mark.parametrize("address", ["phonebox", ":5037", "phonebox:0", "phonebox:65536", "tcp:phonebox:1", "a b:1"])
def test_what_is_no_address_is_said_and_changes_nothing(address: str) -> None:
    before = adb_server.address()
    assert "HOST:PORT" in adb_choice.problem(address)
    adb_choice.use(address)
    assert adb_server.address() == before


def test_without_one_the_environment_counts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADB_SERVER_SOCKET", "tcp:box:6000")
    adb_choice.use("one:1")
    adb_choice.use("two:2")
    assert adb_server.address() == ("two", 2)
    adb_choice.use("")
    assert adb_server.address() == ("box", 6000)
