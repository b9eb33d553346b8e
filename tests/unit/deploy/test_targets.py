"""Kinds of devices describe themselves, also those of other packages; all of them are found, named and watched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.cli import phones as cli_phones
from deploy.device import discovery
from deploy.device.shell import never
from deploy.device.target import Found
from deploy.kit.kit import KitChoice
from deploy.plugins import REGISTRIES
from deploy.targets import TARGETS
from deploy.targets.android.target import AndroidTarget
from pqv_core import plugins
from pqv_core.errors import Cancelled, PluginError
from tests.fakes import directory_target
from tests.fakes.adb_server import AdbServer, Row
from tests.fakes.installed import offer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> AdbServer:
    with AdbServer([Row("A1", "unauthorized")]) as running:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(running.port))
        yield running


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: AdbServer) -> Path:
    """A folder that is a device, of a kind that another package brings, beside a phone."""
    folder = tmp_path / "board"
    folder.mkdir()
    monkeypatch.setenv("BOARD_FOLDER", str(folder))
    place = "tests.fakes.directory_target:INFO"
    offer(monkeypatch, tmp_path / "installed", TARGETS, name="directory", value=place)
    return folder


def test_ours_are_this_computer_and_android() -> None:
    assert {key: kind.label for key, kind in TARGETS.items()} == {"local": "This computer", "android": "Android"}
    assert [type(kind) for kind in discovery.targets()] == [AndroidTarget]


@pytest.mark.usefixtures("board")
def test_another_packages_is_found_beside_ours() -> None:
    assert list(TARGETS) == ["local", "android", "directory"]
    assert [(found.key, found.target) for found in discovery.find()] == [("A1", "android"), ("board", "directory")]
    [row] = [row for row in plugins.found(REGISTRIES) if not row["reason"]]
    assert (row["kind"], row["key"], row["package"]) == ("target", "directory", "foreign 1.2")


def test_a_device_is_chosen_by_key_serial_or_address_whatever_its_kind(board: Path) -> None:
    seen = discovery.find()
    assert discovery.choose("board", seen) == discovery.choose(str(board), seen) == seen[1]
    assert discovery.choose("dir:/elsewhere", seen).target == "directory"
    assert discovery.choose("10.0.0.7:5555", seen).target == "android"
    assert discovery.named("nonsense") is None


def test_all_kinds_are_watched_at_once(board: Path, server: AdbServer) -> None:
    ended = False

    def check() -> None:
        if ended:
            raise Cancelled

    seen = discovery.watch(check, lambda _: None)

    def until(wanted: dict[str, str]) -> None:
        while {found.key: found.state for found in next(seen)} != wanted:
            pass

    until({"A1": "unauthorized", "board": "ready"})
    server.change()
    until({"board": "ready"})
    server.change(Row("B2", "offline"))
    until({"B2": "offline", "board": "ready"})
    ended = True
    with pytest.raises(Cancelled):
        next(seen)


@pytest.mark.usefixtures("board")
def test_what_breaks_while_watching_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOARD_FOLDER")
    with pytest.raises(KeyError, match="BOARD_FOLDER"):
        list(discovery.watch(never, lambda _: None))


@pytest.mark.usefixtures("board")
def test_a_kind_that_cannot_be_loaded_is_named_and_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(directory_target, "DirectoryTarget")
    assert [found.key for found in discovery.find()] == ["A1"]
    with pytest.raises(PluginError, match=r"target Directory, of foreign 1\.2, cannot be loaded"):
        discovery.target("directory")
    assert cli_phones.show(as_json=True) == 0
    said = capsys.readouterr()
    assert "Directory, of foreign 1.2" in said.err
    assert [json.loads(line)["target"] for line in said.out.splitlines()] == ["A1"]


@pytest.mark.usefixtures("board")
def test_the_devices_are_listed_with_what_they_tell(capsys: pytest.CaptureFixture[str]) -> None:
    cli_phones.show(as_json=True)
    phone, board = map(json.loads, capsys.readouterr().out.splitlines())
    assert (phone["kind"], phone["connection"], phone["through"]) == ("android", "usb", "server")
    assert phone["problem"]["kind"] == "UnauthorizedError"
    assert (board["kind"], board["info"]["system"], board["problem"]) == ("directory", "Test OS 1", None)


def test_a_file_is_refused_beforehand_only_where_no_kind_of_device_runs_it(board: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.ptl"
    broken.write_bytes(b"nothing")
    android = AndroidTarget()
    assert android.refusal(broken, KitChoice(), cancelled=lambda: False)
    assert discovery.refusal(broken, KitChoice(), cancelled=lambda: False) == ""


def test_what_is_not_ready_says_so() -> None:
    found = Found(key="x", serial="x", target="directory", state="offline")
    assert "not responding" in found.sentence
    assert Found(key="x", serial="x", target="directory").sentence == "Ready."
