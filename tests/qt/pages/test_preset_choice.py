"""Presets in the window: on Start for a new project, in the summary for the open one; one step to undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from pqv_core.config import RunConfig, with_settings
from pqv_core.project import own_presets
from pqv_core.project.presets import PRESETS
from pqv_gui.app.window import MainWindow
from pqv_gui.pages.start.page import StartPage
from tests.qt.conftest import MakeWindow


def values(window: MainWindow, name: str) -> dict[str, Any]:
    return {setting: window.workspace.session.get(setting) for setting in PRESETS[name].settings(images=False)}


def choose(window: MainWindow, name: str) -> None:
    actions = {action.text(): action for action in window.summary.presets.menu().actions()}
    actions[PRESETS[name].label].trigger()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_filled_in_and_undone_in_one_step(window: MainWindow, name: str) -> None:
    before = values(window, name)
    choose(window, name)
    assert values(window, name) == PRESETS[name].settings(images=False)
    assert window.workspace.session.undo_label == f"preset.{name}"
    window.workspace.session.undo()
    assert values(window, name) == before


def test_a_second_preset_leaves_nothing_of_the_first(window: MainWindow) -> None:
    choose(window, "android")
    choose(window, "paper")
    assert values(window, "paper") == PRESETS["paper"].settings(images=False)


def test_a_preset_that_needs_images_says_so_beside_the_field(window: MainWindow) -> None:
    choose(window, "paper")
    assert [problem.field for problem in window.workspace.problems] == ["prune.importance"]


def test_start_makes_a_project_from_a_preset(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make_window()
    page = window.stack.page("start")
    assert isinstance(page, StartPage)
    qtbot.mouseClick(page.presets.buttons["android"], Qt.MouseButton.LeftButton)
    assert window.workspace.session.is_open
    assert values(window, "android") == PRESETS["android"].settings(images=False)
    assert window.workspace.session.path == tmp_path / "projects" / "my-project.pqv"
    qtbot.waitUntil(lambda: window.workspace.tasks.active == 0)
    assert window.workspace.problems == ()


def test_a_preset_that_asks_too_much_of_a_model_is_adapted_with_a_sentence(window: MainWindow) -> None:
    window.workspace.session.set("model.name", "swin_tiny_patch4_window7_224")
    choose(window, "android")
    assert not window.workspace.session.config.prune.embedding
    assert window.workspace.problems == ()
    banner = window.stack.current.banner
    assert banner.isVisible()
    assert banner.message.text().startswith("The embedding is not cut: ")


@pytest.fixture
def none_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_, **__: tmp_path / "data")


@pytest.mark.usefixtures("none_kept")
def test_settings_are_saved_as_a_preset_of_ones_own_chosen_and_removed(window: MainWindow) -> None:
    session, button = window.workspace.session, window.summary.presets
    session.set("prune.ratio", 0.35)
    button.save_wanted.emit()
    dialog = window.findChild(QInputDialog)
    assert dialog is not None and dialog.isVisible()
    dialog.setTextValue("Mine & yours")
    dialog.accept()
    assert "Saved as the preset “Mine & yours”" in window.stack.current.banner.message.text()
    session.set("prune.ratio", 0.5)
    button.refresh()
    own = next(action for action in button.menu().actions() if action.text() == "Mine && yours")
    own.trigger()
    assert session.get("prune.ratio") == 0.35
    button.removed.emit("Mine & yours")
    button.refresh()
    assert "Mine && yours" not in [action.text() for action in button.menu().actions()]


@pytest.mark.usefixtures("none_kept")
def test_a_name_of_a_known_preset_is_refused_in_words(window: MainWindow) -> None:
    window.summary.presets.save_wanted.emit()
    dialog = window.findChild(QInputDialog)
    assert dialog is not None
    dialog.setTextValue("Paper")
    dialog.accept()
    assert "comes with PQV-Mobile" in window.stack.current.banner.message.text()


@pytest.mark.usefixtures("none_kept")
def test_a_new_project_begins_with_one_of_ones_own(make_window: MakeWindow) -> None:
    own_presets.save("Mine", with_settings(RunConfig(), {"prune.ratio": 0.35}))
    window = make_window()
    page = window.stack.page("start")
    assert isinstance(page, StartPage)
    page.refresh()
    assert page.presets.own.isVisibleTo(page)
    page.presets.own.menu().actions()[0].trigger()
    assert window.workspace.session.get("prune.ratio") == 0.35
