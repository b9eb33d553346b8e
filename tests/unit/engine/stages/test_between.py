"""A run that fine-tunes between the steps of pruning: by ratio and by budget, shown, ended and gone on with."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pqv_core.config import RunConfig, TokensConfig, with_settings
from pqv_core.engine import pipeline
from pqv_core.engine.context import Context
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models.checkpoint import Base
from pqv_core.engine.stages import PREPROCESSING, STAGES, RunState, pruning
from pqv_core.engine.stages.between import Between
from pqv_core.engine.structure import blocks
from pqv_core.engine.train import distributed, training_state
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.errors import Cancelled, DataError
from pqv_core.models.merged_tokens import tried
from pqv_core.process.events import Event, Log, Metric, Progress, StageFinished
from pqv_core.project import history, runs
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from tests.fakes.training import FORM, image_folder

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS: dict[str, Any] = {
    "model.name": "vit_tiny_patch16_224",
    "model.arguments": {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 3, "num_heads": 2},
    "data.train": "train",
    "data.val": "val",
    "prune.importance": "taylor",
    "prune.ratio": 0.5,
    "prune.steps": 3,
    "prune.epochs_between": 2,
    "prune.images": 12,
    "finetune.epochs": 1,
    "finetune.batch_size": 8,
    "finetune.learning_rate": 2e-3,
    "finetune.distillation": 0.5,
    "finetune.device": "cpu",
    "quantize.precision": "fp32",
    "export.formats": ("ptl",),
    "export.baselines": False,
    "measure.iterations": 5,
    "measure.warmup": 0,
    "measure.threads": 1,
    "measure.profile": False,
}
BUDGET = {
    "budget__size_mb": 0.11,
    "budget__blocks": True,
    "model__weights": "file",
    "model__path": "weights.safetensors",
}
EACH = 6  # steps of a training: 24 images in batches of 8, twice


class Killed(BaseException):
    """Stands for the end of the process."""


class Workshop:
    """A project, and what its runs say."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "some.pqv"
        self.events: list[Event] = []
        image_folder(folder / "train")
        image_folder(folder / "val", each=4)
        self.set()

    def set(self, **settings: Any) -> None:
        more = {name.replace("__", "."): value for name, value in settings.items()}
        projects.save(self.project, projects.Project(config=with_settings(RunConfig(), {**SETTINGS, **more})))

    def idle_block(self, number: int) -> None:
        """Weights of a model in which a block gives the tokens as they come."""
        made: Any = Base(
            name=SETTINGS["model.name"], arguments={**SETTINGS["model.arguments"], "num_classes": 3}
        ).create()
        for layer in (made.blocks[number].attn.proj, made.blocks[number].mlp.fc2):
            layer.weight.data.zero_()
        save_file(made.state_dict(), self.project.parent / "weights.safetensors")

    def run(self, also: Callable[[Event], None] = lambda event: None) -> results.RunRecord:
        self.events = []

        def send(event: Event) -> None:
            self.events.append(event)
            also(event)

        job = runs.job(self.project)
        pipeline.run(job, Context(run=job.run, send=send))
        return self.last()

    def last(self) -> results.RunRecord:
        return results.load_all(projects.runs_directory(self.project))[0][-1]

    def forget(self) -> None:
        shutil.rmtree(projects.runs_directory(self.project))

    @property
    def folder(self) -> Path:
        return projects.runs_directory(self.project) / self.last().id

    def pruned(self) -> nn.Module:
        return checkpoint.load(self.folder / "stages" / "prune" / "model.safetensors")

    def curve(self, name: str = "between_loss") -> list[int]:
        return [point.step for point in history.read(self.folder / results.HISTORY_FILE) if point.name == name]

    def at_work(self) -> list[Progress]:
        return [event for event in self.events if isinstance(event, Progress) and event.stage == "prune"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Runs end with what has been pruned."""
    monkeypatch.setattr(pipeline, "STAGES", tuple(stage for stage in STAGES if stage.name in ("load", "prune")))
    return Workshop(tmp_path)


def same(one: nn.Module, other: nn.Module) -> bool:
    mine, its = one.state_dict(), other.state_dict()
    return mine.keys() == its.keys() and all(torch.equal(mine[name], its[name]) for name in mine)


def test_a_whole_run_trains_between_and_after_and_shows_both(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    record = shop.run()
    assert record.state == "succeeded"
    assert {cut.after / cut.before for cut in record.widths} == {0.5}
    assert shop.curve() == list(range(1, 2 * EACH + 1))
    assert shop.curve("train_loss") == [1, 2, 3]
    shares = [event.share for event in shop.at_work() if event.part == "between" and event.done]
    assert shares == pytest.approx([(step + 0.1 + 0.15 * done) / 3 for step in (0, 1) for done in range(1, EACH + 1)])
    assert shop.at_work()[-1].share == 1.0
    told = [event.text for event in shop.events if isinstance(event, Log) and event.text.startswith("Step")]
    assert [text.partition(":")[0] for text in told] == ["Step 1 of 3", "Step 2 of 3"]
    assert "fine-tuning for 2 epochs" in told[0]
    assert not (shop.folder / "stages" / "prune" / "between").exists()
    shop.run()
    finished = {event.stage: event.cached for event in shop.events if isinstance(event, StageFinished)}
    assert set(finished.values()) == {True}
    assert shop.curve() == list(range(1, 2 * EACH + 1))


def test_what_is_trained_between_is_another_model_of_the_same_widths(shop: Workshop) -> None:
    widths = shop.run().widths
    trained = shop.pruned()
    shop.set(prune__epochs_between=0)
    assert shop.run().widths == widths
    assert not same(trained, shop.pruned())
    assert shop.curve() == []


@pytest.mark.parametrize("importance", ["l2", "random", "hessian"])
def test_any_criterion_can_cut_what_was_trained(shop: Workshop, importance: str) -> None:
    shop.set(prune__importance=importance, finetune__ema_decay=0.9)
    assert {cut.after / cut.before for cut in shop.run().widths} == {0.5}
    assert len(shop.curve()) == 2 * EACH


def test_a_budget_is_kept_and_what_is_left_of_whole_blocks_is_trained(shop: Workshop) -> None:
    shop.idle_block(1)
    shop.set(**BUDGET)
    left: list[tuple[str, ...]] = []

    def look(event: Event) -> None:
        for cut in shop.folder.glob("stages/.prune.part/between/*/*/model.safetensors"):
            left.append(blocks.left_out(checkpoint.load(cut)))

    record = shop.run(lambda event: look(event) if isinstance(event, Metric) else None)
    assert set(left) == {("blocks.1",)}  # from the first step on
    assert blocks.left_out(shop.pruned()) == ("blocks.1",)
    result = json.loads((shop.folder / "stages" / "prune" / "done.json").read_text())["result"]
    assert result["budget"]["tried_bytes"] <= 110_000 * 1.01
    assert len(shop.curve()) == 2 * EACH
    assert [cut.after for cut in record.widths if "blocks.1" in cut.name] == [0, 0]


@pytest.mark.parametrize(
    ("settings", "moments"),
    [
        ({"prune__importance": "random"}, range(0, 40, 3)),
        (BUDGET, range(1, 40, 5)),
    ],
)
def test_killed_at_any_moment_it_ends_at_the_same_weights(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], moments: range
) -> None:
    monkeypatch.setattr(training_state, "INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(training_state, "COST_SHARE", float("inf"))
    shop.idle_block(1)
    shop.set(**settings)
    shop.run()
    expected = shop.pruned()
    shop.forget()
    for moment in moments:
        left = iter(range(moment))

        def kill(event: Event, left: Iterator[int] = left) -> None:
            if isinstance(event, Progress) and event.stage == "prune" and next(left, None) is None:
                raise Killed

        with contextlib.suppress(Killed):
            shop.run(kill)
    shop.run()
    assert same(shop.pruned(), expected)
    assert shop.curve() == list(range(1, 2 * EACH + 1))


def test_a_cancelled_run_goes_on_where_it_was(shop: Workshop) -> None:
    shop.run()
    expected = shop.pruned()
    shop.forget()
    cancelled = threading.Event()

    def cancel(event: Event) -> None:
        if isinstance(event, Metric) and event.step == EACH + 2:
            cancelled.set()

    job = runs.job(shop.project)
    with pytest.raises(Cancelled):
        pipeline.run(job, Context(run=job.run, send=cancel, cancelled=cancelled))
    assert shop.last().state == "cancelled"
    shop.run()
    assert same(shop.pruned(), expected)
    assert [event.step for event in shop.events if isinstance(event, Metric)] == list(range(EACH + 3, 2 * EACH + 1))
    assert any("Pruning resumes after step 2 of 3" in event.text for event in shop.events if isinstance(event, Log))


def test_what_is_damaged_is_said_and_done_anew(shop: Workshop) -> None:
    shop.run()
    expected = shop.pruned()
    shop.forget()

    def kill(event: Event) -> None:
        if isinstance(event, Metric) and event.step == EACH + 2:
            raise Killed

    with pytest.raises(Killed):
        shop.run(kill)
    (kept,) = shop.folder.glob("stages/.prune.part/between/*/*/model.safetensors")
    kept.write_bytes(kept.read_bytes()[:100])
    record = shop.run()
    assert any("Pruning restarts from the beginning" in warning for warning in record.warnings)
    assert same(shop.pruned(), expected)


def test_every_number_of_merged_tokens_has_a_training_of_its_own() -> None:
    schedules = tried(TokensConfig(by_budget=True), patches=196, depth=24)
    assert len({sum(merged) for merged in schedules[1:]}) == 1  # all that there are
    assert len({pruning._folder_of(Merging(merged=merged)) for merged in schedules} | {pruning._folder_of(None)}) == 5


def test_the_trainings_of_all_numbers_of_merged_tokens_are_shown_and_named(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_allocation", lambda *given: None)  # by ratio, which takes no time
    shop.set(tokens__by_budget=True, budget__speedup=2.0, prune__importance="l2", finetune__epochs=0)
    shop.run()
    told = [event.text for event in shop.events if isinstance(event, Log) and event.text.startswith("Step")]
    assert [text.partition(":")[0] for text in told] == [
        f"Step {step} of 3 (schedule {number}, {merged} tokens merged)"
        for number, merged in ((1, 0), (2, 3), (3, 6))
        for step in (1, 2)
    ]
    assert shop.curve() == list(range(1, 3 * 2 * EACH + 1))


@pytest.mark.parametrize(
    ("settings", "last"), [({}, False), ({"epochs": 0}, True), ({"epochs": 0, "many": True}, False)]
)
def test_other_processes_are_told_which_training_is_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], last: bool
) -> None:
    plans: list[distributed.TrainingPlan] = []

    def train(plan: distributed.TrainingPlan, context: Context) -> nn.Module:
        plans.append(plan)
        return nn.Identity()

    monkeypatch.setattr(distributed, "train", train)
    more = {"finetune.epochs": settings.get("epochs", 1), "tokens.by_budget": settings.get("many", False)}
    config = with_settings(RunConfig(), {**SETTINGS, **more})
    state = RunState(image_folder(tmp_path / "train").parent / "some.pqv", config, Context("test", lambda event: None))
    form = PREPROCESSING.dump_python(FORM, mode="json")
    base = Base(name=SETTINGS["model.name"], arguments=SETTINGS["model.arguments"])
    load = {"classes": ["a", "b", "c"], "preprocessing": form, "base": base.model_dump(mode="json")}
    state.complete("load", key="", result=load, directory=tmp_path)
    for step in (1, 2):
        Between(state, tmp_path / "between").train(base.create(), step)
    assert [plan.is_last for plan in plans] == [False, last]


def test_without_training_images_it_is_refused(shop: Workshop) -> None:
    shop.set(data__train=None, finetune__epochs=0)
    with pytest.raises(DataError, match="between the steps of pruning needs training images") as caught:
        shop.run()
    assert "prune.epochs_between to 0" in caught.value.action
