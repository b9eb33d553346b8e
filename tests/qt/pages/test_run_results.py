"""The cards of a run: on which device, whether they can be trusted, and measuring once more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from pqv_core.comparison import load, views
from pqv_core.comparison.charts import BarChart
from pqv_core.project import project_file as projects
from pqv_core.report import svg
from pqv_core.results import record as results
from pqv_core.results.record import Accuracy, RunRecord
from pqv_gui.app.window import MainWindow
from pqv_gui.charts.bar_chart import BarChartView
from pqv_gui.pages.compare.compare_table import CompareTable
from pqv_gui.pages.compare.comparison_view import ComparisonView
from pqv_gui.pages.model.page import ModelPage
from pqv_gui.pages.run.page import RunPage
from pqv_gui.pages.run.run_parts import ResultCards
from pqv_gui.style.theme import colors
from pqv_gui.widgets.basics import ElidedLabel
from tests.fakes.records import measurement, record
from tests.qt.conftest import MakeWindow

SOON_MS = 20_000
PHONE = "Some Phone (A1)"
DEMO = {"img_size": 32, "patch_size": 4, "embed_dim": 96, "depth": 4, "num_heads": 3, "num_classes": 10}


def for_android(*, measured: bool = True, **more: Any) -> RunRecord:
    """A run for Android, whose files a phone may have measured: 3 times as fast there, twice as fast here."""
    plain = record("r1").model_copy(update={"dense_accuracy": Accuracy(top1=0.9, top5=1, loss=0.1, images=355)})
    config = {**plain.config, "export": {**plain.config["export"], "target": "android"}}
    took = {"paper_fp32": 300, "fast_fp32": 90, "compressed": 30}
    there = {role: measurement(ms, target=PHONE).model_copy(update=more) for role, ms in took.items()}
    variants = tuple(
        one.model_copy(update={"measurements": (*one.measurements, there[one.key])}) if one.key in there else one
        for one in plain.variants
    )
    return plain.model_copy(update={"config": config, "variants": variants if measured else plain.variants})


def shown(qtbot: QtBot, run: RunRecord) -> ResultCards:
    cards = ResultCards()
    qtbot.addWidget(cards)
    cards.show_record(run, can_measure=True)
    return cards


def words(cards: ResultCards) -> str:
    labels = cards.findChildren(QLabel)
    return "\n".join(one._whole if isinstance(one, ElidedLabel) else one.text() for one in labels)


def choose(cards: ResultCards, target: str) -> None:
    cards.target.set_value(target)
    cards.target.activated.emit(cards.target.currentIndex())


def test_a_run_for_android_shows_the_phone_first_and_this_computer_on_demand(qtbot: QtBot) -> None:
    cards = shown(qtbot, for_android())
    assert cards.target.currentText() == PHONE
    assert "3.00× vs. fastest FP32" in words(cards)
    assert f"median on {PHONE}" in words(cards)
    choose(cards, "local")
    assert "2.00× vs. fastest FP32" in words(cards)
    assert "median on this computer" in words(cards)


def test_before_a_phone_has_measured_there_is_nothing_to_switch(qtbot: QtBot) -> None:
    cards = shown(qtbot, for_android(measured=False))
    assert cards.switch.isHidden()
    assert "median on this computer" in words(cards)
    cards.show_record(for_android(), can_measure=True)
    assert cards.target.currentText() == PHONE, "it has measured"


def test_what_was_chosen_by_hand_stays_chosen_for_this_run(qtbot: QtBot) -> None:
    cards = shown(qtbot, for_android())
    choose(cards, "local")
    cards.show_record(for_android(busy=0.0), can_measure=True)
    assert cards.target.get() == "local"
    cards.show_record(for_android().model_copy(update={"id": "r2"}), can_measure=True)
    assert cards.target.get() == PHONE


def test_accuracy_of_other_images_is_not_compared(qtbot: QtBot) -> None:
    few = Accuracy(top1=1.0, top5=1, loss=0.1, images=32)
    run = for_android(accuracy=few)
    assert "100 % ± 1.5" in words(shown(qtbot, run))
    assert "top-1 on 32 images on the phone" in words(shown(qtbot, run))
    base = run.model_copy(update={"variants": run.variants[3:]})  # the phone was not asked with a baseline
    assert "from 90.0 % on 355 images" in words(shown(qtbot, base))
    assert "points" not in words(shown(qtbot, base))


def test_unsteady_figures_have_one_amber_card_and_no_tick(qtbot: QtBot) -> None:
    steady = shown(qtbot, for_android())
    assert steady.unsteady.isHidden()
    assert "✓ −66.7 %" in words(steady)
    cards = shown(qtbot, for_android(busy=0.9))
    assert not cards.unsteady.isHidden()
    assert "other programs used 90.0 % of the processor" in cards.doubts.text()
    assert "✓ −66.7 %" not in words(cards)
    assert "⚠ 3.00× vs. fastest FP32" in words(cards)
    greyed = [one for one in cards.findChildren(QLabel) if one.property("tone") == "doubted"]
    assert len(greyed) == 3, "the difference and both ratios"
    choose(cards, "local")
    assert cards.unsteady.isHidden(), "this computer was quiet"


def test_measure_again_of_a_phone_leads_to_the_phone(qtbot: QtBot) -> None:
    cards = shown(qtbot, for_android(busy=0.9))
    with qtbot.waitSignal(cards.again) as told:
        cards.measure.click()
    assert told.args == [PHONE]


def test_measure_again_repeats_only_the_measuring_of_this_run(
    make_window: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window("unsteady")
    window.workspace.create(tmp_path / "projects", "small")
    qtbot.waitUntil(lambda: window.workspace.can_run)
    window.commands.start_run()
    page = over(window, qtbot)
    asked = window.workspace.run.now.run
    assert page.results.unsteady.isVisible()
    window.workspace.session.set("prune.ratio", 0.5)  # the run keeps its own settings
    qtbot.mouseClick(page.results.measure, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.workspace.run.active, timeout=SOON_MS)
    page = over(window, qtbot)
    kept = window.workspace.run.now.record
    assert kept is not None and (kept.id, kept.config["prune"]["ratio"]) == (asked, 0.25)
    qtbot.waitUntil(lambda: not page.results.unsteady.isVisible(), timeout=SOON_MS)
    assert "2.00× vs. fastest FP32" in words(page.results)


def over(window: MainWindow, qtbot: QtBot) -> RunPage:
    workspace = window.workspace
    qtbot.waitUntil(lambda: not workspace.run.active and not workspace.jobs.active, timeout=SOON_MS)
    qtbot.waitUntil(lambda: workspace.tasks.active == 0 and workspace.run.now.record is not None, timeout=SOON_MS)
    page = window.stack.currentWidget()
    assert isinstance(page, RunPage)
    return page


def test_a_speed_up_of_disturbed_samples_is_greyed_in_the_chart_the_picture_and_the_table(
    qtbot: QtBot, tmp_path: Path
) -> None:
    project = tmp_path / "some.pqv"
    folder = projects.runs_directory(project) / "r1"
    folder.mkdir(parents=True)
    results.save(folder, for_android(busy=0.9))
    found = load(project)
    for device, greyed in ((PHONE, True), ("This computer", False)):
        chart = views.view("speedup", found.rows, device=device)
        assert isinstance(chart, BarChart)
        bars = BarChartView()
        qtbot.addWidget(bars)
        bars.resize(600, 200)
        bars.show_chart(chart)
        bars.grab()  # paints, and places the bars
        assert [bar.doubted for bar in bars.plot._bars] == [greyed, greyed]
        assert all(bar.figure.endswith(" ⚠") == greyed for bar in bars.plot._bars)
        assert ('class="doubted"' in svg.standalone(chart)) == greyed
    view = ComparisonView()
    view.take(found)
    table = CompareTable(view)
    qtbot.addWidget(table)
    table.refresh()
    column = next(place for place, one in enumerate(table._lines.columns) if one.key == "over_fastest")
    cells = {
        line.row.device: table._lines.data(table._lines.index(place, column), Qt.ItemDataRole.ForegroundRole)
        for place, line in enumerate(table._lines.lines)
        if line.row is not None
    }
    assert cells[PHONE] == QColor(colors(table).muted)
    assert cells["This computer"] is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "22.1 M parameters · 4.60 GMAC · 224 × 224 × 3"),
        (
            DEMO,
            "460 k parameters · 32.3 MMAC · 32 × 32 × 3",
        ),
        ({"qkv_bias": False}, "As published; the effect of qkv_bias is known after a run."),
    ],
)
def test_the_models_card_tells_what_the_arguments_give(
    window: MainWindow, arguments: dict[str, Any], expected: str
) -> None:
    window.workspace.session.set("model.arguments", arguments)
    window.commands.go("model")
    page = window.stack.currentWidget()
    assert isinstance(page, ModelPage)
    assert expected in page.chosen.figures.text()
