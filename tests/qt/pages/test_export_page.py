"""On the Export page the formats follow the target, and what cannot be written says how it can."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from pqv_gui.app.window import MainWindow
from pqv_gui.pages.backend.page import BackendPage
from pqv_gui.pages.export.page import ExportPage
from pqv_gui.widgets.choices import ChoiceCards
from tests.fakes import extras


@pytest.fixture
def page(window: MainWindow) -> ExportPage:
    return export_page(window)


def export_page(window: MainWindow) -> ExportPage:
    window.commands.go("export")
    found = window.stack.currentWidget()
    assert isinstance(found, ExportPage)
    return found


def choose(page: ExportPage, target: str) -> None:
    cards = page.form.editor("export.target")
    assert isinstance(cards, ChoiceCards)
    cards.radio(target).click()


def tick(page: ExportPage, format: str) -> None:
    QTest.keyClick(page.formats.boxes[format], Qt.Key.Key_Space)


def ticked(page: ExportPage) -> list[str]:
    return page.formats.get()


def problems(shown: QWidget) -> list[str]:
    labels = shown.findChildren(QLabel)
    return [item.text() for item in labels if item.property("role") == "problem" and item.isVisible()]


def test_without_the_extra_a_format_cannot_be_ticked_and_says_how_to_get_it(page: ExportPage) -> None:
    box, reason = page.formats.boxes["pte"], page.formats.reasons["pte"]
    assert not box.isEnabled()
    assert reason.isVisible() and "pip install pqv-mobile[executorch]" in reason.text()
    assert box.accessibleDescription() == reason.text()
    assert page.formats.boxes["ptl"].isEnabled() and not page.formats.reasons["ptl"].isVisible()
    choose(page, "android")
    assert ticked(page) == ["ptl"]


def test_the_formats_follow_the_target_in_one_step(
    page: ExportPage, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    extras.bring(monkeypatch)
    session = window.workspace.session
    page.refresh()
    assert page.formats.boxes["pte"].isEnabled() and not page.formats.reasons["pte"].isVisible()
    choose(page, "android")
    assert ticked(page) == ["ptl", "pte"]
    assert session.config.export.formats == ("ptl", "pte")
    assert "PyTorch Lite 1.12.2, ExecuTorch 0.9.3" in page.runtimes.text() and page.runtimes.isVisible()
    session.undo()
    assert (session.config.export.target, session.config.export.formats) == ("host", ("ptl",))
    session.redo()
    choose(page, "host")
    assert (ticked(page), page.runtimes.isVisible()) == (["ptl"], False)


def test_formats_that_were_ticked_stay_with_another_target(
    page: ExportPage, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    extras.bring(monkeypatch)
    page.refresh()
    tick(page, "pte")
    tick(page, "ptl")
    assert window.workspace.session.config.export.formats == ("pte",)
    choose(page, "android")
    assert ticked(page) == ["pte"]


def test_for_each_format_the_size_of_its_file_is_foretold(
    page: ExportPage, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    extras.bring(monkeypatch)
    choose(page, "android")
    names = [row.name.text() for row in window.summary._estimates if row.isVisible()]
    assert names == ["Parameters", "Compute", "File size, .ptl", "File size, .pte"]
    tick(page, "pte")
    names = [row.name.text() for row in window.summary._estimates if row.isVisible()]
    assert names == ["Parameters", "Compute", "File size"]


def test_one_format_at_least_must_be_ticked(page: ExportPage, window: MainWindow) -> None:
    tick(page, "ptl")
    assert problems(page) == ["Tick at least one format."]
    assert not window.summary.start.isEnabled()
    tick(page, "ptl")
    assert problems(page) == []


def test_a_project_from_a_computer_with_the_extra_says_what_is_missing_here(
    page: ExportPage, window: MainWindow
) -> None:
    window.workspace.session.set("export.formats", ["ptl", "pte"])
    (problem,) = problems(page)
    assert "pip install pqv-mobile[executorch]" in problem
    assert [item.field for item in window.workspace.problems] == ["export.formats"]
    assert page.formats.boxes["pte"].isEnabled(), "so that it can be unticked"
    tick(page, "pte")
    assert problems(page) == []
    assert not page.formats.boxes["pte"].isEnabled()


def test_where_no_file_chooses_an_engine_the_backend_page_says_so(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    extras.bring(monkeypatch)
    session = window.workspace.session
    session.set("export.formats", ["pte"])
    window.commands.go("backend")
    backend = window.stack.currentWidget()
    assert isinstance(backend, BackendPage)
    assert not backend.engine.isEnabled()
    assert backend.phones.text() == "ExecuTorch files always run on kernels of their own."
    session.set_many({"export.formats": ["ptl", "pte"], "export.target": "android"}, label="x")
    assert backend.engine.isEnabled()
    assert "On Android, PyTorch Lite files run on QNNPACK." in backend.phones.text()
