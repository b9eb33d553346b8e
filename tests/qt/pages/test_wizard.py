"""A person goes through the wizard with the keyboard, and reads what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from pqv_core.config import setting_names
from pqv_core.config.quantize import ENGINES
from pqv_core.project import project_file as projects
from pqv_gui.app.window import MainWindow
from pqv_gui.pages import in_group
from pqv_gui.pages.model.class_order_input import ClassOrderInput
from pqv_gui.pages.shared.base_page import FormPage
from pqv_gui.widgets.basic_inputs import ComboInput
from pqv_gui.widgets.choices import ChoiceCards
from tests.qt.conftest import MakeWindow

ONE_CHOICE = {"model.source"}  # settings that can hold one value only, so far


def page(window: MainWindow, place: str) -> FormPage:
    window.commands.go(place)
    found = window.stack.currentWidget()
    assert isinstance(found, FormPage)
    return found


def focused() -> QWidget:
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def test_without_a_project_there_is_only_start(make_window: MakeWindow) -> None:
    window = make_window()
    window.commands.go("prune")
    assert window.stack.place == "start"
    assert not window.steps.isVisible()
    assert not window.menus.save.isEnabled()


def test_from_start_to_export_with_the_keyboard_only(make_window: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make_window()
    qtbot.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: focused().accessibleName() == "New project name")
    qtbot.keyClicks(focused(), "from the keys")
    qtbot.keyClick(focused(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.stack.place == "model" and window.workspace.models.loaded)
    assert (tmp_path / "projects" / "from the keys.pqv").exists()
    for number, place in enumerate(("prune", "backend", "export"), start=2):
        window.next.setFocus()
        qtbot.keyClick(window.next, Qt.Key.Key_Space)
        assert window.stack.place == place
        qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
        assert window.stack.place == "model"
        qtbot.keyClick(window, str(number), Qt.KeyboardModifier.ControlModifier)
        assert window.stack.place == place
    assert [window.steps.buttons[step].state for step in in_group("wizard")] == ["valid"] * 4
    assert window.workspace.can_run


def test_every_setting_has_a_control(window: MainWindow) -> None:
    found = {name for place in in_group("wizard") for name in page(window, place).form.names}
    assert found | {"model.name"} == set(setting_names()) - ONE_CHOICE  # the list of models sets the name


def test_controls_and_settings_are_the_same_both_ways(window: MainWindow) -> None:
    session = window.workspace.session
    form = page(window, "prune").form
    form.editor("prune.ratio").number.setValue(40)  # type: ignore[attr-defined]
    form.editor("prune.embedding").click()  # type: ignore[attr-defined]
    assert (session.config.prune.ratio, session.config.prune.embedding) == (0.4, True)
    session.undo()
    session.undo()
    assert form.editor("prune.ratio").get() == 0.25  # type: ignore[attr-defined]
    assert form.editor("prune.embedding").get() is False  # type: ignore[attr-defined]
    assert window.menus.redo.text() == "&Redo: Pruning ratio"


def test_fine_tuning_between_steps_is_offered_where_there_are_several(window: MainWindow) -> None:
    session, form = window.workspace.session, page(window, "prune").form
    field = form.field("prune.epochs_between")
    assert not field.isVisibleTo(form.field("prune.steps").parentWidget())
    form.editor("prune.steps").setValue(3)  # type: ignore[attr-defined]
    assert field.isVisibleTo(form.field("prune.steps").parentWidget())
    form.editor("prune.epochs_between").setValue(2)  # type: ignore[attr-defined]
    assert (session.config.prune.steps, session.config.prune.epochs_between) == (3, 2)
    assert [problem.field for problem in window.workspace.problems] == ["prune.epochs_between"]
    session.undo()
    assert window.menus.redo.text() == "&Redo: Fine-tuning between steps"


def test_a_number_that_may_be_left_out_says_so(window: MainWindow) -> None:
    session, left_out = window.workspace.session, []
    for place in in_group("wizard"):
        page = window.stack.page(place)
        assert isinstance(page, FormPage)
        page.refresh()
        for name in page.form.names:
            editor = page.form.editor(name)
            if isinstance(editor, QAbstractSpinBox) and session.get(name) is None:
                assert editor.text() == editor.specialValueText() != "", name
                left_out.append(name)
    assert {"quantize.tolerance", "finetune.clip_norm", "measure.threads"} & set(left_out)


def test_a_model_is_found_and_chosen_with_the_keys(window: MainWindow, qtbot: QtBot) -> None:
    model = page(window, "model")
    qtbot.keyClicks(model.network.search, "deit3 large")  # type: ignore[attr-defined]
    assert model.network.list.model().rowCount() == 2  # type: ignore[attr-defined]
    model.network.list.setFocus()  # type: ignore[attr-defined]
    qtbot.keyClick(model.network.list, Qt.Key.Key_Down)  # type: ignore[attr-defined]
    assert window.workspace.session.config.model.name.startswith("deit3_large")
    assert window.summary.model.toolTip().startswith("deit3_large")


def visible_problems(shown: QWidget) -> list[str]:
    labels = shown.findChildren(QLabel)
    return [item.text() for item in labels if item.property("role") == "problem" and item.isVisible()]


def test_what_is_missing_is_said_beside_the_field_and_at_next(window: MainWindow) -> None:
    window.workspace.session.set("model.weights", "file")
    shown = page(window, "model")
    assert any("Weights from a file need a path" in text for text in visible_problems(shown))
    assert not window.next.isEnabled()
    assert window.steps.buttons["model"].state == "invalid"
    assert not window.summary.start.isEnabled()
    window.commands.start_run()
    assert window.stack.place == "model"


def test_the_predicted_figures_follow_the_slider(window: MainWindow) -> None:
    def shown() -> list[str]:
        return [row.after.text() for row in window.summary._estimates]

    before = shown()
    page(window, "prune").form.editor("prune.ratio").slider.setValue(120)  # type: ignore[attr-defined]
    assert all("≈" in text for text in shown())
    assert [one != other for one, other in zip(before, shown(), strict=True)] == [True] * 3


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            folder = tmp_path / "pets" / split / name
            folder.mkdir(parents=True)
            for number in range(3):
                image = QImage(8, 8, QImage.Format.Format_RGB32)
                image.fill(Qt.GlobalColor.red)
                assert image.save(str(folder / f"{number}.png"))
    return tmp_path / "pets"


def test_only_what_the_model_allows_can_be_cut(window: MainWindow) -> None:
    session = window.workspace.session
    session.set("model.name", "mixer_s32_224")
    window.commands.go("model")
    shown = page(window, "model")
    assert shown.chosen.support.text() == "Can be pruned: MLP width."  # type: ignore[attr-defined]
    assert "No attention: MlpMixer has no attention whose heads" in shown.chosen.no_support.text()  # type: ignore[attr-defined]
    window.commands.go("prune")
    pruning = page(window, "prune")
    boxes = {kind: pruning.form.editor(f"prune.{kind}") for kind in ("mlp", "attention", "embedding")}
    assert [(box.isEnabled(), box.isChecked()) for box in boxes.values()] == [  # type: ignore[attr-defined]
        (True, True),
        (False, False),
        (False, False),
    ]
    assert "No attention" in pruning.uncut.text()  # type: ignore[attr-defined]
    session.set("model.name", "deit_tiny_patch16_224")
    assert boxes["attention"].isEnabled() and boxes["attention"].isChecked()  # type: ignore[attr-defined]
    assert not pruning.uncut.isVisible()  # type: ignore[attr-defined]


def test_heads_that_cannot_be_narrowed_are_shown_to_go_whole(window: MainWindow) -> None:
    session = window.workspace.session
    session.set("model.name", "eva02_tiny_patch14_224")
    window.commands.go("prune")
    pruning = page(window, "prune")
    unit = pruning.form.editor("prune.attention_unit")
    assert (unit.isEnabled(), unit.get()) == (False, "heads")  # type: ignore[attr-defined]
    assert "can only lose whole heads" in pruning.uncut.text()  # type: ignore[attr-defined]
    assert session.config.prune.attention_unit == "width"  # for the next model
    session.set("model.name", "deit_tiny_patch16_224")
    assert (unit.isEnabled(), unit.get()) == (True, "width")  # type: ignore[attr-defined]


def test_an_embedding_that_cannot_be_cut_can_be_taken_back(window: MainWindow) -> None:
    session = window.workspace.session
    session.set("prune.embedding", True)
    session.set("model.name", "swin_tiny_patch4_window7_224")
    window.commands.go("prune")
    box = page(window, "prune").form.editor("prune.embedding")
    assert box.isEnabled() and box.isChecked()  # type: ignore[attr-defined]
    box.click()  # type: ignore[attr-defined]
    assert not session.config.prune.embedding
    assert not box.isEnabled()


def test_what_only_one_precision_has_is_shown_with_it(window: MainWindow) -> None:
    session, backend = window.workspace.session, page(window, "backend")

    def shown(*names: str) -> list[bool]:
        return [backend.form.field(f"quantize.{name}").isVisible() for name in names]

    assert shown("observer", "group", "keep_int8", "tolerance") == [False, False, False, True]
    session.set("quantize.precision", "int8-static")
    assert shown("observer", "group", "keep_int8", "tolerance") == [True, False, False, True]
    session.set("quantize.precision", "int4")
    assert shown("observer", "group", "keep_int8", "tolerance") == [False, True, True, True]
    group = backend.form.editor("quantize.group")
    assert isinstance(group, ComboInput)
    group.setCurrentIndex(2)
    group.activated.emit(2)
    assert session.config.quantize.group == 128


def test_tokens_are_merged_where_the_model_allows_it(window: MainWindow) -> None:
    session, form = window.workspace.session, page(window, "prune").form
    session.set("model.name", "deit_tiny_patch16_224")
    page(window, "prune").refresh()
    form.editor("tokens.merge").setValue(8)  # type: ignore[attr-defined]
    assert session.config.tokens.merge == 8
    assert form.editor("tokens.schedule").isEnabled()
    form.editor("tokens.per_block").setText("5, 3")  # type: ignore[attr-defined]
    form.editor("tokens.per_block").textEdited.emit("5, 3")  # type: ignore[attr-defined]
    assert session.config.tokens.per_block == (5, 3)
    assert not form.editor("tokens.merge").isEnabled()
    form.editor("tokens.per_block").textEdited.emit("")  # type: ignore[attr-defined]
    session.set("tokens.per_block", ())
    session.set("model.name", "swin_tiny_patch4_window7_224")
    page(window, "prune").refresh()
    assert form.editor("tokens.merge").isEnabled(), "what was asked for can be taken back"
    session.set("tokens.merge", 0)
    page(window, "prune").refresh()
    assert not form.editor("tokens.merge").isEnabled()


def test_the_prune_page_says_where_a_precision_rounds_widths(window: MainWindow) -> None:
    said = page(window, "prune").aligned  # type: ignore[attr-defined]
    assert not said.isVisible()
    window.workspace.session.set("quantize.precision", "int4")
    assert said.isVisible()
    assert "multiple of 32" in said.text()


def test_engines_that_phones_lack_are_disabled_with_a_reason(window: MainWindow) -> None:
    engines = page(window, "backend").form.editor("quantize.engine")
    assert isinstance(engines, ChoiceCards)
    page(window, "export").form.editor("export.target").radio("android").click()  # type: ignore[attr-defined]
    assert window.workspace.session.config.export.target == "android"
    window.commands.go("backend")
    usable = {engine for engine in ENGINES if engines.radio(engine).isEnabled()}
    assert usable == {"auto", "qnnpack"}
    assert "does not run on Android" in engines.radio("onednn").accessibleDescription()


def test_engines_that_this_computer_lacks_are_disabled_with_a_reason(window: MainWindow, qtbot: QtBot) -> None:
    engines = page(window, "backend").form.editor("quantize.engine")
    assert isinstance(engines, ChoiceCards)
    assert engines.radio("fbgemm").isEnabled()
    window.commands.go("backend")
    qtbot.waitUntil(lambda: not engines.radio("fbgemm").isEnabled())
    assert "does not work on this computer" in engines.radio("fbgemm").accessibleDescription()
    assert engines.radio("onednn").isEnabled()
    window.workspace.session.set("quantize.engine", "fbgemm")
    assert [problem.field for problem in window.workspace.problems] == ["quantize.engine"]


def test_a_folder_of_images_is_looked_at_and_used(window: MainWindow, qtbot: QtBot, images: Path) -> None:
    (images / "train" / "cat" / "broken.png").write_bytes(b"no image")
    window.workspace.choose_images(images)
    look = window.workspace.images
    qtbot.waitUntil(lambda: look.train.state == "ok" and look.val.state == "ok")
    config = window.workspace.session.config
    assert (config.prune.importance, config.finetune.epochs, config.model.weights) == ("taylor", 3, "pretrained")
    shown = page(window, "model")
    assert "1 cannot be read" in shown.facts["train"].text()  # type: ignore[attr-defined]
    assert "broken.png" in shown.facts["train"].toolTip()  # type: ignore[attr-defined]
    assert "must be trained" in shown.head.text()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: shown.strips["val"].isVisible())  # type: ignore[attr-defined]
    window.workspace.session.undo()
    assert window.workspace.session.config.data.train is None


def test_deep_images_that_come_out_dark_are_told_of_and_set_right(
    window: MainWindow, qtbot: QtBot, images: Path
) -> None:
    for path in images.rglob("*.png"):
        Image.new("I;16", (8, 8), 4095).save(path)
    window.workspace.choose_images(images)
    shown = page(window, "model")
    facts, strip = shown.facts["train"], shown.strips["train"]  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: "set data.white=4095" in facts.text() and strip.isVisible())
    assert strip.grab().toImage().pixelColor(5, 5).lightness() < 30
    shown.form.editor("data.white").set_value(4095.0)  # type: ignore[attr-defined]
    assert window.workspace.session.config.data.white == 4095
    assert "dark" not in facts.text()
    qtbot.waitUntil(lambda: strip.grab().toImage().pixelColor(5, 5).lightness() > 250)


def test_what_images_lack_is_said_beside_the_setting(window: MainWindow, qtbot: QtBot, images: Path) -> None:
    window.workspace.choose_images(images)
    session = window.workspace.session
    session.set("model.arguments", {"in_chans": 5})
    problems = page(window, "model")
    qtbot.waitUntil(lambda: any("the model expects 5" in text for text in visible_problems(problems)))
    session.set("model.arguments", {"in_chans": 1})
    assert not any("the model expects" in text for text in visible_problems(problems))
    assert "× 1" in problems.chosen.figures.text()  # type: ignore[attr-defined]


def test_what_is_skipped_in_a_folder_is_said_below_it(window: MainWindow, qtbot: QtBot, images: Path) -> None:
    (images / "train" / "cat" / "photo.heic").touch()
    (images / "train" / "fish").mkdir()
    window.workspace.choose_images(images)
    qtbot.waitUntil(lambda: window.workspace.images.train.state == "ok")
    text = page(window, "model").facts["train"].text()  # type: ignore[attr-defined]
    assert "images, 2 classes" in text and "1 .heic (HEIC" in text and "ignored: fish" in text


def test_the_order_of_classes_is_chosen_beside_the_images(window: MainWindow, qtbot: QtBot, images: Path) -> None:
    session, look = window.workspace.session, window.workspace.images
    window.workspace.choose_images(images)
    qtbot.waitUntil(lambda: look.train.state == "ok" and look.val.state == "ok")
    editor = page(window, "model").form.editor("data.class_order")
    assert isinstance(editor, ClassOrderInput)

    def choose(kind: str) -> None:
        editor.kind.setCurrentIndex(editor.kind.findData(kind))
        editor.kind.activated.emit(editor.kind.currentIndex())

    choose("natural")
    assert session.config.data.class_order == "natural" and not editor.path.isVisible()
    choose("file")
    assert editor.path.isVisible() and session.config.data.class_order == "natural"  # until a file is named
    assert session.path is not None
    (session.path.parent / "classes.txt").write_text("dog\ncow\n")
    editor.path.pick(session.path.parent / "classes.txt")
    assert session.config.data.class_order == "classes.txt"
    qtbot.waitUntil(lambda: [problem.field for problem in window.workspace.problems] == ["data.class_order"])
    assert any("does not name the class cat" in text for text in visible_problems(page(window, "model")))
    (session.path.parent / "more.txt").write_text("dog\ncat\ncow\n")
    editor.path.pick(session.path.parent / "more.txt")
    qtbot.waitUntil(lambda: not window.workspace.problems and look.order.file is not None)
    assert look.classes == 3  # as many as the file lists
    session.undo()
    assert editor.kind.get() == session.config.data.class_order == "text" and not editor.path.isVisible()


def test_weights_of_ones_own_bring_a_doubt_about_the_order(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    for name in ("2", "10"):
        (tmp_path / "set" / name).mkdir(parents=True)
        QImage(8, 8, QImage.Format.Format_RGB32).save(str(tmp_path / "set" / name / "0.png"))
    (tmp_path / "w.pth").touch()
    window.workspace.choose_images(tmp_path / "set")
    qtbot.waitUntil(lambda: window.workspace.images.train.state == "ok")
    shown = page(window, "model")
    assert not shown.doubt.isVisible()  # type: ignore[attr-defined]
    window.workspace.session.set_many(
        {"model.weights": "file", "model.path": str(tmp_path / "w.pth")}, label="model.weights"
    )
    assert shown.doubt.isVisible() and "10 comes before 2" in shown.doubt.text()  # type: ignore[attr-defined]
    window.workspace.session.set("data.class_order", "natural")
    assert not shown.doubt.isVisible()  # type: ignore[attr-defined]


def test_a_folder_that_is_not_there_is_said(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.session.set("data.train", "nowhere")
    qtbot.waitUntil(lambda: window.workspace.images.train.state == "failed")
    assert any("does not exist" in text for text in visible_problems(page(window, "model")))


def test_changes_are_saved_by_themselves(window: MainWindow, qtbot: QtBot) -> None:
    session = window.workspace.session
    session.set("prune.ratio", 0.5)
    assert "not saved yet" in window.menus.corner.toolTip()
    qtbot.waitUntil(lambda: not session.unsaved)
    assert session.path is not None
    assert projects.load(session.path).config.prune.ratio == 0.5
    assert window.menus.corner.toolTip() == "small · saved"


def test_a_project_that_cannot_be_opened_is_said_in_the_page(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "cut.pqv").write_text('{"schema_version": 1, "con')
    window.commands.open_project(tmp_path / "cut.pqv")
    banner = window.stack.current.banner
    assert banner.isVisible()
    assert "damaged" in banner.message.text()
    assert window.workspace.session.name == "small"


def test_a_recent_project_that_is_gone_can_be_taken_out_of_the_list(window: MainWindow, tmp_path: Path) -> None:
    gone = tmp_path / "gone.pqv"
    window.workspace.recents.add(gone)
    window.commands.open_project(gone)
    [offer] = window.stack.current.banner._extra
    offer.click()
    assert gone not in window.workspace.recents.paths


@pytest.mark.parametrize("count", [9, 10, 11])
def test_the_menu_has_the_ten_projects_that_were_opened_last(window: MainWindow, tmp_path: Path, count: int) -> None:
    recents = window.workspace.recents
    recents.clear()
    assert not window.menus.recent.isEnabled()
    for number in range(count):
        recents.add(tmp_path / f"p{number}.pqv")
    assert window.menus.recent.isEnabled()
    shown = [action.text().partition(" ")[0] for action in window.menus.recent.actions()]
    assert shown == [f"p{number}" for number in reversed(range(count))][:10]
    assert len(recents.paths) == count


def test_the_demo_is_made_and_opened(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window()
    window.workspace.open_demo()
    qtbot.waitUntil(lambda: window.workspace.session.name == "demo", timeout=60_000)
    look = window.workspace.images
    qtbot.waitUntil(lambda: look.train.state == "ok" and look.val.state == "ok", timeout=60_000)
    qtbot.waitUntil(lambda: window.workspace.models.loaded)
    assert window.workspace.problems == ()
    assert window.workspace.can_run
