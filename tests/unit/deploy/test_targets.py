"""Kinds of devices describe themselves, also those of other packages; all of them are found, named and watched."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from deploy.cli import phones as cli_phones
from deploy.device import discovery
from deploy.device.info import DeviceInfo
from deploy.device.shell import never
from deploy.device.target import Found
from deploy.kit.kit import KitChoice
from deploy.plugins import REGISTRIES
from deploy.targets import TARGETS
from deploy.targets.android.target import AndroidTarget
from pqv_core import plugins
from pqv_core.errors import Cancelled, PluginError, PqvError
from tests.fakes import directory_target, plug_in
from tests.fakes.adb_server import AdbServer, Row
from tests.fakes.directory_target import DirectoryTarget
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
    assert [type(kind) for kind in discovery.targets().values()] == [AndroidTarget]


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
    assert server.tracking.wait(10)
    server.change()
    until({"board": "ready"})
    server.change(Row("B2", "offline"))
    until({"B2": "offline", "board": "ready"})
    ended = True
    with pytest.raises(Cancelled):
        next(seen)


def watched(failed: Callable[[PqvError], None]) -> tuple[Iterator[list[Found]], Callable[[], None]]:
    """What is seen, and how to watch no longer."""
    seen = discovery.watch(never, lambda _: None, failed=failed)
    assert isinstance(seen, Generator)
    return seen, seen.close


BREAKING: dict[str, tuple[Callable[..., object], str]] = {
    "raises": (lambda *_: 1 / 0, "failed: ZeroDivisionError"),
    "gives nothing": (lambda *_: None, "failed: TypeError"),
    "gives something else": (lambda *_: iter([["board"]]), "failed: TypeError: watch gave 'board'"),
    "gives those of another kind": (
        lambda *_: iter([[Found(key="x", serial="x", target="android")]]), "no Found of 'directory'"
    ),
}  # fmt: skip


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("how", BREAKING)
def test_a_kind_that_breaks_while_watching_is_named_and_the_others_are_watched_on(
    monkeypatch: pytest.MonkeyPatch, server: AdbServer, how: str
) -> None:
    work, words = BREAKING[how]
    monkeypatch.setattr(DirectoryTarget, "watch", work)
    failed: list[PqvError] = []
    seen, end = watched(failed.append)
    while {found.key for found in next(seen)} != {"A1"} or not failed:
        pass
    [error] = failed
    assert "The target Directory, of foreign 1.2, " in str(error)
    assert words in str(error)
    assert server.tracking.wait(10)
    server.change(Row("B2", "offline"))
    assert [found.key for found in next(seen)] == ["B2"]
    end()


@pytest.mark.usefixtures("board")
def test_a_kind_that_never_returns_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    returned = threading.Event()
    monkeypatch.setattr(DirectoryTarget, "watch", lambda *_: iter(returned.wait, True))
    monkeypatch.setattr(discovery, "_ENDING_S", 0.0)
    seen, end = watched(discovery.unheard)
    assert [found.key for found in next(seen)] == ["A1"]
    end()
    returned.set()


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("work", [lambda *_: 1 / 0, lambda *_: "board", lambda *_: ["board"]])
def test_a_kind_that_cannot_look_is_named_beside_what_the_others_found(
    monkeypatch: pytest.MonkeyPatch, work: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(DirectoryTarget, "find", work)
    assert cli_phones.show(as_json=True) == 0
    said = capsys.readouterr()
    assert "The target Directory, of foreign 1.2, failed: " in said.err
    assert [json.loads(line)["target"] for line in said.out.splitlines()] == ["A1"]


@pytest.mark.usefixtures("board")
def test_an_address_that_a_kind_cannot_read_is_still_another_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DirectoryTarget, "named", lambda *_: 7)
    assert (found := discovery.named("10.0.0.7:5555"))
    assert found.target == "android"
    with pytest.raises(PluginError, match=r"Directory, of foreign 1\.2, failed: TypeError: named gave 7"):
        discovery.named("nonsense")


@pytest.mark.usefixtures("board")
def test_what_another_packages_connection_raises_is_said_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    [board] = [found for found in discovery.find() if found.target == "directory"]
    shell = discovery.connect(board)
    assert shell.info().model == "Board"
    monkeypatch.setattr(directory_target.DirectoryShell, "info", lambda _: {"model": "Board"})
    with pytest.raises(PluginError, match=r"info gave .*Board"):
        shell.info()
    monkeypatch.setattr(DirectoryTarget, "connect", lambda *_, **__: 1 / 0)
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        discovery.connect(board)


def test_a_kind_that_cannot_judge_a_file_does_not_run_it(
    board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.ptl"
    broken.write_bytes(b"nothing")
    monkeypatch.setattr(DirectoryTarget, "refusal", lambda *_, **__: None)
    refused = discovery.refusal(broken, KitChoice(), cancelled=lambda: False)
    assert refused == AndroidTarget().refusal(broken, KitChoice(), cancelled=lambda: False)


def test_android_refuses_a_file_of_a_format_without_runtimes_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in.bring(monkeypatch)
    file = tmp_path / "model.ts"
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("model/extra/pqv.json", '{"input_shape": [1, 3, 32, 32]}')
    refused = AndroidTarget().refusal(file, KitChoice(), cancelled=lambda: False)
    assert refused == "TorchScript files do not run on Android."


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
def test_what_a_device_calls_itself_is_shown_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(directory_target.DirectoryShell, "info", lambda _: DeviceInfo(model="[/x] [red]"))
    cli_phones.show(as_json=False)
    assert "[/x] [red]" in capsys.readouterr().out


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
