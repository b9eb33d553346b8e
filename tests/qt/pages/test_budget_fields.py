"""The Prune page: by a ratio, or until it is fast or small enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from pytestqt.qtbot import QtBot

from pqv_core.config.budget import LOCAL
from pqv_core.latency import store
from pqv_core.latency.table import LatencyTable, Narrower, Part, Point, Subject
from pqv_core.process import machine
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.prune.page import PrunePage


def table(*, device: str, serial: str, dense_ns: int) -> LatencyTable:
    points = tuple(Point(units=units, copies=1, samples_ns=(units * 1_000,), loop=0) for units in (96, 192))
    return LatencyTable(
        subject=Subject(
            model="vit_tiny_patch16_224",
            input_shape=(1, 3, 224, 224),
            unit="width",
            format="ptl",
            scheme="int8-dynamic",
            threads=1,
            device=device,
        ),
        device=device,
        serial=serial,
        created="2026-01-01",
        versions=store.versions(),
        parts=(Part(name="blocks.0.mlp.fc2", kind="mlp", units=192, curve=0),),
        curves=(points,),
        loops=((dense_ns,),),
    )


def with_embeddings(*, device: str, serial: str, dense_ns: int) -> LatencyTable:
    """With half of the 192 channels of the embedding everything takes half as long."""
    whole = table(device=device, serial=serial, dense_ns=dense_ns)
    (curve,) = whole.curves
    points = tuple(point.model_copy(update={"samples_ns": (point.samples_ns[0] // 2,)}) for point in curve)
    narrower = Narrower(units=96, samples_ns=(dense_ns // 2,), loop=0, curves=(points,))
    return whole.model_copy(update={"created": "2026-02-01", "embedding": 192, "embeddings": (narrower,)})


@pytest.fixture
def keep_more() -> Iterator[Callable[[], None]]:
    """Keeps, until the test ends, a table of the phone that knows a narrower embedding."""
    paths: list[Path] = []
    yield lambda: paths.append(store.keep(with_embeddings(device="Pixel 8", serial="XYZ", dense_ns=400_000)))
    for path in paths:
        path.unlink()


@pytest.fixture
def prune(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """The window of a project whose model has a table of a phone, on the Prune page."""
    store.keep(table(device="Pixel 8", serial="XYZ", dense_ns=400_000))
    work = window.workspace
    work.stored.emit()
    work.session.set_many(
        {
            "model.name": "vit_tiny_patch16_224",
            "model.arguments": {},
            "export.formats": ["ptl"],
            "quantize.precision": "int8-dynamic",
        },
        label="model",
    )
    window.commands.go("prune")
    qtbot.waitUntil(lambda: work.models.loaded and "XYZ" in work.tables.devices(work.session.config))
    return window


def page(window: MainWindow) -> PrunePage:
    return cast(PrunePage, window.stack.currentWidget())


def choose(window: MainWindow, way: str) -> None:
    combo = page(window).how_far.way
    combo.setCurrentIndex(combo.findData(way))
    combo.activated.emit(combo.currentIndex())


def test_the_other_way_shows_its_own_fields_and_is_undone(prune: MainWindow) -> None:
    shown = page(prune)
    form, session = shown.form, prune.workspace.session
    assert form.field("prune.ratio").isVisible() and not form.field("budget.latency_ms").isVisible()
    choose(prune, "budget")
    assert session.config.budget.speedup == 1.5
    assert form.field("budget.latency_ms").isVisible()
    assert not form.field("prune.ratio").isVisible() and not form.field("prune.distribution").isVisible()
    choose(prune, "ratio")
    assert not session.config.budget.is_set
    assert form.field("prune.ratio").isVisible()
    session.undo()
    assert session.config.budget.speedup == 1.5


def test_the_latency_of_a_device_is_predicted_while_the_ratio_moves(prune: MainWindow) -> None:
    session = prune.workspace.session
    session.set("prune.ratio", 0.5)
    rows = {row.name.text(): row for row in prune.summary._estimates if row.isVisible()}
    row = rows["Latency, Pixel 8, 1 thread"]
    assert (row.before.text(), row.after.text()) == ("0.400 ms", "→ ≈ 0.304 ms")  # of 192 channels, 96 are left
    session.set("prune.enabled", False)
    assert row.after.text() == "→ ≈ 0.400 ms"


def test_a_limit_is_what_is_predicted(prune: MainWindow) -> None:
    session = prune.workspace.session
    session.set_many({"budget.speedup": 2.0, "budget.on": "XYZ"}, label="budget")
    (found,) = prune.workspace.tables.predictions(session.config)
    assert (found.before_ns, found.after_ns) == (400_000, 200_000)
    session.set("budget.on", LOCAL)
    (found,) = prune.workspace.tables.predictions(session.config)
    assert found.after_ns is None


def test_a_limit_can_be_about_a_device_whose_table_is_there(prune: MainWindow) -> None:
    choose(prune, "budget")
    combo = page(prune).how_far.device
    assert [combo.itemData(index) for index in range(combo.count())] == [LOCAL, "XYZ"]
    prune.workspace.session.set("budget.on", "XYZ")
    assert not [problem for problem in prune.workspace.problems if problem.field == "budget.on"]
    prune.workspace.session.set("quantize.precision", "fp32")
    assert [problem.field for problem in prune.workspace.problems] == ["budget.on"]


def test_a_limit_with_the_embedding_needs_a_table_that_knows_it_at_others(
    prune: MainWindow, qtbot: QtBot, keep_more: Callable[[], None]
) -> None:
    choose(prune, "budget")
    work = prune.workspace
    work.session.set_many({"prune.embedding": True, "budget.on": "XYZ"}, label="embedding")
    assert [problem.field for problem in work.problems] == ["budget.on"]
    assert "three embeddings" in page(prune).how_far.told.text()
    assert "decides on the embedding" in page(prune).blocks.text()
    keep_more()
    work.stored.emit()
    qtbot.waitUntil(lambda: "XYZ" in work.tables.devices(work.session.config))
    assert not [problem for problem in work.problems if problem.field.startswith(("budget", "prune"))]
    assert "measured first" not in page(prune).how_far.told.text()


def test_the_latency_of_a_ratio_that_cuts_the_embedding_is_predicted(
    prune: MainWindow, qtbot: QtBot, keep_more: Callable[[], None]
) -> None:
    work = prune.workspace
    work.session.set_many({"prune.ratio": 0.5, "prune.embedding": True}, label="embedding")
    (found,) = work.tables.predictions(work.session.config)
    assert found.after_ns is None  # what is known is about the whole embedding
    keep_more()
    work.stored.emit()
    qtbot.waitUntil(lambda: work.tables.predictions(work.session.config)[0].after_ns is not None)
    (found,) = work.tables.predictions(work.session.config)
    assert found.after_ns == pytest.approx(200_000 - 192_000 / 2 + 96_000 / 2)


def test_a_table_that_a_run_measures_is_known_afterwards(prune: MainWindow, qtbot: QtBot) -> None:
    store.keep(table(device="A processor", serial=machine.node(), dense_ns=300_000))
    prune.workspace.stored.emit()
    qtbot.waitUntil(lambda: len(prune.workspace.tables.of(prune.workspace.session.config)) == 2)
    names = [found.device for found in prune.workspace.tables.predictions(prune.workspace.session.config)]
    assert sorted(names) == ["A processor, 1 thread", "Pixel 8, 1 thread"]
