"""Fine-tuning learns, keeps the best, and after any end goes on as if there had been none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pqv_core.config import FinetuneConfig
from pqv_core.engine.data import batches as data
from pqv_core.engine.measure import evaluate
from pqv_core.engine.models import tensorfile
from pqv_core.engine.train import finetune, training_state
from pqv_core.engine.train.schedule import learning_rate
from pqv_core.errors import Cancelled, DataError, StorageError, TrainingError
from pqv_core.process.events import Event, Log, Metric, Progress
from tests.fakes.training import FORM, Recorder, image_folder, tiny_vit

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = FinetuneConfig(epochs=3, batch_size=8, learning_rate=2e-3, warmup_epochs=0.5, label_smoothing=0.1)
SEED = 3
STEPS = 9  # 24 images in batches of 8, three times


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_folder(tmp_path_factory.mktemp("data") / "images")


@pytest.fixture(autouse=True)
def save_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_state, "INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(training_state, "COST_SHARE", float("inf"))


def tuned(
    folder: Path,
    directory: Path,
    recorder: Recorder,
    *,
    config: FinetuneConfig = CONFIG,
    model: nn.Module | None = None,
    validate: bool = True,
) -> nn.Module:
    train, val = (data.open_images(folder, preprocessing=FORM, context=recorder.context) for _ in range(2))
    return finetune.finetune(
        model or tiny_vit(drop_rate=0.1),
        config,
        train=train,
        val=val if validate else None,
        directory=directory,
        seed=SEED,
        context=recorder.context,
    )


def weights(model: nn.Module) -> dict[str, Tensor]:
    return model.state_dict()


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


@pytest.fixture(scope="module")
def uninterrupted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Tensor], Recorder]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    recorder = Recorder()
    found = weights(tuned(folder, tmp_path_factory.mktemp("whole"), recorder))
    torch.set_num_threads(threads)
    return found, recorder


# learning -----------------------------------------------------------------------------------------------------


def test_it_learns(folder: Path, tmp_path: Path) -> None:
    model, recorder = tiny_vit(), Recorder()
    before = {name: tensor.clone() for name, tensor in weights(model).items()}

    result = tuned(folder, tmp_path, recorder, model=model, config=CONFIG.changed(epochs=12, augment=False))

    images = data.open_images(folder, preprocessing=FORM, context=recorder.context)
    assert evaluate.accuracy(result, images, batch_size=8, context=recorder.context).top1 > 0.9
    assert not result.training
    assert_same(weights(model), before)


def test_what_is_told(uninterrupted: tuple[dict[str, Tensor], Recorder]) -> None:
    _, recorder = uninterrupted

    assert list(recorder.curve("train_loss")) == list(range(1, STEPS + 1))
    rates = recorder.curve("learning_rate")
    assert [rates[step + 1] for step in range(STEPS)] == [
        learning_rate(step, steps=STEPS, warmup=2, peak=2e-3) for step in range(STEPS)
    ]
    assert list(recorder.curve("val_loss")) == list(recorder.curve("val_top1")) == [3, 6, 9]
    assert [event.done for event in recorder.events if isinstance(event, Progress)] == list(range(1, STEPS + 1))


def test_long_curves_are_thinned_to_means(
    folder: Path, tmp_path: Path, uninterrupted: tuple[dict[str, Tensor], Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "CURVE_POINTS", 2)
    recorder = Recorder()
    tuned(folder, tmp_path, recorder)

    full, thin = (who.curve("train_loss") for who in (uninterrupted[1], recorder))
    assert list(thin) == [4, 8, 9]
    assert thin[8] == pytest.approx(sum(full[step] for step in (5, 6, 7, 8)) / 4)


def test_the_best_epoch_is_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = iter([9, 20, 20])  # of 24; the second time with a larger loss
    seen: list[dict[str, Tensor]] = []

    def count(model: nn.Module, images: data.Images, **_: object) -> evaluate.Tally:
        seen.append({name: tensor.clone() for name, tensor in weights(model).items()})
        return evaluate.Tally(top1=next(right), top5=24, loss=float(len(seen)), images=24)

    monkeypatch.setattr(evaluate, "count", count)

    assert_same(weights(tuned(folder, tmp_path, Recorder())), seen[1])
    assert [path.name for path in tmp_path.glob("best-*")] == ["best-2.safetensors"]


def test_without_validation_the_last_weights_are_taken(folder: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    result = tuned(folder, tmp_path, recorder, validate=False)

    last, _ = tensorfile.read(tmp_path / training_state.STATE_FILE)
    assert_same(weights(result), {name: last[f"model/{name}"] for name in weights(result)})
    assert recorder.curve("val_loss") == {} and list(tmp_path.glob("best-*")) == []


def test_fewer_images_than_a_batch(folder: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    tuned(folder, tmp_path, recorder, config=CONFIG.changed(batch_size=1000, epochs=2))

    assert list(recorder.curve("train_loss")) == [1, 2]


def test_classes_that_the_model_has_not(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 2 outputs"):
        tuned(folder, tmp_path, Recorder(), model=tiny_vit(2))


def test_an_unreadable_image_is_replaced_and_named(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "images")
    (folder / "red" / "002.png").write_bytes(b"")
    recorder = Recorder()

    tuned(folder, tmp_path / "state", recorder, validate=False)

    assert recorder.context.warnings == [
        "1 of 24 images could not be read and were skipped: red/002.png (the file is empty)."
    ]


@given(steps=st.integers(1, 400), data_=st.data())
def test_the_learning_rate_rises_and_falls(steps: int, data_: st.DataObject) -> None:
    warmup = data_.draw(st.integers(0, steps - 1))
    rates = [learning_rate(step, steps=steps, warmup=warmup, peak=0.5) for step in range(steps)]

    assert all(0 < rate <= 0.5 for rate in rates) and max(rates) == rates[warmup] == 0.5
    assert rates[:warmup] == sorted(rates[:warmup]) and rates[warmup:] == sorted(rates[warmup:], reverse=True)


# going on -----------------------------------------------------------------------------------------------------


def killed_at(moment: int, kinds: tuple[type[Event], ...] = (Metric, Progress, Log)) -> Recorder:
    """A recorder that ends everything at the moment-th event."""
    seen = 0

    def count(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, kinds)
        if seen == moment:
            raise Killed

    return Recorder(count)


def finished(folder: Path, directory: Path, recorders: Iterator[Recorder]) -> tuple[dict[str, Tensor], list[Recorder]]:
    """Train again and again, each time until the recorder's kill, until it is through."""
    used = []
    for recorder in recorders:
        used.append(recorder)
        try:
            return weights(tuned(folder, directory, recorder)), used
        except Killed:
            continue
    raise AssertionError("never finished")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=st.lists(st.integers(1, 40), min_size=1, max_size=4), every_step=st.booleans())
def test_killed_anywhere_it_ends_at_the_same_weights_and_curves(
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    uninterrupted: tuple[dict[str, Tensor], Recorder],
    moments: list[int],
    every_step: bool,
) -> None:
    expected, whole = uninterrupted
    with pytest.MonkeyPatch.context() as patch:
        if not every_step:  # then only the ends of epochs are saved
            patch.setattr(training_state, "INTERVAL_SECONDS", 1e9)
        recorders = iter([*(killed_at(moment) for moment in moments), Recorder()])
        found, used = finished(folder, tmp_path_factory.mktemp("killed"), recorders)

    assert_same(found, expected)
    for name in ("train_loss", "learning_rate", "val_loss", "val_top1"):
        joined: dict[int, float] = {}
        for recorder in used:  # what is told twice is told the same
            curve = recorder.curve(name)
            assert all(joined.get(step, value) == value for step, value in curve.items())
            joined |= curve
        assert joined == whole.curve(name)


@pytest.mark.parametrize("moment", range(1, 9))
def test_killed_while_writing_it_ends_at_the_same_weights(
    folder: Path,
    tmp_path: Path,
    uninterrupted: tuple[dict[str, Tensor], Recorder],
    monkeypatch: pytest.MonkeyPatch,
    moment: int,
) -> None:
    """Just before (odd) and just after (even) a file is put into place."""
    replace, calls = os.replace, 0

    def dying(source: str, target: str) -> None:
        nonlocal calls
        calls += 1
        if calls == (moment + 1) // 2 + 2 and moment % 2:
            raise Killed
        replace(source, target)
        if calls == (moment + 1) // 2 + 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dying)
        with pytest.raises(Killed):
            tuned(folder, tmp_path, Recorder())

    assert_same(weights(tuned(folder, tmp_path, Recorder())), uninterrupted[0])


@pytest.mark.parametrize("during", ["a step", "validation"])
def test_cancelled_it_goes_on_where_it_was(
    folder: Path, tmp_path: Path, uninterrupted: tuple[dict[str, Tensor], Recorder], during: str
) -> None:
    def ask(event: Event) -> None:
        step = isinstance(event, Progress) and event.done == 4
        validated = isinstance(event, Metric) and event.name == "train_loss" and event.step == 6
        if step if during == "a step" else validated:
            recorder.context.cancelled.set()

    recorder = Recorder(ask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_state, "INTERVAL_SECONDS", 1e9)
        with pytest.raises(Cancelled):
            tuned(folder, tmp_path, recorder)
    again = Recorder()
    found = weights(tuned(folder, tmp_path, again))

    reached = max(recorder.curve("train_loss"))
    assert reached == {"a step": 4, "validation": 6}[during]
    assert min(again.curve("train_loss")) == reached + 1
    assert again.lines == [f"Fine-tuning resumes after step {reached} of {STEPS}."]
    assert_same(found, uninterrupted[0])


def test_cancelled_with_a_large_state_it_goes_on_from_the_last_regular_save(
    folder: Path, tmp_path: Path, uninterrupted: tuple[dict[str, Tensor], Recorder]
) -> None:
    def large() -> nn.Module:
        model = tiny_vit(drop_rate=0.1)
        model.register_buffer("ballast", torch.zeros(8 << 20), persistent=False)  # 32 MiB of state
        return model

    def ask(event: Event) -> None:
        if isinstance(event, Progress) and event.done == 4:
            recorder.context.cancelled.set()

    recorder = Recorder(ask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_state, "INTERVAL_SECONDS", 1e9)
        with pytest.raises(Cancelled):
            tuned(folder, tmp_path, recorder, model=large())
        again = Recorder()
        found = weights(tuned(folder, tmp_path, again, model=large()))

    assert max(recorder.curve("train_loss")) == 4
    assert again.lines == [f"Fine-tuning resumes after step 3 of {STEPS}."]
    assert min(again.curve("train_loss")) == 4
    assert_same(found, uninterrupted[0])


CHILD = """
import sys
from pathlib import Path
import torch
from pqv_core.engine.train import training_state
from tests.unit.engine.train import test_finetune as here
torch.set_num_threads(1)
training_state.INTERVAL_SECONDS, training_state.COST_SHARE = 0.0, float("inf")
say = lambda event: print(event.type, flush=True)
here.tuned(Path(sys.argv[1]), Path(sys.argv[2]), here.Recorder(say))
"""


def test_a_real_kill(folder: Path, tmp_path: Path, uninterrupted: tuple[dict[str, Tensor], Recorder]) -> None:
    command = [sys.executable, "-c", CHILD, str(folder), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[4]) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(14)]
        child.send_signal(signal.SIGKILL)
    assert told[-1] and child.returncode == -signal.SIGKILL

    recorder = Recorder()
    found = weights(tuned(folder, tmp_path, recorder))

    assert "resumes after step" in recorder.lines[0]
    assert_same(found, uninterrupted[0])


def test_a_finished_training_is_not_done_again(
    folder: Path, tmp_path: Path, uninterrupted: tuple[dict[str, Tensor], Recorder]
) -> None:
    tuned(folder, tmp_path, Recorder())
    again = Recorder()

    assert_same(weights(tuned(folder, tmp_path, again)), uninterrupted[0])
    assert again.curve("train_loss") == {}


@pytest.mark.parametrize("change", [{"learning_rate": 1e-3}, {"epochs": 4}, {"augment": False}])
def test_other_settings_begin_anew(folder: Path, tmp_path: Path, change: dict[str, object]) -> None:
    tuned(folder, tmp_path, Recorder())
    fresh, again = Recorder(), Recorder()

    expected = tuned(folder, tmp_path / "fresh", fresh, config=CONFIG.changed(**change))
    found = tuned(folder, tmp_path, again, config=CONFIG.changed(**change))

    assert again.curve("train_loss") == fresh.curve("train_loss")
    assert_same(weights(found), weights(expected))


def test_a_damaged_state_is_said_and_begun_anew(
    folder: Path, tmp_path: Path, uninterrupted: tuple[dict[str, Tensor], Recorder]
) -> None:
    tuned(folder, tmp_path, Recorder())
    state = tmp_path / training_state.STATE_FILE
    state.write_bytes(state.read_bytes()[:100])
    recorder = Recorder()

    assert_same(weights(tuned(folder, tmp_path, recorder)), uninterrupted[0])
    assert "restarts from the beginning" in recorder.context.warnings[0]


# failing ------------------------------------------------------------------------------------------------------


def spoiled(value: float, *, call: int) -> nn.Module:
    """A model whose answer turns bad at a call."""
    model, calls = tiny_vit(), iter(range(1, 1000))

    def hook(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        return output * value if next(calls) >= call else output

    model.register_forward_hook(hook)
    return model


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "NaN"), (1e39, "NaN")])
def test_a_loss_that_is_no_number_is_said_and_nothing_is_lost(
    folder: Path, tmp_path: Path, value: float, word: str
) -> None:
    recorder = Recorder()
    with pytest.raises(TrainingError) as caught:
        tuned(folder, tmp_path, recorder, model=spoiled(value, call=9), config=CONFIG.changed(augment=False))

    # one call to begin with, 3 steps and 3 batches of validation: the 9th is the second epoch's second step
    assert caught.value.message == f"The loss became {word} at step 2 of epoch 2."
    assert caught.value.action.startswith("Lower the learning rate (it is 0.002)")
    kept, _ = tensorfile.read(tmp_path / training_state.STATE_FILE)
    assert training_state.are_finite(kept.values())
    assert list(recorder.curve("train_loss")) == [1, 2, 3, 4]
    assert (tmp_path / "best-1.safetensors").exists()


def test_bad_answers_in_validation_are_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="outputs became NaN or infinite in epoch 1"):
        tuned(folder, tmp_path, Recorder(), model=spoiled(float("nan"), call=6))


def test_weights_that_are_no_numbers_are_not_kept(folder: Path, tmp_path: Path) -> None:
    model = tiny_vit()
    model.register_parameter("idle", nn.Parameter(torch.tensor([float("inf")])))

    with pytest.raises(TrainingError, match="weights became NaN or infinite in epoch 1"):
        tuned(folder, tmp_path, Recorder(), model=model, validate=False)


def test_a_full_disk_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        text = 'I/O error: Os { code: 28, kind: StorageFull, message: "No space left on device" }'
        raise tensorfile.SafetensorError(text)

    monkeypatch.setattr(tensorfile, "save_file", full)

    with pytest.raises(StorageError, match="The disk is full"):
        tuned(folder, tmp_path, Recorder())
    assert list(tmp_path.iterdir()) == []


def test_no_more_steps_once_the_end_is_asked_for(folder: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.context.cancelled = threading.Event()
    recorder.context.cancelled.set()

    with pytest.raises(Cancelled):
        tuned(folder, tmp_path, recorder)
    assert recorder.events == []
