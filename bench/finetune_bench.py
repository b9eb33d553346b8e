"""Images a second of fine-tuning and of evaluation against loops written straight on timm's own, taking turns.

    python -m bench.finetune_bench [FOLDER] [--model NAME] [--img-size N] [--batch N] [--steps N] [--rounds N]

FOLDER holds ``train`` and ``val`` with one sub-folder of images a class; without it, the digits of the demo. Prints
one line of JSON: images a second by the clock and, which other programs on the machine disturb less, a second of
processor time (of this process alone, without those that read images ahead); and the median of the rounds' ratios,
above 1 where ours is faster.
"""

from __future__ import annotations

import argparse
import itertools
import json
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812
from timm.data import create_dataset, create_loader
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import accuracy, dispatch_clip_grad

from pqv_core.config import FinetuneConfig
from pqv_core.engine.context import Context
from pqv_core.engine.data import batches as data
from pqv_core.engine.data.readers import Readers
from pqv_core.engine.measure import evaluate
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.train import finetune
from pqv_core.process.events import Event, Progress
from pqv_core.project import demo

Moment = tuple[float, float]
Turn = TypeVar("Turn")


def model_of(arguments: argparse.Namespace, classes: int) -> torch.nn.Module:
    torch.manual_seed(0)
    shape = {"img_size": arguments.img_size, "num_classes": classes}
    return checkpoint.Base(name=arguments.model, arguments=shape).create()


def now() -> Moment:
    """The clock, and the processor time of this process."""
    return time.perf_counter(), time.process_time()


def since(moment: Moment) -> Moment:
    clock, processor = now()
    return clock - moment[0], processor - moment[1]


def timms(arguments: argparse.Namespace, form: Any, classes: int) -> Iterator[Moment]:
    """timm's train.py in small: its loader, AdamW, schedule, smoothing and clipping. Seconds for each round."""
    model = model_of(arguments, classes).train()
    loader = create_loader(
        create_dataset("", root=str(arguments.train), is_training=True),
        input_size=form.input_size,
        batch_size=arguments.batch,
        is_training=True,
        use_prefetcher=False,
        scale=(0.5, 1.0),
        color_jitter=None,
        interpolation=form.interpolation,
        mean=form.mean,
        std=form.std,
        num_workers=arguments.timm_workers,
        persistent_workers=arguments.timm_workers > 0,
    )
    optimizer = create_optimizer_v2(model, opt="adamw", lr=1e-4, weight_decay=0.05)
    updates = len(loader)
    scheduler, _ = create_scheduler_v2(optimizer, num_epochs=50, updates_per_epoch=updates, step_on_epochs=False)
    loss_of = LabelSmoothingCrossEntropy(0.1)
    batches = itertools.chain.from_iterable(iter(loader) for _ in itertools.count())
    for round_ in itertools.count():
        began = now()
        for step in range(arguments.steps):
            images, labels = next(batches)
            loss = loss_of(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            dispatch_clip_grad(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step_update(round_ * arguments.steps + step)
            loss.item()
        yield since(began)


def ours(arguments: argparse.Namespace, form: Any, classes: int) -> Iterator[Moment]:
    """The tool's own fine-tuning with the same settings; it waits inside an event while the other one has its turn."""
    ready: queue.Queue[Moment] = queue.Queue()
    go = threading.Semaphore(0)
    began = now()

    def take(event: Event) -> None:
        nonlocal began
        if isinstance(event, Progress) and event.done % arguments.steps == 0:
            ready.put(since(began))
            go.acquire()
            began = now()

    context = Context(run="bench", send=take)
    images = data.open_images(arguments.train, preprocessing=form, context=context)
    config = FinetuneConfig(epochs=50, batch_size=arguments.batch, learning_rate=1e-4, label_smoothing=0.1)

    def train(directory: str) -> None:
        go.acquire()
        with Readers() as context.readers:
            finetune.finetune(
                model_of(arguments, classes),
                config,
                train=images,
                val=None,
                directory=Path(directory),
                seed=0,
                context=context,
            )

    with tempfile.TemporaryDirectory() as directory:
        threading.Thread(target=train, args=(directory,), daemon=True).start()
        while True:
            go.release()
            yield ready.get()


def timms_evaluation(arguments: argparse.Namespace, form: Any, classes: int) -> Iterator[tuple[Moment, float]]:
    """timm's validate.py in small: its loader, its accuracy. Seconds, and top-1, of each pass."""
    model = model_of(arguments, classes).eval()
    loader = create_loader(
        create_dataset("", root=str(arguments.val)),
        input_size=form.input_size,
        batch_size=arguments.batch,
        use_prefetcher=False,
        interpolation=form.interpolation,
        mean=form.mean,
        std=form.std,
        crop_pct=form.crop_pct,
        num_workers=arguments.timm_workers,
    )
    while True:
        began = now()
        right = seen = 0.0
        with torch.inference_mode():
            for images, labels in loader:
                answer = model(images)
                F.cross_entropy(answer, labels).item()
                top1, _ = accuracy(answer, labels, topk=(1, 5))
                right += top1.item() * len(labels) / 100
                seen += len(labels)
        yield since(began), right / seen


def our_evaluation(arguments: argparse.Namespace, form: Any, classes: int) -> Iterator[tuple[Moment, float]]:
    """The tool's own evaluation. Seconds, and top-1, of each pass."""
    model = model_of(arguments, classes).eval()
    context = Context(run="bench", send=lambda event: None)
    with Readers() as context.readers:
        while True:
            began = now()
            images = data.open_images(arguments.val, preprocessing=form, context=context)
            found = evaluate.accuracy(model, images, batch_size=arguments.batch, context=context)
            yield since(began), found.top1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--model", default="vit_tiny_patch16_224")
    parser.add_argument("--img-size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--timm-workers", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as digits:
        if arguments.folder is None:
            demo.unpack_images(Path(digits))
            arguments.folder = Path(digits)
        arguments.train, arguments.val = arguments.folder / "train", arguments.folder / "val"
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Let both train, and then evaluate, in turns, and print."""
    classes = sum(1 for path in arguments.train.iterdir() if path.is_dir())
    form = models.preprocessing(model_of(arguments, classes))
    runs = {"ours": ours(arguments, form, classes), "timm": timms(arguments, form, classes)}
    training = in_turns(runs, arguments.rounds)
    passes = {"ours": our_evaluation(arguments, form, classes), "timm": timms_evaluation(arguments, form, classes)}
    judged = in_turns(passes, arguments.rounds)
    top1 = {name: {found for _, found in turns} for name, turns in judged.items()}
    assert len(set.union(*top1.values())) == 1, f"not the same images are judged: {top1}"
    evaluation = {name: [moment for moment, _ in turns] for name, turns in judged.items()}
    images = sum(1 for path in arguments.val.rglob("*") if path.is_file())
    found = {
        "training": by_unit(training, arguments.batch * arguments.steps),
        "evaluation": by_unit(evaluation, images),
    }
    print(json.dumps(found))


def in_turns(runs: dict[str, Iterator[Turn]], rounds: int) -> dict[str, list[Turn]]:
    """What each gives, one after the other; the first round is for warming up."""
    taken: dict[str, list[Turn]] = {name: [] for name in runs}
    for round_ in range(rounds + 1):
        for name, run in runs.items():
            turn = next(run)
            if round_:
                taken[name].append(turn)
    return taken


def by_unit(taken: dict[str, list[Moment]], images: int) -> dict[str, Any]:
    """The comparison by the clock and by processor time."""
    return {unit: compared(taken, index, images) for index, unit in enumerate(("clock", "processor"))}


def compared(taken: dict[str, list[Moment]], index: int, images: int) -> dict[str, Any]:
    seconds = {name: [moment[index] for moment in moments] for name, moments in taken.items()}
    return {
        "ratio": statistics.median(b / a for a, b in zip(seconds["ours"], seconds["timm"], strict=True)),
        "images_per_second": {name: images / statistics.median(values) for name, values in seconds.items()},
        "seconds": seconds,
    }


if __name__ == "__main__":
    main()
