"""Which stages run anew after a change: those whose results it could change, and no others.

``CHANGES`` says it for every setting. What is compared are the hashes by which a run finds results again; no stage does
its work here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from pqv_core.config import RunConfig, setting_names, with_settings
from pqv_core.engine.context import Context
from pqv_core.engine.measure import environment
from pqv_core.engine.stages import STAGES, RunState, Stage
from pqv_core.formats.ptl import PyTorchLite
from pqv_core.latency import store
from pqv_core.latency.table import LatencyTable, Part, Point, Subject
from tests.fakes import plug_in
from tests.fakes.training import image_folder


def since(*names: str) -> frozenset[str]:
    """These stages and all that build on their models and files."""
    found = set(names)
    for stage, on in BUILDS_ON.items():
        if found & on:
            found.add(stage)
    return frozenset(found)


BUILDS_ON: dict[str, set[str]] = {  # in the order of the stages
    "load": set(),
    "evaluate": {"load"},
    "latency": {"load"},
    "sparsify": {"load"},
    "prune": {"load", "latency", "sparsify"},
    "merge": {"prune"},
    "finetune": {"merge"},
    "evaluate_pruned": {"finetune"},
    "sensitivity": {"finetune"},
    "export": {"finetune"},
    "verify": {"export"},
    "benchmark": {"export"},
    "profile": {"export"},
}
NONE: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in.bring(monkeypatch)


ALL = since("load")

BASE: dict[str, Any] = {
    "model.arguments.img_size": 32,
    "data.train": "train",
    "data.val": "val",
    "prune.sparse_epochs": 1,
    "tokens.merge": 1,
    "finetune.epochs": 1,
    "quantize.precision": "int8-static",
    "quantize.sensitivity": True,
    "measure.threads": 2,
}
"""Every stage runs, and every kind of image is looked at."""

NOTHING_DRAWN: dict[str, Any] = {
    "model.weights": "pretrained",
    "data.train": None,
    "data.val": None,
    "prune.sparse_epochs": 0,
    "finetune.epochs": 0,
    "prune.importance": "l2",
    "quantize.precision": "int8-dynamic",
    "quantize.sensitivity": False,
}
"""Beside ``BASE``: a published model that is cut by its weights' size, without images."""

SYNSETS: dict[str, Any] = {"data.train": "synsets", "data.val": "synsets"}
"""Images of classes that a published head knows."""

BUDGET: dict[str, Any] = {"budget.latency_ms": 4.0}
"""A latency table is measured, and says how far the model is cut."""

BETWEEN: dict[str, Any] = {"prune.steps": 3, "prune.epochs_between": 1, "prune.sparse_epochs": 0}
"""The model is fine-tuned between the steps in which it is cut."""

INT4: dict[str, Any] = {"quantize.precision": "int4", "export.formats": ("pte",)}

ONE, TWO = (save({"head.bias": torch.full((2,), value)}) for value in (1.0, 2.0))
"""Weights, as the bytes of a file."""


@dataclass(frozen=True)
class Change:
    """What runs anew when a setting gets another value.

    Attributes:
        given: Other settings than ``BASE`` has, before and after.
    """

    value: Any
    anew: frozenset[str]
    given: Mapping[str, Any] = field(default_factory=dict)


CHANGES: dict[str, list[Change]] = {
    "model.source": [Change("tiny", ALL)],
    "model.name": [Change("deit_tiny_patch16_224", ALL)],
    "model.weights": [Change("pretrained", ALL)],
    "model.path": [
        Change("elsewhere.pth", NONE),
        Change("same.pth", NONE, {"model.weights": "file", "model.path": "weights.pth"}),
        Change("other.pth", ALL, {"model.weights": "file", "model.path": "weights.pth"}),
    ],
    "model.arguments": [Change({"img_size": 64}, ALL)],
    "data.train": [
        Change("copy", NONE),
        Change("more", since("sparsify")),
        Change("more", since("prune"), {"prune.sparse_epochs": 0}),
        Change("more", since("finetune"), {"prune.sparse_epochs": 0, "prune.importance": "l1"}),
        Change("more", since("prune"), {**BETWEEN, "prune.importance": "l1"}),
    ],
    "data.val": [
        Change("more", since("evaluate", "finetune")),
        Change(
            "more", since("evaluate", "prune"), {"data.train": None, "prune.sparse_epochs": 0, "finetune.epochs": 0}
        ),
    ],
    "data.root": [Change("sets", NONE)],
    "data.eval_images": [
        Change(3, since("evaluate", "finetune")),
        Change(3, since("evaluate") | {"evaluate_pruned", "sensitivity", "verify"}, {"finetune.epochs": 0}),
        Change(3, NONE, {"data.val": None}),
    ],
    "data.batch_size": [Change(7, NONE)],
    "data.readers": [Change(2, NONE)],
    "data.class_order": [
        Change("natural", NONE),  # of these names the order is the same
        Change("natural", ALL, {"data.train": "numbers", "data.val": "numbers"}),
        Change("natural", NONE, {"data.train": None, "data.val": None, **NOTHING_DRAWN}),
    ],
    "data.white": [Change(4095.0, since("evaluate", "sparsify")), Change(4095.0, since("export"), NOTHING_DRAWN)],
    "data.black": [Change(16.0, since("evaluate", "sparsify")), Change(16.0, since("export"), NOTHING_DRAWN)],
    "prune.enabled": [Change(False, since("sparsify"))],
    "prune.importance": [
        Change("l1", since("sparsify")),  # another norm is drawn to zero
        Change("hessian", since("prune")),
    ],
    "prune.ratio": [Change(0.5, since("sparsify"))],
    "prune.mlp": [Change(False, since("sparsify"))],
    "prune.attention": [Change(False, since("sparsify"))],
    "prune.attention_unit": [
        Change("heads", since("sparsify")),
        Change("heads", since("export"), {"prune.attention": False}),  # the files tell what was asked for
    ],
    "prune.embedding": [
        Change(True, since("sparsify")),
        Change(True, since("latency", "sparsify"), BUDGET),
    ],
    "prune.round_to": [Change(4, since("sparsify"))],
    "prune.distribution": [Change("global", since("sparsify"))],
    "prune.max_ratio": [
        Change(0.7, since("sparsify"), {"prune.distribution": "global"}),
        Change(0.7, since("export")),
    ],
    "prune.steps": [Change(2, since("prune"))],
    "prune.epochs_between": [
        Change(2, NONE),  # of one step
        Change(2, since("prune"), BETWEEN),
        Change(0, since("prune"), BETWEEN),
    ],
    "prune.sparse_epochs": [Change(2, since("sparsify")), Change(0, since("sparsify"))],
    "prune.sparse_strength": [
        Change(0.5, since("sparsify")),
        Change(0.5, since("export"), {"prune.sparse_epochs": 0}),
    ],
    "prune.images": [
        Change(5, since("prune")),
        Change(5, since("export"), {"prune.importance": "l2"}),
    ],
    "prune.batch_size": [
        Change(5, since("prune")),
        Change(5, since("export"), {"prune.importance": "l2"}),
    ],
    "budget.latency_ms": [Change(5.0, since("prune"), BUDGET), Change(5.0, NONE, {"prune.enabled": False})],
    "budget.speedup": [Change(2.0, since("prune"), BUDGET)],
    "budget.size_mb": [Change(2.0, since("prune"), BUDGET)],
    "budget.blocks": [Change(True, since("prune"), BUDGET), Change(True, NONE)],
    "budget.on": [Change("A phone", since("latency"), BUDGET), Change("A phone", NONE)],
    "tokens.merge": [
        Change(2, since("merge")),
        Change(0, since("merge")),
        Change(2, NONE, {"tokens.per_block": (1, 1)}),
    ],
    "tokens.schedule": [
        Change("decreasing", since("merge")),
        Change("decreasing", NONE, {"tokens.per_block": (1, 1)}),
        Change("decreasing", NONE, {"tokens.merge": 0}),
    ],
    "tokens.per_block": [Change((1, 1), since("merge")), Change((0, 0), since("merge"))],
    "tokens.by_budget": [Change(True, since("prune"), BUDGET)],
    "tokens.proportional": [
        Change(False, since("merge")),
        Change(False, NONE, {"tokens.merge": 0}),
        Change(False, since("prune"), {**BUDGET, "tokens.merge": 1}),
    ],
    "finetune.epochs": [
        Change(2, since("finetune")),
        Change(0, since("finetune")),
        Change(2, since("finetune"), BETWEEN),
    ],
    **{
        f"finetune.{name}": [
            Change(value, since("sparsify")),
            Change(value, since("finetune"), {"prune.sparse_epochs": 0}),
            Change(value, since("finetune"), {**BETWEEN, "prune.epochs_between": 0}),
            Change(value, since("prune"), BETWEEN),
        ]
        for name, value in {
            "batch_size": 8,
            "accumulation": 2,
            "learning_rate": 0.1,
            "layer_decay": 0.5,
            "weight_decay": 0.5,
            "warmup_epochs": 0.1,
            "label_smoothing": 0.1,
            "clip_norm": None,
            "augment": False,
            "crop_scale": 0.9,
            "flip": 0.1,
            "color_jitter": 0.1,
            "auto_augment": "augmix",
            "random_erasing": 0.1,
            "mixup": 0.1,
            "cutmix": 0.1,
            "device": "cpu",
            "mixed_precision": "no",
        }.items()
    },
    "finetune.ema_decay": [Change(0.9, since("finetune")), Change(0.9, since("prune"), BETWEEN)],
    "finetune.distillation": [Change(0.5, since("finetune")), Change(0.5, since("prune"), BETWEEN)],
    "finetune.temperature": [
        Change(3.0, since("finetune"), {"finetune.distillation": 0.5}),
        Change(3.0, since("prune"), {**BETWEEN, "finetune.distillation": 0.5}),
        Change(3.0, NONE),
        Change(3.0, NONE, BETWEEN),
    ],
    "finetune.feature_distillation": [Change(0.5, since("finetune")), Change(0.5, since("prune"), BETWEEN)],
    "finetune.patience": [Change(3, since("finetune")), Change(3, since("finetune"), BETWEEN)],
    "quantize.precision": [
        Change("int8-dynamic", since("export") | {"sensitivity"}),
        Change("int4", since("sparsify"), {"export.formats": ("pte",)}),  # widths are rounded for it
        Change("int4", since("export") | {"sensitivity"}, {"export.formats": ("pte",), "prune.enabled": False}),
    ],
    "quantize.engine": [
        Change("qnnpack", since("export")),
        Change("qnnpack", NONE, {"quantize.precision": "fp16"}),
        Change("qnnpack", NONE, {"export.formats": ("pte",)}),
    ],
    "quantize.images": [
        Change(5, since("export") | {"sensitivity"}),
        Change(5, NONE, {"quantize.precision": "int8-dynamic"}),
    ],
    "quantize.observer": [
        Change("minmax", since("export") | {"sensitivity"}),
        Change("minmax", NONE, {"quantize.precision": "int8-dynamic"}),
    ],
    "quantize.group": [
        Change(64, since("export") | {"sensitivity"}, INT4),
        Change(64, NONE),
    ],
    "quantize.keep": [Change(["head"], since("export") | {"sensitivity"})],
    "quantize.keep_int8": [
        Change(["head"], since("export") | {"sensitivity"}, INT4),
        Change(["head"], NONE),
    ],
    "quantize.sensitivity": [Change(False, frozenset({"sensitivity"}))],
    "quantize.tolerance": [Change(0.5, frozenset({"sensitivity"}))],
    "export.target": [Change("android", since("export"))],
    "export.formats": [Change(("ptl", "torchscript"), since("export"))],
    "export.baselines": [Change(False, since("export"))],
    "export.file_name": [Change("mine.ptl", since("export"))],
    "export.fp32_tolerance": [Change(0.5, frozenset({"verify"}))],
    "export.fp16_tolerance": [
        Change(0.5, frozenset({"verify"}), {"quantize.precision": "fp16"}),
        Change(0.5, NONE),
    ],
    "export.int8_tolerance": [
        Change(0.5, frozenset({"verify"})),
        Change(0.5, NONE, {"quantize.precision": "fp16"}),
    ],
    "export.int4_tolerance": [Change(0.5, frozenset({"verify"}), INT4), Change(0.5, NONE)],
    "measure.threads": [
        Change(1, since("export")),  # the files are chosen by measuring
        Change(1, frozenset({"benchmark", "profile"}), {"export.target": "android"}),
        Change(environment.default_threads(), NONE, {"measure.threads": None}),
    ],
    "measure.warmup": [Change(1, frozenset({"benchmark"}))],
    "measure.iterations": [Change(9, frozenset({"benchmark"}))],
    "measure.max_seconds": [Change(9, frozenset({"benchmark"}))],
    "measure.profile": [Change(False, frozenset({"profile"}))],
    "seed": [
        Change(1, ALL),  # random weights
        Change(1, ALL, {"model.weights": "file", "model.path": "weights.pth"}),  # the head may be new
        Change(1, ALL, {"model.weights": "pretrained"}),  # the images have other classes
        Change(1, since("sparsify"), {"model.weights": "pretrained", **SYNSETS}),
        Change(1, frozenset({"verify"}), NOTHING_DRAWN),  # the noise that files are asked about
        Change(1, frozenset({"verify", "sensitivity"}), {**NOTHING_DRAWN, "quantize.sensitivity": True}),
        Change(1, since("export"), {**NOTHING_DRAWN, "quantize.precision": "int8-static"}),  # learns from noise
        Change(1, since("prune"), {**NOTHING_DRAWN, "prune.importance": "taylor"}),
        Change(1, since("prune"), {**NOTHING_DRAWN, "prune.importance": "random"}),
        Change(1, NONE, NOTHING_DRAWN | SYNSETS),
        Change(1, since("prune"), {**NOTHING_DRAWN, **SYNSETS, **BETWEEN}),
        Change(1, since("prune"), {**NOTHING_DRAWN, **SYNSETS, **BUDGET, "tokens.by_budget": True}),
    ],
}


@pytest.fixture(autouse=True)
def table_of_a_phone() -> None:
    """A latency table for the model of ``BASE`` in its format and scheme."""
    config = with_settings(RunConfig(), BASE)
    subject = Subject(
        model=config.model.name,
        arguments=dict(config.model.arguments),
        input_shape=(1, 3, 32, 32),
        unit="width",
        format="ptl",
        scheme="int8-static",
        threads=2,
    )
    points = tuple(Point(units=units, copies=1, samples_ns=(units,), loop=0) for units in (8, 16))
    part = Part(name="blocks.0.mlp.fc2", kind="mlp", units=16, curve=0)
    table = LatencyTable(
        subject=subject, device="A phone", created="", parts=(part,), curves=(points,), loops=((1_000,),)
    )
    store.keep(table)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``CHANGES`` names: images, and weights."""
    root = tmp_path_factory.mktemp("project")
    for name in ("train", "val"):
        image_folder(root / name, each=2)
    image_folder(root / "synsets", classes=("n01440764", "n01443537"), each=1)
    image_folder(root / "numbers", classes=("2", "10"), each=1)
    shutil.copytree(root / "train", root / "copy")
    shutil.copytree(root / "train", root / "more")
    shutil.copy(root / "more" / "red" / "000.png", root / "more" / "red" / "one more.png")
    for name, content in (("weights.pth", ONE), ("same.pth", ONE), ("other.pth", TWO)):
        (root / name).write_bytes(content)
    return root


def keys(folder: Path, settings: Mapping[str, Any], *, results: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The hash of each stage that a run with these settings, beside ``BASE``, does."""
    config = with_settings(RunConfig(), {**BASE, **settings})
    state = RunState(folder / "project.pqv", config, Context(run="test", send=lambda event: None))
    found = {"export": {"artefacts": []}, **(results or {})}
    for stage in STAGES:
        inputs = stage.inputs(state)
        if inputs is not None:
            state.complete(stage.name, key=stage.key(inputs), result=found.get(stage.name, {}), directory=folder)
    return state.keys


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Stages that run anew, or no longer, or not yet before."""
    return {name for name in BUILDS_ON if before.get(name) != after.get(name)}


def test_the_order_of_the_stages_is_known_here() -> None:
    assert list(BUILDS_ON) == [stage.name for stage in STAGES]


def test_with_these_settings_every_stage_runs(folder: Path) -> None:
    assert set(keys(folder, {})) == set(BUILDS_ON) - {"latency"}
    assert set(keys(folder, BUDGET)) == set(BUILDS_ON)


def test_it_is_said_of_every_setting_what_it_changes() -> None:
    assert set(CHANGES) == set(setting_names())


@pytest.mark.parametrize(
    ("name", "change"), [pytest.param(name, change, id=name) for name, changes in CHANGES.items() for change in changes]
)
def test_a_changed_setting_repeats_what_it_can_change_and_no_more(folder: Path, name: str, change: Change) -> None:
    before, after = keys(folder, change.given), keys(folder, {**change.given, name: change.value})
    there = set(before) | set(after)
    assert differing(before, after) == change.anew & there


@pytest.mark.parametrize(
    ("which", "content", "anew"),
    [
        ("train/red/000.png", b"another image", since("sparsify")),
        ("val/red/000.png", b"another image", since("evaluate", "finetune")),
        ("train/violet/000.png", b"another class", ALL),
        ("weights.pth", TWO, ALL),
    ],
)
def test_a_rewritten_file_repeats_what_reads_it(
    folder: Path, tmp_path: Path, which: str, content: bytes, anew: frozenset[str]
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    given = {"model.weights": "file", "model.path": "weights.pth"}
    before = keys(copy, given)
    (copy / which).parent.mkdir(exist_ok=True)
    (copy / which).write_bytes(content)
    assert differing(before, keys(copy, given)) == anew & set(before)


def test_layers_that_are_found_to_need_floating_point_change_the_files(folder: Path) -> None:
    before, after = (
        keys(folder, {}, results={"sensitivity": {"layers": [{"name": "head", "relative": 0.1, "kept": kept}]}})
        for kept in (False, True)
    )
    assert differing(before, after) == since("export")


def test_files_for_phones_are_written_anew_for_another_runtime(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"export.target": "android"}
    before, here = keys(folder, settings), keys(folder, {})
    monkeypatch.setattr(PyTorchLite, "default_runtime", "2.1.0")
    assert differing(before, keys(folder, settings)) == since("export") & set(before)
    assert differing(here, keys(folder, {})) == NONE


def test_without_training_between_steps_results_are_those_of_versions_that_knew_none(folder: Path) -> None:
    for settings in ({}, {"prune.steps": 3}, {"prune.epochs_between": 3}):
        config = with_settings(RunConfig(), {**BASE, **settings})
        state = RunState(folder / "project.pqv", config, Context(run="test", send=lambda event: None))
        for stage in STAGES:
            inputs = stage.inputs(state)
            assert "between" not in json.dumps(inputs, default=str)
            state.complete(stage.name, key=stage.name, result={"artefacts": []}, directory=folder)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_raised_version_is_another_key(stage: Stage) -> None:
    assert stage.key({}) != replace(stage, version=stage.version + 1).key({})


def test_results_of_timms_models_are_those_of_versions_that_knew_no_other_source(folder: Path) -> None:
    def model(source: str) -> Any:
        config = with_settings(RunConfig(), {"model.source": source})
        inputs = STAGES[0].inputs(
            RunState(folder / "project.pqv", config, Context(run="test", send=lambda event: None))
        )
        assert inputs is not None
        return inputs["model"]

    assert set(model("timm")) == {"name", "weights", "arguments"}
    assert set(model("tiny")) == {"name", "weights", "arguments", "source"}
