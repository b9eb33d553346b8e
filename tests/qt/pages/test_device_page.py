"""Phones in the window: coming and going, choosing, pushing and running, reading, cancelling, closing in between."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from deploy.errors import RuntimeLibraryError
from deploy.kit import fetching, programs
from deploy.kit.kit import Kit
from pqv_core import formatting
from pqv_core.errors import ErrorInfo
from pqv_core.files.fsio import sha256_file
from pqv_core.formats import FORMATS
from pqv_core.formats.base import Archive
from pqv_core.formats.ptl.android_runtime import LiteRuntime
from pqv_core.process import events
from pqv_core.report import caption
from pqv_core.results import record as results
from pqv_core.study import new_study, study_file
from pqv_core.study.new_study import Choices
from pqv_gui.app.window import MainWindow
from pqv_gui.desks.phone_desk import PhoneDesk
from pqv_gui.pages.device.page import DevicePage
from pqv_gui.pages.device.phone_list import LOCAL
from pqv_gui.pages.run.page import RunPage
from pqv_gui.pages.study.page import StudyPage
from pqv_gui.widgets.basic_inputs import CheckInput
from pqv_gui.widgets.list_inputs import parse_numbers
from tests.fakes.adb_server import AdbServer, Row
from tests.fakes.phone import Phone
from tests.qt.conftest import MakeWindow

SOON_MS = 30_000
TINY = Path(__file__).parents[2] / "data" / "tiny.ptl"
PROGRAM = (Path(__file__).parents[2] / "fakes" / "pqv_bench.sh").read_text()
ENDLESS = """echo '{"type":"iteration","index":0,"ns":1000000,"threads":1}'; while :; do sleep 0.05; done"""


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    made = Phone(tmp_path / "phone")
    made.write("sys/class/power_supply/battery/temp", "314\n")
    return made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AdbServer]:
    with AdbServer() as running:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(running.port))
        yield running


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    program, library = tmp_path / "pqv_bench", tmp_path / "libfake.so"
    program.write_text(PROGRAM.replace("BODY", ""))
    library.write_bytes(b"library" * 1000)
    runtime = LiteRuntime(
        version="1.12.2",
        program="lite",
        archives=(),
        abis=("x86_64",),
        bytecode_min=4,
        bytecode_max=9,
        operators={"aten::flatten.using_ints": 3, "aten::linear": 3, "aten::gelu": 1},
    )
    return Kit(runtime, "x86_64", program, (library,))


def go_on(kit: Kit, body: str) -> None:
    """Have the program do something before it measures."""
    kit.program.write_text(PROGRAM.replace("BODY", body))


MakeDesk = Callable[..., tuple[MainWindow, DevicePage, PhoneDesk]]


@pytest.fixture
def desk_of(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path, kit: Kit, server: AdbServer) -> MakeDesk:
    """Opens a project whose last run is complete, on the Device page, with the given phones connected."""

    def make(*rows: Row, scene: str = "good") -> tuple[MainWindow, DevicePage, PhoneDesk]:
        server.rows = list(rows)
        window = make_window(scene)
        desk = window.workspace.phones
        desk.watch.kit = kit
        for name, value in (("iterations", 12), ("max_seconds", 20.0), ("watch_s", 0.05), ("threads", (1,))):
            desk.settings.set(f"phone.{name}", value)
        window.workspace.create(tmp_path / "projects", "small")
        window.commands.go("device")
        page = window.stack.currentWidget()
        assert isinstance(page, DevicePage)
        qtbot.waitUntil(lambda: desk.phones.looked and window.workspace.can_run)
        return window, page, desk

    return make


def ready(desk: PhoneDesk, qtbot: QtBot, count: int = 1) -> None:
    qtbot.waitUntil(lambda: len(desk.phones.ready) == count, timeout=SOON_MS)


def over(desk: PhoneDesk, qtbot: QtBot) -> None:
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        pass


def start(page: DevicePage, desk: PhoneDesk, qtbot: QtBot) -> None:
    """Push and run, to the end."""
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)


def test_without_a_phone_the_steps_are_shown(desk_of: MakeDesk) -> None:
    window, page, _ = desk_of()
    assert page.phones.steps.isVisible()
    assert page.phones.card(LOCAL).isVisible()
    assert window.job_bar.device.text() == "No phone"
    page.add_file(TINY)
    assert page.missing.text() == "Select a ready phone, or this computer."
    assert not page.start.isEnabled()


def test_undo_takes_back_what_was_changed_on_the_page_that_is_shown(desk_of: MakeDesk, qtbot: QtBot) -> None:
    window, page, desk = desk_of()
    window.workspace.session.set("prune.ratio", 0.4)
    box = page.settings.form.editor("phone.cool_down")
    assert isinstance(box, CheckInput)
    box.click()
    assert not desk.settings.config.cool_down
    assert window.menus.undo.text() == "&Undo: Cool down first"
    window.menus.undo.trigger()
    assert desk.settings.config.cool_down
    assert box.isChecked()
    assert window.menus.redo.text() == "&Redo: Cool down first"
    assert window.workspace.session.config.prune.ratio == 0.4
    window.commands.go("prune")
    window.menus.undo.trigger()
    assert window.workspace.session.config.prune.ratio != 0.4
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)


def test_a_phone_that_is_plugged_in_tells_of_itself(
    desk_of: MakeDesk, server: AdbServer, phone: Phone, qtbot: QtBot
) -> None:
    window, page, desk = desk_of()
    qtbot.waitUntil(server.tracking.is_set)
    server.change(Row("A1", "unauthorized"))
    qtbot.waitUntil(lambda: bool(desk.phones.phones))
    card = page.phones.card("A1")
    assert "Unlock the phone and tap Allow." in card.sentence.text()
    assert card.retry.isVisibleTo(card)
    assert not card.tick.isEnabled()
    server.change(Row("A1", phone=phone))
    ready(desk, qtbot)
    assert card.tick.text() == "Fakesung Phone One"
    assert card.tick.isChecked()
    for words in ("Fakecomm FC8000", "Android 13", "x86_64", "GB free", "battery 80 %", "27 °C", "not throttled"):
        assert words in card.facts.text()
    assert window.job_bar.device.text() == "Fakesung Phone One · ready · 27 °C"
    assert window.steps.buttons["device"].accessibleName() == "Device, (1)"
    assert not page.phones.steps.isVisible()


def test_while_this_computer_answers_first_the_phone_says_how_far_that_is(
    desk_of: MakeDesk, phone: Phone, qtbot: QtBot
) -> None:
    _, page, desk = desk_of(Row("A1", phone=phone), scene="hang")
    ready(desk, qtbot)
    page.add_file(TINY)
    qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    (target,) = desk.run.targets.values()
    shown = page.targets._rows[target.id]
    words = "Computing reference outputs on this computer: answer 3 of 8"
    qtbot.waitUntil(lambda: shown.words.toolTip() == words or shown.words.text() == words, timeout=SOON_MS)
    assert shown.bar.isVisible()
    assert shown.bar.value() == 375
    desk.cancel()
    over(desk, qtbot)
    assert desk.run.state == "cancelled"


def test_from_push_to_results(desk_of: MakeDesk, phone: Phone, qtbot: QtBot) -> None:
    _, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    page.add_file(TINY)
    desk.settings.set("phone.profile", True)
    assert page.position.toolTip() == "1 file → Fakesung Phone One"
    start(page, desk, qtbot)
    assert desk.run.state == "succeeded", [target.words for target in desk.run.targets.values()]
    (measured,) = desk.run.measured
    assert measured.measurement.samples_ns == tuple(range(1_000_000, 1_000_012))
    cells = dict(zip(("target", "file", "threads", "median"), measured.cells, strict=False))
    assert cells == {"target": "Fakesung Phone One", "file": "tiny.ptl", "threads": "1", "median": "1.00 ms"}
    assert page.table.item(0, 3).text() == "1.00 ms"
    assert "100 %" in measured.cells
    assert page.bars.isVisible()
    assert page.bars.accessibleDescription().startswith("aten::linear")
    assert page.chart.described().startswith("tiny.ptl: 1.00 ms")
    below = page.chart.saver.caption()
    assert below == f"Fakesung Phone One; {formatting.date(desk.run.began)}; {caption.program()}"
    assert phone.left_behind() == []


def test_what_a_phone_measured_is_kept_in_the_run(
    desk_of: MakeDesk, phone: Phone, qtbot: QtBot, tmp_path: Path
) -> None:
    window, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    directory = finished_run(window, qtbot)
    assert [file.key for file in desk.files.chosen] == ["paper_fp32", "fast_fp32", "compressed"]
    start(page, desk, qtbot)
    assert desk.run.state == "succeeded", [target.words for target in desk.run.targets.values()]
    record = results.load(directory)
    for variant in record.variants:
        here, there = variant.measurements
        assert (here.target, there.target) == ("local", "Fakesung Phone One (A1)")
        assert there.parity is not None
        assert there.parity.top1_agreement == 1.0
    assert window.workspace.run.now.record == record
    assert phone.left_behind() == []
    window.commands.go("run")
    run_page = window.stack.currentWidget()
    table = run_page.phones  # type: ignore[attr-defined]
    assert table.isVisible()
    assert {table.item(index, 0).text() for index in range(table.rowCount())} == {
        "This computer",
        "Fakesung Phone One (A1)",
    }


def asked(window: MainWindow, qtbot: QtBot) -> StudyPage:
    """A study of two trials for phones, on the Study page."""
    project = window.workspace.session.path
    assert project is not None
    window.workspace.session.set_many({"export.target": "android"}, label="export.target")
    window.workspace.flush()
    choices = Choices(project=project, vary=("prune.ratio=0.2,0.4",), objectives=("latency", "size"))
    study_file.create(project.with_name("asked.study"), new_study.build(choices))
    window.commands.go("study")
    page = window.stack.current
    assert isinstance(page, StudyPage)
    qtbot.waitUntil(lambda: page.state.phase == "waiting", timeout=SOON_MS)
    return page


def test_the_trials_of_a_study_are_measured_on_the_phone_that_is_chosen(
    desk_of: MakeDesk, phone: Phone, qtbot: QtBot
) -> None:
    window, _, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    page = asked(window, qtbot)
    assert "little of a phone" in page.phone_note.text()
    page.phone.setCurrentIndex(page.phone.findData("A1"))
    page.phone.activated.emit(page.phone.currentIndex())
    page.start.click()
    qtbot.waitUntil(lambda: page.state.phase == "finished", timeout=SOON_MS)
    assert page.state.picture is not None
    trials = page.state.picture.view.trials
    assert [trial.state for trial in trials] == ["done", "done"], [trial.words for trial in trials]
    latencies = [(trial.figures or {})["latency"] for trial in trials]
    assert latencies == pytest.approx([1.0, 1.0], rel=1e-3)  # this computer's would be 10 ms
    assert phone.left_behind() == []


def test_a_study_that_is_stopped_while_a_phone_measures_leaves_nothing_there(
    desk_of: MakeDesk, phone: Phone, qtbot: QtBot, kit: Kit
) -> None:
    go_on(kit, ENDLESS)
    window, _, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    page = asked(window, qtbot)
    page.desk.phone = "A1"
    page.start.click()
    qtbot.waitUntil(lambda: page.state.activity == "Measuring", timeout=SOON_MS)
    page.stop.click()
    qtbot.waitUntil(lambda: page.state.phase == "stopped", timeout=SOON_MS)
    assert [line.trial.state for line in page.state.lines] == ["interrupted"]
    assert phone.left_behind() == []


def test_the_front_of_a_study_is_measured_on_the_phone_in_one_session(
    desk_of: MakeDesk, phone: Phone, qtbot: QtBot
) -> None:
    window, device, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    page = asked(window, qtbot)
    page.start.click()
    qtbot.waitUntil(lambda: page.state.phase == "finished", timeout=SOON_MS)
    qtbot.waitUntil(page.send.isEnabled, timeout=SOON_MS)
    assert len(page.state.front) == 2
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        page.send.click()
    assert window.stack.place == "device"
    assert desk.run.state == "succeeded", [target.words for target in desk.run.targets.values()]
    assert [row.file for row in desk.run.measured] == [f"{line.name}, Compressed" for line in page.state.front]
    assert device.source.currentText() == "Front of the study asked"
    project = window.workspace.session.path
    assert project is not None
    loops = set()
    for line in page.state.front:
        record = results.load(project.with_suffix(".runs") / line.trial.run)
        there = record.variants[-1].measurements[-1]
        assert there.target == "Fakesung Phone One (A1)"
        loops.add(there.loop)
    assert len(loops) == 1


def finished_run(window: MainWindow, qtbot: QtBot) -> Path:
    """Have the project's run done, with real files in its folder; returns the folder."""
    window.commands.start_run()
    run = window.workspace.run
    qtbot.waitUntil(lambda: run.state == "succeeded" and run.now.record is not None, timeout=SOON_MS)
    directory = run.now.directory
    assert directory is not None
    window.commands.go("device")
    return directory


def test_two_phones_and_this_computer_in_one_go(desk_of: MakeDesk, phone: Phone, qtbot: QtBot, tmp_path: Path) -> None:
    other = Phone(tmp_path / "other")
    other.set_property("ro.product.model", "Phone Two")
    rows = Row("A1", phone=phone), Row("B2", phone=other, transport_id=2)
    _, page, desk = desk_of(*rows)
    ready(desk, qtbot, 2)
    page.add_file(TINY)
    for key in ("A1", "B2", LOCAL):
        desk.phones.tick(key, True)
    start(page, desk, qtbot)
    assert [row.target for row in desk.run.measured][-1] == "This computer"
    assert {row.target for row in desk.run.measured} == {"Fakesung Phone One", "Fakesung Phone Two", "This computer"}
    assert len(desk.run.series) == 3


@pytest.mark.parametrize(
    ("keys", "words"), [(("A1", "B2"), "1 of 2 phones failed"), (("A1", "B2", LOCAL), "1 of 3 devices failed")]
)
def test_of_several_devices_it_is_said_how_many_failed(desk_of: MakeDesk, keys: tuple[str, ...], words: str) -> None:
    _, page, desk = desk_of()
    desk.run.begin([(key, key) for key in keys], (), ())
    first, *others = (f"{desk.run.number}:{key}" for key in keys)
    desk.run.finished(first, "failed", error=ErrorInfo(kind="DeviceError", message="It was unplugged."))
    for run in others:
        desk.run.finished(run, "succeeded")
    assert page.headline.text() == words


def test_cancel_leaves_nothing_on_the_phone(desk_of: MakeDesk, phone: Phone, kit: Kit, qtbot: QtBot) -> None:
    _, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    go_on(kit, ENDLESS)
    page.add_file(TINY)
    page.start.click()
    qtbot.waitUntil(lambda: bool(desk.run.series), timeout=SOON_MS)
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        page.cancel.click()
        assert desk.run.state == "cancelling"
    assert desk.run.state == "cancelled"
    assert phone.left_behind() == []
    assert page.repeat.isVisible()


def test_a_phone_that_comes_back_repeats_with_one_click(
    desk_of: MakeDesk, server: AdbServer, phone: Phone, kit: Kit, qtbot: QtBot
) -> None:
    _, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    go_on(kit, ENDLESS)
    page.add_file(TINY)
    page.start.click()
    qtbot.waitUntil(lambda: bool(desk.run.series), timeout=SOON_MS)
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        server.change()
        phone.kill_all()
    assert desk.run.state == "failed"
    assert page.banner.isVisible()
    assert page.banner.message.text().startswith("Fakesung Phone One")
    qtbot.waitUntil(lambda: not desk.phones.phones)
    assert not page.repeat.isVisible()
    go_on(kit, "")
    server.change(Row("A1", phone=phone, transport_id=7))
    ready(desk, qtbot)
    assert page.repeat.text() == "Run again on Fakesung Phone One"
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        page.repeat.click()
    assert desk.run.state == "succeeded"
    assert not page.banner.isVisible()
    assert phone.left_behind() == []


def test_a_file_that_cannot_run_there_does_not_keep_others_from_it(
    desk_of: MakeDesk, phone: Phone, qtbot: QtBot, tmp_path: Path
) -> None:
    _, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    bad = tmp_path / "bad.ptl"
    bad.write_bytes(b"no archive")
    page.add_file(TINY)
    page.add_file(bad)
    start(page, desk, qtbot)
    assert [row.file for row in desk.run.measured] == ["tiny.ptl"]
    assert page.banner.isVisible()
    assert "bad.ptl" in page.banner.message.text()
    assert phone.left_behind() == []


def test_waiting_for_a_cool_phone_can_be_skipped(desk_of: MakeDesk, phone: Phone, qtbot: QtBot) -> None:
    phone.heat(2)
    _, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    page.add_file(TINY)
    page.start.click()
    row = lambda: next(iter(page.targets._rows.values()))  # noqa: E731
    qtbot.waitUntil(lambda: bool(page.targets._rows) and row().skip_button.isVisible(), timeout=SOON_MS)
    assert "Cooling down" in row().words.toolTip()
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        row().skip_button.click()
    assert len(desk.run.measured) == 1


def test_this_computer_is_measured_like_a_phone_and_can_be_cancelled(desk_of: MakeDesk, qtbot: QtBot) -> None:
    window, page, desk = desk_of(scene="hang")
    page.add_file(TINY)
    page.phones.card(LOCAL).tick.click()
    page.start.click()
    qtbot.waitUntil(lambda: bool(desk.run.series), timeout=SOON_MS)
    assert window.workspace.runs.busy
    assert window.job_bar.device.text() == "This computer · measuring latency"
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        window.menus.stop_measuring.trigger()
    assert desk.run.state == "cancelled"
    assert not window.workspace.runs.busy


@pytest.fixture
def aar(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive of a runtime that cannot be fetched here; its program is the kit's."""
    path = tmp_path / "runtime.aar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(kit.libraries[0], "jni/x86_64/libfake.so")
    published = Archive(
        source="maven",
        coordinates="org.example:runtime:9.9",
        sha256=sha256_file(path),
        size_bytes=path.stat().st_size,
        libraries={"libfake.so": "jni/{abi}/libfake.so"},
    )

    def unavailable(archive: Archive, *_: object) -> Path:
        raise RuntimeLibraryError(f"{archive.coordinates} cannot be downloaded.", action="Give the file.")

    assert kit.runtime is not None
    runtime = kit.runtime.model_copy(update={"archives": (published,)})
    monkeypatch.setattr(type(FORMATS["ptl"]), "runtime", lambda *_: runtime)
    monkeypatch.setattr(programs, "verified", lambda *_: kit.program)
    monkeypatch.setattr(fetching, "fetch", unavailable)
    return path


def test_without_a_network_the_runtime_is_taken_from_a_file_and_the_phone_measures(
    desk_of: MakeDesk, phone: Phone, aar: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, page, desk = desk_of(Row("A1", phone=phone))
    desk.watch.kit = None
    ready(desk, qtbot)
    page.add_file(TINY)
    start(page, desk, qtbot)
    assert desk.run.state == "failed"
    (offer,) = (one for one in page.banner.findChildren(QPushButton) if one.text() == "Choose the file …")
    assert "org.example:runtime:9.9 cannot be downloaded." in page.banner.message.text()
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(aar)], ""))
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        offer.click()
    assert desk.run.state == "succeeded", [target.words for target in desk.run.targets.values()]
    assert desk.archives == (aar,)
    assert not page.banner.isVisible()


def test_a_finished_run_leads_to_the_phones(desk_of: MakeDesk, qtbot: QtBot) -> None:
    window, _, _ = desk_of()
    finished_run(window, qtbot)
    window.commands.go("run")
    window.stack.currentWidget().send.click()  # type: ignore[attr-defined]
    assert window.stack.place == "device"


@pytest.fixture
def old_kit(kit: Kit) -> Kit:
    """A runtime that knows no operator, and so refuses every file."""
    return dataclasses.replace(kit, runtime=kit.runtime.model_copy(update={"operators": {}}))


def test_what_phones_are_known_to_refuse_is_not_pushed_and_the_remedy_stands_beside_it(
    desk_of: MakeDesk, phone: Phone, old_kit: Kit, qtbot: QtBot
) -> None:
    window, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    desk.watch.kit = old_kit
    finished_run(window, qtbot)
    reason = "Phones cannot run the selected files. The Android runtime 1.12.2 lacks"
    qtbot.waitUntil(lambda: page.missing.text().startswith(reason))
    assert not page.start.isEnabled()
    assert page.start.toolTip() == page.missing.text()
    assert not window.menus.measure.isEnabled()
    assert page.android.isVisible()
    (first, *_) = (page.files.row(file.path) for file in desk.files.chosen)
    assert "lacks" in first.detail.toolTip()
    desk.phones.tick("A1", False)
    desk.phones.tick(LOCAL, True)
    assert page.start.isEnabled(), "this computer runs them"
    window.commands.go("run")
    run_page = window.stack.current
    assert isinstance(run_page, RunPage)
    assert not run_page.send.isEnabled()
    assert "lacks" in run_page.send.toolTip()
    assert run_page.refused.isVisible()
    assert run_page.android.isVisible()


def test_export_for_android_makes_files_for_phones_and_measures_them_there(
    desk_of: MakeDesk, phone: Phone, kit: Kit, old_kit: Kit, qtbot: QtBot
) -> None:
    window, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    work = window.workspace
    work.session.set("quantize.engine", "x86")
    desk.watch.kit = old_kit
    finished_run(window, qtbot)
    qtbot.waitUntil(page.android.isVisible)
    desk.watch.kit = kit
    with qtbot.waitSignal(desk.ended, timeout=SOON_MS):
        click(page.android)
        assert window.stack.place == "run"
    config = work.session.config
    assert (config.export.target, config.quantize.engine) == ("android", "auto")
    assert desk.run.state == "succeeded"
    record = work.run.now.record
    assert record is not None
    assert record.config["export"]["target"] == "android"
    assert [each.target for each in record.variants[0].measurements] == ["local", "Fakesung Phone One (A1)"]
    window.menus.undo.trigger()
    assert (work.session.config.export.target, work.session.config.quantize.engine) == ("host", "x86")
    qtbot.waitUntil(lambda: work.tasks.active == 0)


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("4", (4,)), (" 1, 2 ,4", (1, 2, 4)), ("", ()), ("1,", ()), ("one", ()), ("-1", ()), ("²", ()), ("9" * 9, ())],
)
def test_numbers_with_commas_between(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_numbers(text) == numbers


def test_a_wrong_address_is_said_in_the_page(desk_of: MakeDesk, qtbot: QtBot) -> None:
    window, page, desk = desk_of()
    window.menus.connect_phone.trigger()
    assert page.address.isVisible()
    page.address.text.setText("not an address")
    page.address.connect_button.click()
    assert "not a phone address" in page.banner.message.text()
    assert desk.phones.phones == ()


def test_settings_that_cannot_be_are_said_beside_the_field(desk_of: MakeDesk, phone: Phone, qtbot: QtBot) -> None:
    _, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    page.add_file(TINY)
    threads = page.settings.form.editor("phone.threads")
    qtbot.keyClicks(threads, ", x")
    assert "Enter one or more thread counts" in page.settings.form.field("phone.threads").problem.text()  # type: ignore[attr-defined]
    assert not page.start.isEnabled()
    for _ in range(3):
        qtbot.keyClick(threads, Qt.Key.Key_Backspace)
    qtbot.keyClicks(threads, ",2")
    assert desk.settings.config.threads == (1, 2)
    assert page.start.isEnabled()


def test_closing_while_a_phone_is_measured_asks_once_and_leaves_nothing(
    desk_of: MakeDesk, phone: Phone, kit: Kit, qtbot: QtBot
) -> None:
    window, page, desk = desk_of(Row("A1", phone=phone))
    ready(desk, qtbot)
    go_on(kit, ENDLESS)
    page.add_file(TINY)
    page.start.click()
    qtbot.waitUntil(lambda: bool(desk.run.series), timeout=SOON_MS)
    window.close()
    assert window.isVisible()
    (box,) = window.findChildren(QMessageBox)
    assert box.text() == "Stop measuring and close?"
    box.buttons()[0].click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=SOON_MS)
    assert phone.left_behind() == []


def test_ten_seconds_of_a_thousand_samples_are_a_hundred_repaints(
    desk_of: MakeDesk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many bunches as a tenth of a second each makes; a bunch is one notification and at most one drawing."""
    _, page, desk = desk_of()
    page.add_file(TINY)
    desk.run.begin([("A1", "Phone")], desk.files.chosen, (4,))
    (target,) = desk.run.targets.values()
    desk.run.started(target.id)
    heard: list[int] = []
    drawn: list[int] = []
    desk.run.subscribe(lambda: heard.append(1))
    draw = page.chart.draw
    monkeypatch.setattr(page.chart, "draw", lambda run: (drawn.append(1), draw(run)))
    for bunch in range(100):
        for index in range(100):
            desk._mailbox.put(
                events.LatencySample(run=target.id, role=str(TINY), index=bunch * 100 + index, ns=1_000_000 + index)
            )
        desk._hand_over()
    (series,) = desk.run.series.values()
    assert len(series.samples) == 10_000
    assert len(heard) == 100
    desk.run.finished(target.id, "cancelled")
    assert 1 <= len(drawn) <= 100
    assert all(0 < len(x) <= 700 for _, x, _ in page.chart._series.values())
