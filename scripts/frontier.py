"""Accuracy at a latency: ``python -m scripts.frontier FOLDER`` writes ``docs/frontier.md``.

FOLDER holds ``train`` and ``val`` with one sub-folder of images a class (CIFAR-10's 50,000 photographs, say). A small
ViT with a convolutional stem is trained from random weights by the tool's own fine-tuning, and a latency table of it is
measured. Then it is cut to shares of its latency in several ways, each fine-tuned alike from several seeds, and all
files are timed beside the uncut one. Some hours on two cores; killed, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from pqv_core.config import BudgetConfig, FinetuneConfig, PruneConfig, RunConfig
from pqv_core.data import dataset
from pqv_core.data import layout as dataset_layout
from pqv_core.engine import structure
from pqv_core.engine.context import Context
from pqv_core.engine.data import batches as data
from pqv_core.engine.latency import measuring
from pqv_core.engine.latency.trial import Trial
from pqv_core.engine.measure import evaluate
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.allocation import Allocation, ByRatio, Scored
from pqv_core.engine.prune.budget import ByBudget
from pqv_core.engine.prune.sizes import SizeLine
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.train.finetune import finetune
from pqv_core.files.fsio import write_json, write_text
from pqv_core.latency import table as tables
from pqv_core.latency.predict import Predictor
from pqv_core.latency.probe_files import Folder
from pqv_core.latency.table import LatencyTable
from pqv_core.process.events import Event, Metric

PAGE = Path(__file__).resolve().parents[1] / "docs" / "frontier.md"
SHARES = (0.75, 0.5, 0.35, 0.25)
SEEDS = (0, 1, 2)
MODEL = checkpoint.Base(
    name="vit_tiny_r_s16_p8_224",
    arguments={"img_size": 32, "patch_size": 1, "embed_dim": 192, "depth": 9, "num_heads": 3},
)
"""A stem of convolutions gives 8 × 8 tokens."""
PRUNING = PruneConfig(importance="taylor", round_to=8, images=512, max_ratio=0.9)
_STEPS = 14  # of the search for a ratio: 1 part in 16,000


@dataclass(frozen=True)
class Point:
    """A structure, and what came of it.

    Attributes:
        share: Of the uncut model's latency that was asked for; ``predicted`` and ``measured`` are what it was.
        top1: After fine-tuning, one a seed.
        before: Before it.
    """

    method: str
    share: float
    predicted: float
    measured: float
    params: int
    before: float
    top1: tuple[float, ...]


class ByShare:
    """By ratio, the smallest that is fast enough by the table: what a person would search for by hand."""

    def __init__(self, config: PruneConfig, table: LatencyTable, share: float) -> None:
        self._config, self._predictor, self._share = config, Predictor(table), share

    def kept(self, scored: Scored, *, step: int) -> list[int]:
        """As ``Allocation.kept``."""
        low, high = 0.0, 0.9
        for _ in range(_STEPS):
            middle = (low + high) / 2
            units = self._units(scored, middle, step)
            low, high = (middle, high) if self._predictor.share(units) > self._share else (low, middle)
        return list(self._units(scored, high, step).values())

    def _units(self, scored: Scored, ratio: float, step: int) -> dict[str, int]:
        kept = ByRatio(self._config.changed(ratio=ratio)).kept(scored, step=step)
        return {width.name: units for width, units in zip(scored.widths, kept, strict=True)}


class Frontier:
    """The images, the settings, and where what is found is kept."""

    def __init__(self, folder: Path, work: Path, *, epochs: int, recovery: int, form: str, scheme: str) -> None:
        self.work = work
        work.mkdir(parents=True, exist_ok=True)
        self.context = Context(run="frontier", send=_tell)
        pair = dataset_layout.find(folder)
        assert pair.train is not None and pair.val is not None, "train and val are needed"
        self.folder = pair.train
        self.classes = dataset.classes(pair.train)
        self.base = checkpoint.Base(name=MODEL.name, arguments={**MODEL.arguments, "num_classes": len(self.classes)})
        self.preprocessing = models.preprocessing(self.base.create())
        self.train, self.val = (self._opened(path) for path in (pair.train, pair.val))
        self.val.remember()
        common = {"batch_size": 128, "label_smoothing": 0.1, "device": "auto"}
        self.training = FinetuneConfig.parse({"epochs": epochs, "learning_rate": 2e-3, "warmup_epochs": 1, **common})
        self.recovery = FinetuneConfig.parse({"epochs": recovery, "learning_rate": 5e-4, **common})
        self.config = RunConfig.parse(
            {
                "model": {"name": self.base.name, "arguments": self.base.arguments, "weights": "random"},
                "prune": PRUNING.model_dump(),
                "quantize": {"precision": scheme},
                "export": {"formats": [form]},
                "measure": {"threads": 1},
            }
        )

    def _opened(self, folder: Path) -> data.Images:
        return data.open_images(folder, preprocessing=self.preprocessing, classes=self.classes, context=self.context)

    def accuracy(self, model: nn.Module) -> float:
        """Top-1 on the validation images."""
        return evaluate.accuracy(model, self.val, batch_size=128, context=self.context).top1

    def tuned(self, model: nn.Module, config: FinetuneConfig, name: str, *, seed: int) -> nn.Module:
        """The model after fine-tuning."""
        return finetune(
            model, config, train=self.train, val=None, directory=self.work / name, seed=seed, context=self.context
        )

    def dense(self) -> nn.Module:
        """The trained model."""
        path = self.work / "dense.safetensors"
        if not path.exists():
            torch.manual_seed(0)
            checkpoint.save(self.tuned(self.base.create(), self.training, "dense", seed=0), path, base=self.base)
        return checkpoint.load(path).eval()

    def table(self, dense: nn.Module) -> LatencyTable:
        """The latency table of the trained model, on this computer."""
        path = self.work / "table.json"
        if not path.exists():
            form = self.config.export.formats[0]
            tables.save(path, measuring.measured(dense, self.config, form, Folder(self.work / "probes"), self.context))
        return tables.load(path)

    def point(self, dense: nn.Module, table: LatencyTable, method: str, share: float) -> Point:
        """One method at one share of the latency."""
        kept = self.work / f"{method}-{share}.json"
        if kept.exists():
            found = json.loads(kept.read_text(encoding="utf-8"))
            return Point(**{**found, "top1": tuple(found["top1"])})
        cut = self._cut(dense, table, method, share)
        units = {width.name: width.units for width in structure.widths(cut, PRUNING)}
        measured = self._trial(dense, table)(units).share
        assert measured is not None
        top1 = tuple(
            self.accuracy(self.tuned(cut, self.recovery, f"{method}-{share}-{seed}", seed=seed)) for seed in SEEDS
        )
        predicted, (params, _) = Predictor(table).share(units), models.count(cut)
        point = Point(method, share, predicted, measured, params, self.accuracy(cut), top1)
        write_json(kept, point.__dict__)
        return point

    def _trial(self, dense: nn.Module, table: LatencyTable) -> Trial:
        config = self.config.changed(budget=BudgetConfig(speedup=2).model_dump())
        folder = self.work / "trial"
        folder.mkdir(exist_ok=True)
        return Trial(dense, config, table, folder, self.context)

    def _cut(self, dense: nn.Module, table: LatencyTable, method: str, share: float) -> nn.Module:
        batches = data.calibration_batches(
            self.folder,
            preprocessing=self.preprocessing,
            classes=self.classes,
            images=PRUNING.images,
            batch_size=PRUNING.batch_size,
            seed=0,
            context=self.context,
        )
        torch.manual_seed(0)
        allocation = METHODS[method](self, dense, table, share)
        return prune(dense, PRUNING, batches=list(batches), context=self.context, allocation=allocation)

    def by_budget(self, dense: nn.Module, table: LatencyTable, share: float) -> Allocation:
        """As a run with ``budget.speedup`` does."""
        line = SizeLine(0.0, {width.name: 0.0 for width in structure.widths(dense, PRUNING)})
        return ByBudget(
            BudgetConfig(speedup=1 / share),
            PRUNING,
            table=table,
            sizes=line,
            trial=self._trial(dense, table),
            context=self.context,
        )


METHODS: Mapping[str, Callable[[Frontier, nn.Module, LatencyTable, float], Allocation]] = {
    "uniform": lambda made, dense, table, share: ByShare(PRUNING, table, share),
    "global": lambda made, dense, table, share: ByShare(PRUNING.changed(distribution="global"), table, share),
    "budget": lambda made, dense, table, share: made.by_budget(dense, table, share),
}


def _tell(event: Event) -> None:
    if isinstance(event, Metric) and event.name in ("train_loss", "val_top1") and event.step % 100 == 0:
        print(f"step {event.step}: {event.name} {event.value:.3f}", flush=True)


def page(made: Frontier, table: LatencyTable, dense: Sequence[float], points: Sequence[Point]) -> str:
    """The table as Markdown.

    Args:
        dense: Top-1 of the trained model, and of the same after fine-tuning once more.
    """
    arguments = ", ".join(f"{key}={value}" for key, value in MODEL.arguments.items())
    judged = len(made.val)
    error = 100 * (dense[0] * (1 - dense[0]) / judged) ** 0.5
    return f"""# Accuracy at a latency

Written by `make frontier IMAGES=FOLDER` from what it measured, here with {len(made.train):,} photographs to train on
and {judged:,} to judge by (a figure has a standard error of {error:.1f} points). A `{MODEL.name}` ({arguments}) was
trained from random weights for {made.training.epochs} epochs by the tool itself: {100 * dense[0]:.1f} % top-1. It was
cut to shares of its latency as a {table.subject.format} file in {table.subject.scheme}, {table.subject.threads} thread,
on {table.device} ({table.dense_ns / 1e6:.2f} ms uncut), and fine-tuned for {made.recovery.epochs} epochs from
{len(SEEDS)} seeds. The uncut model, fine-tuned alike, gives {100 * dense[1]:.1f} %.

*Uniform* cuts the same share of every width and *global* the least important channels wherever they are, at the
smallest ratio that is fast enough by the latency table. *Budget* is `--speedup`: the table and an exact solver. All
rank by Taylor importance. Latency is that of the file, relative to the uncut one in the same loop.

| latency asked | method | measured | top-1 after fine-tuning | ± | before | M parameters |
|--:|---|--:|--:|--:|--:|--:|
{chr(10).join(_lines(points))}
"""


def _lines(points: Sequence[Point]) -> Iterator[str]:
    for point in points:
        mean = statistics.mean(point.top1)
        spread = statistics.stdev(point.top1) / len(point.top1) ** 0.5 if len(point.top1) > 1 else 0.0
        yield (
            f"| {100 * point.share:g} % | {point.method} | {100 * point.measured:.1f} % | {100 * mean:.1f} % "
            f"| {100 * spread:.1f} | {100 * point.before:.1f} % | {point.params / 1e6:.3f} |"
        )


def main() -> None:
    """Train, measure, cut, fine-tune, write."""
    parser = argparse.ArgumentParser(prog="python -m scripts.frontier", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "pqv-frontier")
    parser.add_argument("--epochs", type=int, default=30, help="of training from random weights")
    parser.add_argument("--recovery", type=int, default=2, help="epochs of fine-tuning after pruning")
    parser.add_argument("--format", default="pte")
    parser.add_argument("--scheme", default="int8-dynamic")
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    made = Frontier(
        asked.folder, asked.work, epochs=asked.epochs, recovery=asked.recovery, form=asked.format, scheme=asked.scheme
    )
    dense = made.dense()
    table = made.table(dense)
    again = made.accuracy(made.tuned(dense, made.recovery, "dense-again", seed=0))
    points = []
    for share in SHARES:
        for method in METHODS:
            points.append(made.point(dense, table, method, share))
            print(points[-1], flush=True)
    write_text(asked.page, page(made, table, (made.accuracy(dense), again), points))


if __name__ == "__main__":
    main()
