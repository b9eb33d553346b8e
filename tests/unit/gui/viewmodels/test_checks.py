"""What is missing is said at its field, and the steps show where."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from pqv_core.config.export import usual_formats
from pqv_core.data import dataset
from pqv_core.errors import ErrorInfo
from pqv_core.models import catalog
from pqv_core.process.machine import Machine
from pqv_core.results.record import Environment
from pqv_gui.app.step_states import states
from pqv_gui.pages import PAGES, page_of
from pqv_gui.viewmodels import checks, defaults
from pqv_gui.viewmodels.image_folders import ImageFolders
from pqv_gui.viewmodels.model_catalog import ModelCatalog
from pqv_gui.viewmodels.overview import overview
from pqv_gui.viewmodels.project_session import ProjectSession

SWIN = "swin_tiny_patch4_window7_224"


@pytest.fixture
def session(tmp_path: Path) -> ProjectSession:
    made = ProjectSession()
    made.create(tmp_path, "small", config=defaults.new_config())
    return made


@pytest.fixture
def around() -> checks.Surroundings:
    models = ModelCatalog()
    models.take(catalog.load())
    return checks.Surroundings(models, ImageFolders(), is_file=lambda path: path.name == "there.safetensors")


def fields(session: ProjectSession, around: checks.Surroundings) -> list[str]:
    return [problem.field for problem in checks.problems(session, around)]


def scan(folder: Path, *classes: str) -> dataset.Scan:
    return dataset.Scan(folder, classes, tuple(5 for _ in classes), (), ())


def test_a_new_project_can_run_at_once(session: ProjectSession, around: checks.Surroundings) -> None:
    assert fields(session, around) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model.name": "resnet50"}, "model.name"),
        ({"model.weights": "file"}, "model.path"),
        ({"model.weights": "file", "model.path": "gone.safetensors"}, "model.path"),
        ({"model.name": "lowformer_b0"}, "prune.enabled"),
        ({"model.name": SWIN, "tokens.merge": 8}, "tokens.merge"),
        ({"model.name": SWIN, "tokens.per_block": (8,)}, "tokens.per_block"),
        ({"model.name": SWIN, "tokens.merge": 8, "tokens.by_budget": True}, "tokens.by_budget"),
        (
            {
                "data.train": "x",
                "finetune.epochs": 1,
                "finetune.feature_distillation": 1.0,
                "prune.importance": "l2",
                "prune.embedding": True,
            },
            "finetune.feature_distillation",
        ),
        ({"model.arguments": {"checkpoint_path": "own.pth"}}, "model.arguments"),
        ({"prune.importance": "taylor"}, "prune.importance"),
        ({"finetune.epochs": 3}, "finetune.epochs"),
        ({"prune.sparse_epochs": 2}, "prune.sparse_epochs"),
        ({"prune.steps": 3, "prune.epochs_between": 2}, "prune.epochs_between"),
        ({"export.file_name": "../up.ptl"}, "export.file_name"),
        ({"model.arguments": {"in_chans": 0}}, "model.arguments"),
        ({"model.arguments": {"in_chans": 5}, "data.val": "images"}, "model.arguments"),
        (
            {"model.arguments": {"in_chans": 4}, "data.train": "x", "finetune.epochs": 1, "finetune.color_jitter": 0.5},
            "finetune.color_jitter",
        ),
        ({"data.white": -5.0}, "data.white"),
        ({"export.target": "android", "quantize.engine": "onednn"}, "quantize.engine"),
    ],
)
def test_what_is_missing_is_said_at_its_field(
    changes: dict[str, object], field: str, session: ProjectSession, around: checks.Surroundings
) -> None:
    session.set_many(changes, label="x")
    assert fields(session, around) == [field]


@pytest.mark.parametrize(("engine", "target"), [("onednn", "host"), ("auto", "android"), ("qnnpack", "android")])
def test_an_engine_must_work_on_this_computer(
    engine: str, target: str, session: ProjectSession, around: checks.Surroundings
) -> None:
    here = Environment(
        pqv="1", python="3", system="Linux", processor="P", cores=2, memory_bytes=1, threads=2, versions={}
    )
    machine = Machine(environment=here, engines={"onednn": "no.", "qnnpack": "no.", "x86": ""}, node="here")
    session.set_many({"quantize.engine": engine, "export.target": target}, label="x")
    assert fields(session, around) == []
    assert fields(session, replace(around, machine=machine)) == ["quantize.engine"]
    session.set("quantize.precision", "fp32")
    assert fields(session, replace(around, machine=machine)) == []


def test_published_weights_must_be_published(session: ProjectSession, around: checks.Surroundings) -> None:
    name = next(entry.name for entry in catalog.load().entries if not entry.pretrained and entry.vit)
    session.set_many({"model.name": name, "model.weights": "pretrained"}, label="x")
    assert fields(session, around) == ["model.weights"]


def test_a_weights_file_that_is_there_is_fine(session: ProjectSession, around: checks.Surroundings) -> None:
    session.set_many({"model.weights": "file", "model.path": "there.safetensors"}, label="x")
    assert fields(session, around) == []


def test_another_kind_of_file_is_called_what_it_is(
    session: ProjectSession, around: checks.Surroundings, tmp_path: Path
) -> None:
    (tmp_path / "there.safetensors").write_bytes(b"<html>Sign in</html>")
    session.set_many({"model.weights": "file", "model.path": str(tmp_path / "there.safetensors")}, label="x")
    [problem] = checks.problems(session, around)
    assert problem.field == "model.path"
    assert "is a web page, not weights" in problem.message


def test_a_weights_file_that_may_not_be_looked_at_is_said(session: ProjectSession, around: checks.Surroundings) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    session.set_many({"model.weights": "file", "model.path": "own.pth"}, label="x")
    [problem] = checks.problems(session, replace(around, is_file=refused))
    assert problem.field == "model.path"
    assert problem.message.startswith("Permission denied: ")


def test_without_pruning_its_settings_do_not_matter(session: ProjectSession, around: checks.Surroundings) -> None:
    session.set_many({"model.name": "lowformer_b0", "prune.enabled": False}, label="x")
    assert fields(session, around) == []


def test_a_folder_that_cannot_be_used_is_said(
    session: ProjectSession, around: checks.Surroundings, tmp_path: Path
) -> None:
    around.images.choose("train", tmp_path)
    around.images.failed("train", tmp_path, ErrorInfo(kind="DataError", message="It is empty.", action="Choose."))
    [problem] = checks.problems(session, around)
    assert (problem.field, problem.message) == ("data.train", "It is empty. Choose.")


def test_two_folders_must_have_the_same_classes(
    session: ProjectSession, around: checks.Surroundings, tmp_path: Path
) -> None:
    for split, classes in (("train", ("a", "b")), ("val", ("a", "c"))):
        around.images.choose(split, tmp_path / split)
        around.images.scanned(split, scan(tmp_path / split, *classes))
    [problem] = checks.problems(session, around)
    assert problem.field == "data.val"
    assert "c" in problem.message


def test_results_of_a_folder_that_is_no_longer_chosen_are_dropped(tmp_path: Path) -> None:
    images = ImageFolders()
    assert images.choose("train", tmp_path / "old")
    assert images.choose("train", tmp_path / "new")
    assert not images.choose("train", tmp_path / "new")
    images.progressed("train", tmp_path / "old", 5, 10)
    images.scanned("train", scan(tmp_path / "old", "a", "b"))
    images.failed("train", tmp_path / "old", ErrorInfo(kind="x", message="y"))
    assert (images.train.state, images.train.done) == ("checking", 0)


def test_steps_show_where_something_is_missing(session: ProjectSession, around: checks.Surroundings) -> None:
    session.set("finetune.epochs", 3)
    shown = {step.place: step.state for step in states(checks.problems(session, around), ["model", "prune"])}
    assert shown == {"model": "valid", "prune": "invalid", "backend": "todo", "export": "todo"}
    assert page_of("measure.threads") == "export"


def test_images_bring_settings_that_use_them(session: ProjectSession) -> None:
    session.set("model.weights", "random")
    changes = defaults.with_images(session.config, published=True)
    assert changes == {"prune.importance": "taylor", "finetune.epochs": 3, "model.weights": "pretrained"}
    assert defaults.brought(changes) == (
        "Set for these images: Importance: Taylor, Epochs: 3, Weights: pretrained. "
        "Undo (Ctrl+Z) takes this and the images back."
    )
    assert defaults.brought({}) == ""
    session.set_many({"prune.importance": "l1", "finetune.epochs": 7, "model.weights": "file"}, label="x")
    session.set("model.path", "own.pth")
    assert defaults.with_images(session.config, published=True) == {}


def test_a_new_project_takes_published_weights_and_writes_for_its_target() -> None:
    here, phone = defaults.new_config(), defaults.new_config("android")
    assert (here.model.weights, here.export.target, phone.export.target) == ("pretrained", "host", "android")
    assert here.export.formats == usual_formats("host", precision=here.quantize.precision)
    assert phone.export.formats == usual_formats("android", precision=phone.quantize.precision)


def test_the_summary_names_the_target_first(session: ProjectSession, around: checks.Surroundings) -> None:
    session.set("export.target", "android")
    seen = overview(session.config, models=around.models, images=around.images)
    assert seen.choices[0] == ("Target", "Android")


def test_the_summary_predicts_while_a_slider_moves(session: ProjectSession, around: checks.Surroundings) -> None:
    seen = overview(session.config, models=around.models, images=around.images)
    assert [estimate.name for estimate in seen.estimates] == ["Parameters", "Compute", "File size"]
    assert all(estimate.change.startswith("−") for estimate in seen.estimates)
    session.set_many({"prune.enabled": False, "quantize.precision": "fp32"}, label="x")
    seen = overview(session.config, models=around.models, images=around.images)
    assert {estimate.change for estimate in seen.estimates} == {"±0 %"}


def test_the_summary_says_why_it_predicts_nothing(session: ProjectSession, around: checks.Surroundings) -> None:
    session.set("model.name", "lowformer_b0")
    assert "cannot be pruned" in overview(session.config, models=around.models, images=around.images).problem
    session.set_many({"model.name": "deit_tiny_patch16_224", "model.arguments": {"num_heads": 7}}, label="x")
    assert "multiple" in overview(session.config, models=around.models, images=around.images).problem


def test_the_search_finds_by_words_and_family(around: checks.Surroundings) -> None:
    models = around.models
    models.search("deit small", "")
    assert models.shown[0].name == "deit_small_patch16_224"
    assert models.position("deit_small_patch16_224.fb_in1k") == 0
    models.search("", models.families[0])
    assert {entry.family for entry in models.shown} == {models.families[0]}
    models.search("no such thing", "")
    assert models.shown == []
    assert models.position("deit_small_patch16_224") == -1


def test_a_text_file_is_no_weights_whatever_else_is_missing(session: ProjectSession, tmp_path: Path) -> None:
    models = ModelCatalog()
    models.take(catalog.load())
    around = checks.Surroundings(models, ImageFolders())
    (tmp_path / "notes.txt").write_text("layer norm, attention\n")
    session.set("prune.ratio", 7)
    session.set_many({"model.weights": "file", "model.path": "notes.txt"}, label="model.path")

    found = checks.problems(session, around)

    assert "prune.ratio" in [problem.field for problem in found]
    (problem,) = [problem for problem in found if problem.field == "model.path"]
    assert problem.message.startswith("notes.txt is a text file, not weights.")
    assert states(found, PAGES)[0].state == "invalid"


def test_a_folder_is_no_weights_file(session: ProjectSession, around: checks.Surroundings, tmp_path: Path) -> None:
    session.set_many({"model.weights": "file", "model.path": str(tmp_path)}, label="model.path")
    (problem,) = checks.problems(session, around)
    assert problem.message.startswith(f"{tmp_path} is a folder.")


def test_images_that_cannot_be_used_are_said_whatever_else_is_missing(
    session: ProjectSession, around: checks.Surroundings, tmp_path: Path
) -> None:
    session.set("prune.ratio", 7)
    around.images.choose("train", tmp_path)
    around.images.failed("train", tmp_path, ErrorInfo(kind="DataError", message="No images."))
    assert fields(session, around) == ["prune.ratio", "data.train"]
