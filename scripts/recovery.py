"""How well a pruned model recovers: ``python -m scripts.recovery FOLDER`` writes ``docs/recovery.md``.

FOLDER holds ``train`` and ``val`` with one sub-folder of images a class (CIFAR-10's, say). A small ViT is trained from
random weights by the tool's own fine-tuning, pruned by every importance at every ratio, in every layer alike and where
it matters least, and measured before and after fine-tuning: figures 4 and 5 of the paper in small. Some half an hour of
one core; killed, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

from pqv_core.config import FinetuneConfig, PruneConfig
from pqv_core.config.prune import Distribution, Importance
from pqv_core.criteria import CRITERIA
from pqv_core.data import dataset
from pqv_core.data import layout as dataset_layout
from pqv_core.engine.context import Context
from pqv_core.engine.data import batches as data
from pqv_core.engine.measure import evaluate
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.train.finetune import finetune
from pqv_core.files.fsio import write_json, write_text
from pqv_core.process.events import Event, Metric

PAGE = Path(__file__).resolve().parents[1] / "docs" / "recovery.md"
RATIOS = (0.09375, 0.25, 0.5)
GLOBAL_RATIOS = (0.25, 0.5)
LIMIT = 0.9
"""The largest share of one layer that may go where it matters least."""

SEED = 0
MODEL = checkpoint.Base(
    name="vit_tiny_patch16_224",
    arguments={"img_size": 32, "patch_size": 8, "embed_dim": 96, "depth": 6, "num_heads": 3},
)
TRAINING = FinetuneConfig(
    epochs=30, batch_size=32, learning_rate=1e-3, warmup_epochs=2, label_smoothing=0.1, device="cpu"
)
RECOVERY = FinetuneConfig(epochs=1, batch_size=32, learning_rate=3e-4, label_smoothing=0.1, device="cpu")


@dataclass(frozen=True)
class Case:
    """One way of pruning."""

    importance: Importance
    ratio: float
    distribution: Distribution = "uniform"

    @property
    def name(self) -> str:
        """By which what is found is kept."""
        return f"{self.importance}-{self.ratio}" + ("-global" if self.distribution == "global" else "")


@dataclass(frozen=True)
class Point:
    """Top-1 on the validation images, as shares, before and after fine-tuning."""

    importance: str
    ratio: float
    params: int
    macs: int
    before: float
    after: float


class Study:
    """The images, and where what is found is kept."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.work = work
        self.context = Context(run="recovery", send=_tell)
        pair = dataset_layout.find(folder)
        assert pair.train is not None and pair.val is not None, "train and val are needed"
        self.folder = pair.train
        self.classes = dataset.classes(pair.train)
        self.form = models.preprocessing(MODEL.create())
        self.train, self.val = (self._opened(path) for path in (pair.train, pair.val))
        self.val.remember()

    def _opened(self, folder: Path) -> data.Images:
        return data.open_images(folder, preprocessing=self.form, classes=self.classes, context=self.context)

    def accuracy(self, model: nn.Module) -> float:
        return evaluate.accuracy(model, self.val, batch_size=64, context=self.context).top1

    def tuned(self, model: nn.Module, config: FinetuneConfig, name: str) -> nn.Module:
        return finetune(
            model, config, train=self.train, val=None, directory=self.work / name, seed=SEED, context=self.context
        )

    def dense(self) -> nn.Module:
        """The trained model."""
        path = self.work / "dense.safetensors"
        if not path.exists():
            torch.manual_seed(SEED)
            base = checkpoint.Base(name=MODEL.name, arguments={**MODEL.arguments, "num_classes": len(self.classes)})
            checkpoint.save(self.tuned(base.create(), TRAINING, "dense"), path, base=base)
        return checkpoint.load(path)

    def dense_again(self, dense: nn.Module) -> Point:
        """What fine-tuning alone brings."""
        return self._point("dense-again", 0.0, lambda: dense)

    def point(self, dense: nn.Module, case: Case) -> Point:
        """What pruning costs and fine-tuning brings back."""
        return self._point(case.name, case.ratio, lambda: self._pruned(dense, case))

    def _point(self, name: str, ratio: float, make: Callable[[], nn.Module]) -> Point:
        kept = self.work / f"{name}.json"
        if kept.exists():
            return Point(**json.loads(kept.read_text(encoding="utf-8")))
        model = make()
        params, macs = models.count(model)
        before = self.accuracy(model)
        point = Point(name, ratio, params, macs, before, self.accuracy(self.tuned(model, RECOVERY, name)))
        write_json(kept, asdict(point))
        return point

    def _pruned(self, dense: nn.Module, case: Case) -> nn.Module:
        config = PruneConfig(
            importance=case.importance, ratio=case.ratio, distribution=case.distribution, max_ratio=LIMIT, round_to=1
        )
        batches = data.calibration_batches(
            self.folder,
            preprocessing=self.form,
            classes=self.classes,
            images=config.images,
            batch_size=config.batch_size,
            seed=SEED,
            context=self.context,
        )
        torch.manual_seed(SEED)
        chosen = list(batches) if CRITERIA[case.importance].needs_images else None
        return prune(dense, config, batches=chosen, context=self.context)


def _tell(event: Event) -> None:
    if isinstance(event, Metric) and event.name == "train_loss" and event.step % 50 == 0:
        print(f"step {event.step}: loss {event.value:.3f}", flush=True)


def page(alone: Point, points: dict[Case, Point], images: tuple[int, int], minutes: float) -> str:
    """The tables as Markdown."""
    arguments = ", ".join(f"{key}={value}" for key, value in MODEL.arguments.items())
    error = 100 * (alone.before * (1 - alone.before) / images[1]) ** 0.5
    sizes = [f"| 0 % | {alone.params / 1e6:.3f} | {alone.macs / 1e6:.1f} |"]
    for ratio in RATIOS:
        one = points[Case("l1", ratio)]
        sizes.append(f"| {100 * ratio:g} % | {one.params / 1e6:.3f} | {one.macs / 1e6:.1f} |")
    return f"""# Recovery

Written by `make recovery IMAGES=FOLDER` from what it measured, here with photographs of CIFAR-10: {images[0]} to train
on and {images[1]} to judge by, so that a figure has a standard error of {error:.1f} points. A `{MODEL.name}`
({arguments}) was trained from random weights for {TRAINING.epochs} epochs by the tool itself, pruned (MLPs and
attention, widths not rounded) and fine-tuned for {RECOVERY.epochs} epoch; at 0 % the dense model was fine-tuned alike.
Figures are top-1 in percent. Everything took {minutes:.0f} minutes of processor time.

## Every layer alike, before fine-tuning

{_table(points, before=True, dense=alone.before)}

## Every layer alike, after fine-tuning

{_table(points, before=False, dense=alone.after)}

## What is left

| ratio | M parameters | M MACs |
|---|--:|--:|
{chr(10).join(sizes)}

## Every layer alike, or where it matters least

`prune.distribution` is `uniform` or `global`, with the same number of channels in all layers of a kind together; with
`global` no layer loses more than {100 * LIMIT:g} %. Of two figures the second is that of `global`.

{_distributions(points)}

Criteria that estimate the loss (Taylor, Hessian, Hessian trace) compare what removing a channel would change it by, in
nats, whichever layer the channel is in. L1 and L2 compare the size of a channel's weights with the mean of its layer.
Compared as they are, sizes emptied the attention of the first block, whose weights are the smallest: accuracy before
fine-tuning fell to 38 and 28 % (L2, 25 and 50 %; tried once, and given up).

All layers of this network were trained alike and none is idle: at 25 % both ways come to the same, and at 50 % every
layer alike recovers rather better. Where a layer does nothing, `global` takes that one first.
"""


def _table(points: dict[Case, Point], *, before: bool, dense: float) -> str:
    lines = [
        f"| importance | 0 % | {' | '.join(f'{100 * ratio:g} %' for ratio in RATIOS)} |",
        "|---|--:|" + "--:|" * len(RATIOS),
    ]
    for importance, info in CRITERIA.items():
        found = (points[Case(importance, ratio)] for ratio in RATIOS)
        figures = [dense, *(point.before if before else point.after for point in found)]
        lines.append(f"| {info.label} | {' | '.join(f'{100 * value:.1f}' for value in figures)} |")
    return "\n".join(lines)


def _distributions(points: dict[Case, Point]) -> str:
    """Both distributions side by side."""
    lines = [
        "| importance | ratio | M parameters | before fine-tuning | after |",
        "|---|--:|--:|--:|--:|",
    ]
    for case, there in points.items():
        if case.distribution == "global":
            alike = points[replace(case, distribution="uniform")]
            cells = (
                f"{alike.params / 1e6:.3f}, {there.params / 1e6:.3f}",
                f"{100 * alike.before:.1f}, {100 * there.before:.1f}",
                f"{100 * alike.after:.1f}, {100 * there.after:.1f}",
            )
            lines.append(f"| {CRITERIA[case.importance].label} | {100 * case.ratio:g} % | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train, prune, fine-tune, write."""
    parser = argparse.ArgumentParser(prog="python -m scripts.recovery", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "pqv-recovery")
    arguments = parser.parse_args()
    study = Study(arguments.folder, arguments.work)
    spent = arguments.work / "spent.json"
    earlier = float(json.loads(spent.read_text())) if spent.exists() else 0.0

    def note() -> float:
        write_json(spent, earlier + time.process_time())
        return (earlier + time.process_time()) / 60

    dense = study.dense()
    note()
    alone = study.dense_again(dense)
    points = {}
    for case in _cases(CRITERIA):
        points[case] = study.point(dense, case)
        note()
        print(points[case], flush=True)
    write_text(PAGE, page(alone, points, (len(study.train), len(study.val)), note()))


def _cases(importances: Iterable[Importance]) -> Iterator[Case]:
    for importance in importances:
        for ratio in RATIOS:
            yield Case(importance, ratio)
            if ratio in GLOBAL_RATIOS and importance != "random":
                yield Case(importance, ratio, "global")


if __name__ == "__main__":
    main()
