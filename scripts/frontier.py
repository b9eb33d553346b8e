"""Accuracy at a latency: ``python -m scripts.frontier FOLDER`` writes ``docs/frontier.md``.

FOLDER holds ``train`` and ``val`` with one sub-folder of images a class (CIFAR-10's 50,000 photographs, say). A small
ViT with a convolutional stem is trained from random weights by the tool's own fine-tuning, and a latency table of it is
measured. Then it is cut to shares of its latency in several ways, all files are timed beside the uncut one, and each is
fine-tuned alike from several seeds. Some two hours on two cores; killed, it goes on where it was.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pqv_core import formatting
from pqv_core.comparison import charts
from pqv_core.config import BudgetConfig, FinetuneConfig, PruneConfig, RunConfig, TokensConfig
from pqv_core.config.prune import MAX_RATIO
from pqv_core.data import dataset
from pqv_core.data import layout as dataset_layout
from pqv_core.engine import structure
from pqv_core.engine.context import Context
from pqv_core.engine.data import batches as data
from pqv_core.engine.data.readers import Readers
from pqv_core.engine.formats.exporter import Way, exporter
from pqv_core.engine.latency import measuring, writing
from pqv_core.engine.latency.probes import whole_file
from pqv_core.engine.latency.trial import Trial
from pqv_core.engine.measure import evaluate
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.allocation import Allocation, ByRatio, Scored
from pqv_core.engine.prune.budget import ByBudget
from pqv_core.engine.prune.sizes import SizeLine
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.stages.token_search import Cut, least_loss
from pqv_core.engine.structure import blocks
from pqv_core.engine.structure.blocks import Block
from pqv_core.engine.train.finetune import finetune
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.errors import PruneError
from pqv_core.files.fsio import write_json, write_text
from pqv_core.latency import table as tables
from pqv_core.latency.predict import Predictor
from pqv_core.latency.probe_files import Folder, ProbeFile
from pqv_core.latency.table import LatencyTable
from pqv_core.models import merged_tokens as schedules
from pqv_core.process.events import Event, Metric
from pqv_core.report import svg

DOCS = Path(__file__).resolve().parents[1] / "docs"
SHARES = (0.75, 0.5, 0.35, 0.25)
SEEDS = (0, 1, 2)
MODEL = checkpoint.Base(
    name="vit_tiny_r_s16_p8_224",
    arguments={"img_size": 32, "patch_size": 2, "embed_dim": 192, "depth": 6, "num_heads": 3},
)
"""A stem of convolutions, and 4 × 4 tokens: a tenth of its time is outside the blocks."""
PRUNING = PruneConfig(importance="taylor", round_to=8, images=512, max_ratio=MAX_RATIO)
_STEPS = 14  # of the search for a ratio: 1 part in 16,000
_TRIALS, _OFF = 3, 0.02  # a ratio is corrected while the latency is off by more
_TOGETHER = 6  # files in one loop, beside the uncut one


@dataclass(frozen=True)
class Point:
    """A structure, and what came of it.

    Attributes:
        share: Of the uncut model's latency that was asked for; ``measured`` is what it was.
        blocks: How many are left.
        merged: Tokens that each block merges away.
        before: Top-1 before fine-tuning; ``top1`` after it, one a seed.
    """

    method: str
    share: float
    measured: float
    params: int
    blocks: int
    merged: int
    before: float
    top1: tuple[float, ...]


class ByShare:
    """By ratio, the smallest that is fast enough: what a person would search for by hand, with a clock."""

    def __init__(self, config: PruneConfig, table: LatencyTable, share: float, trial: Trial) -> None:
        self._config, self._predictor, self._share, self._trial = config, Predictor(table), share, trial

    def kept(self, scored: Scored, *, step: int) -> list[int]:
        """As ``Allocation.kept``."""
        aimed = self._share
        units = self._least(scored, aimed, step)
        for _ in range(_TRIALS):
            reached = self._trial(units).share
            assert reached is not None
            if abs(reached / self._share - 1) <= _OFF:
                break
            aimed *= self._share / reached
            units = self._least(scored, aimed, step)
        return list(units.values())

    def _least(self, scored: Scored, share: float, step: int) -> dict[str, int]:
        low, high = 0.0, MAX_RATIO
        for _ in range(_STEPS):
            middle = (low + high) / 2
            slow = self._predictor.share(self._units(scored, middle, step)) > share
            low, high = (middle, high) if slow else (low, middle)
        return self._units(scored, high, step)

    def _units(self, scored: Scored, ratio: float, step: int) -> dict[str, int]:
        kept = ByRatio(self._config.changed(ratio=ratio)).kept(scored, step=step)
        return {width.name: units for width, units in zip(scored.widths, kept, strict=True)}


class Frontier:
    """The images, the settings, and where what is found is kept.

    Args:
        recovery: Epochs of fine-tuning after pruning, of so many ``images``.
    """

    def __init__(
        self, folder: Path, work: Path, context: Context, *, epochs: int, recovery: int, images: int, scheme: str
    ) -> None:
        self.work, self.context = work, context
        work.mkdir(parents=True, exist_ok=True)
        pair = dataset_layout.find(folder)
        assert pair.train is not None and pair.val is not None, "train and val are needed"
        self.classes = dataset.classes(pair.train)
        self.base = checkpoint.Base(name=MODEL.name, arguments={**MODEL.arguments, "num_classes": len(self.classes)})
        self.preprocessing = models.preprocessing(self.base.create())
        self.folder, self.train, self.val = pair.train, self._opened(pair.train), self._opened(pair.val)
        self.some = self._opened(pair.train, limit=images)
        self.val.remember()
        common = {"batch_size": 128, "label_smoothing": 0.1, "mixed_precision": "bf16"}
        self.training = FinetuneConfig.parse({"epochs": epochs, "learning_rate": 8e-4, "warmup_epochs": 1, **common})
        self.recovery = FinetuneConfig.parse({"epochs": recovery, "learning_rate": 5e-4, **common})
        self.config = RunConfig.parse(
            {
                "model": {"name": self.base.name, "arguments": self.base.arguments, "weights": "random"},
                "prune": PRUNING.model_dump(),
                "budget": {"speedup": 2},
                "quantize": {"precision": scheme},
                "export": {"formats": ["pte"]},
                "measure": {"threads": 1},
            }
        )
        self._calibration: list[tuple[Tensor, Tensor]] = []

    def _opened(self, folder: Path, limit: int | None = None) -> data.Images:
        return data.open_images(
            folder, preprocessing=self.preprocessing, classes=self.classes, limit=limit, context=self.context
        )

    # training and judging --------------------------------------------------------------------------------------

    def accuracy(self, model: nn.Module) -> float:
        """Top-1 on the validation images."""
        return evaluate.accuracy(model, self.val, batch_size=128, context=self.context).top1

    def dense(self) -> nn.Module:
        """The trained model."""
        path = self.work / "dense.safetensors"
        if not path.exists():
            torch.manual_seed(0)
            made = finetune(
                self.base.create(),
                self.training,
                train=self.train,
                val=None,
                directory=self.work / "dense",
                seed=0,
                context=self.context,
            )
            checkpoint.save(made, path, base=self.base)
        return checkpoint.load(path).eval()

    def recovered(self, model: nn.Module, name: str) -> tuple[float, ...]:
        """Top-1 after fine-tuning from each seed."""
        return tuple(self._recovered(model, f"{name}-{seed}", seed) for seed in SEEDS)

    def _recovered(self, model: nn.Module, name: str, seed: int) -> float:
        kept = self.work / f"{name}.json"
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=self.work) as state:
                made = finetune(
                    model,
                    self.recovery,
                    train=self.some,
                    val=None,
                    directory=Path(state),
                    seed=seed,
                    context=self.context,
                )
            write_json(kept, {"top1": self.accuracy(made)})
            print(f"{name}: {kept.read_text(encoding='utf-8').strip()}", flush=True)
        return float(json.loads(kept.read_text(encoding="utf-8"))["top1"])

    # cutting ---------------------------------------------------------------------------------------------------

    def table(self, dense: nn.Module) -> LatencyTable:
        """The latency table of the trained model, on this computer."""
        path = self.work / "table.json"
        if not path.exists():
            measured = measuring.measured(dense, self.config, "pte", Folder(self.work / "probes"), self.context)
            tables.save(path, measured)
        return tables.load(path)

    def cut(self, dense: nn.Module, table: LatencyTable, method: str, share: float) -> nn.Module | None:
        """The model at a share of its latency; None where the method has none so fast."""
        path = self.work / f"{method}-{share}.safetensors"
        if not path.exists():
            try:
                checkpoint.save(METHODS[method](self, dense, table, share), path, base=self.base)
            except PruneError as error:
                print(f"{method} at {share:g}: {error}", flush=True)
                return None
        return checkpoint.load(path).eval()

    def by_ratio(self, dense: nn.Module, table: LatencyTable, share: float, config: PruneConfig) -> nn.Module:
        """The same ratio everywhere, or the least important wherever they are."""
        return self._pruned(dense, ByShare(config, table, share, self._trial(dense, table)))

    def by_budget(self, dense: nn.Module, table: LatencyTable, share: float, *, leaves_out: bool = False) -> nn.Module:
        """As a run with ``budget.speedup`` does; without whole blocks where that is said."""
        leavable = blocks.blocks(dense, structure.widths(dense, PRUNING), self._image()) if leaves_out else []
        return self._by_budget(dense, table, share, leavable=leavable).model

    def by_budget_with_tokens(self, dense: nn.Module, table: LatencyTable, share: float) -> nn.Module:
        """As a run with ``tokens.by_budget`` does."""
        patches, depth = merged_tokens.size(dense)
        tokens = TokensConfig(by_budget=True)
        best, tried = least_loss(
            schedules.tried(tokens, patches=patches, depth=depth),
            lambda merging: self._by_budget(dense, table, share, merging=merging),
            self._calibrated(),
            self.context,
            proportional=tokens.proportional,
        )
        print(f"tokens at {share:g}: {tried}", flush=True)
        if best.merging is not None:
            merged_tokens.merge(best.model, best.merging)
        return best.model

    def _by_budget(
        self,
        dense: nn.Module,
        table: LatencyTable,
        share: float,
        *,
        merging: Merging | None = None,
        leavable: Sequence[Block] = (),
    ) -> Cut:
        def finish(model: nn.Module) -> None:
            if merging is not None:
                merged_tokens.merge(model, merging)

        allocation = ByBudget(
            BudgetConfig(speedup=1 / share),
            PRUNING,
            table=table,
            sizes=SizeLine(0.0, {width.name: 0.0 for width in structure.widths(dense, PRUNING)}),
            blocks=leavable,
            trial=self._trial(dense, table, finish),
            context=self.context,
            does_more=merging is not None,
        )
        return Cut(self._pruned(dense, allocation), merging, allocation)

    def _pruned(self, dense: nn.Module, allocation: Allocation) -> nn.Module:
        torch.manual_seed(0)
        return prune(dense, PRUNING, batches=self._calibrated(), context=self.context, allocation=allocation)

    def _calibrated(self) -> list[tuple[Tensor, Tensor]]:
        if not self._calibration:
            self._calibration = list(
                data.calibration_batches(
                    self.folder,
                    preprocessing=self.preprocessing,
                    classes=self.classes,
                    images=PRUNING.images,
                    batch_size=PRUNING.batch_size,
                    seed=0,
                    context=self.context,
                )
            )
        return self._calibration

    def _image(self) -> Tensor:
        return torch.zeros(1, *self.preprocessing.input_size)

    # timing ----------------------------------------------------------------------------------------------------

    def _trial(
        self, dense: nn.Module, table: LatencyTable, finish: Callable[[nn.Module], None] = lambda model: None
    ) -> Trial:
        folder = self.work / "trial"
        folder.mkdir(exist_ok=True)
        return Trial(dense, self.config, table, folder, self.context, finish=finish)

    def latencies(self, dense: nn.Module, cuts: Mapping[str, nn.Module], table: LatencyTable) -> dict[str, float]:
        """Each model's latency by its name, relative to the uncut one's in the same loop: the least of each."""
        kept = self.work / "latencies.json"
        if not kept.exists():
            found: dict[str, float] = {}
            uncut = self._file("uncut", dense, table)
            files = [self._file(name, cut, table) for name, cut in cuts.items()]
            for first in range(0, len(files), _TOGETHER):
                together = files[first : first + _TOGETHER]
                loop = [uncut, *together]
                samples = measuring.timed(loop, table.subject, self._files, self.config, self.context)
                found |= {file.key: min(samples[file.key]) / min(samples[uncut.key]) for file in together}
            write_json(kept, found)
        return dict(json.loads(kept.read_text(encoding="utf-8")))

    @property
    def _files(self) -> Path:
        return self.work / "files"

    def _file(self, name: str, model: nn.Module, table: LatencyTable) -> ProbeFile:
        self._files.mkdir(exist_ok=True)
        spec, by, path = writing.result(self.config, "pte"), exporter("pte", self.config), self._files / f"{name}.pte"
        way, prepared = Way(table.subject.passes, table.subject.engine), by.prepare(copy.deepcopy(model), spec).eval()
        return whole_file(prepared, by, spec, image=self._image(), path=path, way=way)


METHODS: Mapping[str, Callable[[Frontier, nn.Module, LatencyTable, float], nn.Module]] = {
    "uniform": lambda made, dense, table, share: made.by_ratio(dense, table, share, PRUNING),
    "global": lambda made, dense, table, share: made.by_ratio(
        dense, table, share, PRUNING.changed(distribution="global")
    ),
    "budget": lambda made, dense, table, share: made.by_budget(dense, table, share),
    "budget, fewer blocks": lambda made, dense, table, share: made.by_budget(dense, table, share, leaves_out=True),
    "budget with tokens": lambda made, dense, table, share: made.by_budget_with_tokens(dense, table, share),
}


def measured(made: Frontier, dense: nn.Module, table: LatencyTable) -> list[Point]:
    """All methods at all shares that they can reach."""
    cuts = {
        (method, share): cut
        for share in SHARES
        for method in METHODS
        if (cut := made.cut(dense, table, method, share)) is not None
    }
    latencies = made.latencies(dense, {f"{method}-{share}": cut for (method, share), cut in cuts.items()}, table)
    points = []
    for (method, share), cut in cuts.items():
        name, merging = f"{method}-{share}", merged_tokens.merging_of(cut)
        points.append(
            Point(
                method=method,
                share=share,
                measured=latencies[name],
                params=models.count(cut)[0],
                blocks=len({width.name.split(".")[1] for width in structure.widths(cut, PRUNING)}),
                merged=max(merging.merged) if merging else 0,
                before=made.accuracy(cut),
                top1=made.recovered(cut, name),
            )
        )
    return points


def _tell(event: Event) -> None:
    if isinstance(event, Metric) and event.name == "train_loss" and event.step % 100 == 0:
        print(f"step {event.step}: {event.name} {event.value:.3f}", flush=True)


# the page --------------------------------------------------------------------------------------------------------


def page(made: Frontier, table: LatencyTable, dense: float, again: Sequence[float], points: Sequence[Point]) -> str:
    """What was found, as Markdown.

    Args:
        dense: Top-1 of the trained model; ``again`` of the same after fine-tuning, one a seed.
    """
    head = (
        "| latency asked | method | measured | top-1 after fine-tuning | ± | before | M parameters | blocks | merged |"
    )
    return f"""# Accuracy at a latency

{textwrap.fill(_setting(made, table, dense, again), 124)}

{textwrap.fill(" ".join(_ways(points)), 124)}

![Top-1 over latency, by method](images/frontier.svg)

{head}
|--:|---|--:|--:|--:|--:|--:|--:|--:|
{chr(10).join(_lines(points))}

± is the standard error of the mean over the seeds. Where a row is missing, the method has no cut that is so fast.

{chr(10).join(_verdicts(points))}
"""


def _setting(made: Frontier, table: LatencyTable, dense: float, again: Sequence[float]) -> str:
    arguments = ", ".join(f"{key}={value}" for key, value in MODEL.arguments.items())
    judged, subject = len(made.val), table.subject
    error = 100 * (dense * (1 - dense) / judged) ** 0.5
    return (
        f"Written by `make frontier IMAGES=FOLDER` from what it measured, here with {len(made.train):,} photographs of "
        f"CIFAR-10 to train on and {judged:,} others to judge by (a figure alone has a standard error of {error:.1f} "
        f"points; all are judged by the same photographs). A `{MODEL.name}` ({arguments}) was trained from random "
        f"weights for {made.training.epochs} epochs by the tool itself: **{100 * dense:.1f} % top-1**. It was cut to "
        f"shares of its latency as a {subject.format} file in {subject.scheme} on {table.device} with "
        f"{formatting.counted(subject.threads, 'thread')} ({formatting.nanoseconds(table.dense_ns)} uncut), and "
        f"fine-tuned for {formatting.counted(made.recovery.epochs, 'epoch')} of {len(made.some):,} of the photographs "
        f"from {len(SEEDS)} seeds. The uncut model, fine-tuned alike, gives {100 * statistics.mean(again):.1f} %."
    )


def _ways(points: Sequence[Point]) -> Iterator[str]:
    """What the methods are."""
    methods = {point.method for point in points}
    yield (
        "*Uniform* cuts the same share of every width and *global* the least important channels wherever they are; "
        "both at the smallest ratio that is fast enough, or at 90 % where none is, found with the latency table and "
        "corrected by the clock. *Budget* is `--speedup`: the table and an exact solver; *budget, fewer blocks* may "
        "leave out whole ones (`budget.blocks`)."
    )
    if "budget with tokens" in methods:
        yield "*Budget with tokens* may merge tokens, too, where that costs less loss (`tokens.by_budget`)."
    yield "All rank by Taylor importance. Latency is the least of a loop, beside that of the uncut file in that loop."


def _lines(points: Sequence[Point]) -> Iterator[str]:
    for point in points:
        yield (
            f"| {100 * point.share:g} % | {point.method} | {100 * point.measured:.1f} % "
            f"| {100 * statistics.mean(point.top1):.1f} % | {100 * _error(point):.1f} | {100 * point.before:.1f} % "
            f"| {point.params / 1e6:.3f} | {point.blocks} | {point.merged or ''} |"
        )


def _error(point: Point) -> float:
    return statistics.stdev(point.top1) / len(point.top1) ** 0.5 if len(point.top1) > 1 else 0.0


def _verdicts(points: Sequence[Point]) -> Iterator[str]:
    """Every other method beside uniform at each share, with the standard error of the difference."""
    at = {(point.method, point.share): point for point in points}
    yield "| beside uniform, points | " + " | ".join(f"{100 * share:g} %" for share in SHARES) + " |"
    yield "|---|" + "--:|" * len(SHARES)
    found = {point.method for point in points}
    for method in [name for name in METHODS if name in found and name != "uniform"]:
        gains = [_gain(at.get((method, share)), at.get(("uniform", share))) for share in SHARES]
        yield f"| {method} | " + " | ".join(gains) + " |"


def _gain(ours: Point | None, uniform: Point | None) -> str:
    if ours is None or uniform is None:
        return "–"
    gain = statistics.mean(ours.top1) - statistics.mean(uniform.top1)
    return f"{100 * gain:+.1f} ± {100 * (_error(ours) ** 2 + _error(uniform) ** 2) ** 0.5:.1f}"


def chart(table: LatencyTable, dense: float, points: Sequence[Point]) -> charts.ScatterChart:
    """Top-1 over latency."""
    dots = [
        charts.Point(
            x=point.measured * table.dense_ns / 1e6,
            y=100 * statistics.mean(point.top1),
            name=f"{point.method}, {100 * point.share:g} %",
            series=point.method,
        )
        for point in points
    ]
    uncut = charts.Point(x=table.dense_ns / 1e6, y=100 * dense, name="uncut", series="uncut")
    return charts.ScatterChart(
        key="frontier",
        title="Accuracy at a latency",
        x_name="Latency",
        x_unit="ms",
        y_name="Top-1",
        y_unit="%",
        points=(*dots, uncut),
        line=False,
    )


def main() -> None:
    """Train, measure, cut, fine-tune, write."""
    parser = argparse.ArgumentParser(prog="python -m scripts.frontier", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "pqv-frontier")
    parser.add_argument("--epochs", type=int, default=24, help="of training from random weights")
    parser.add_argument("--recovery", type=int, default=1, help="epochs of fine-tuning after pruning")
    parser.add_argument("--images", type=int, default=20_000, help="to fine-tune with")
    parser.add_argument("--scheme", default="fp32")
    parser.add_argument("--docs", type=Path, default=DOCS)
    asked = parser.parse_args()
    with Readers() as readers:
        made = Frontier(
            asked.folder,
            asked.work,
            Context(run="frontier", send=_tell, readers=readers),
            epochs=asked.epochs,
            recovery=asked.recovery,
            images=asked.images,
            scheme=asked.scheme,
        )
        dense = made.dense()
        table = made.table(dense)
        points = measured(made, dense, table)
        write_json(made.work / "points.json", [asdict(point) for point in points])
        accuracy, again = made.accuracy(dense), made.recovered(dense, "dense-again")
    write_text(asked.docs / "images" / "frontier.svg", svg.standalone(chart(table, statistics.mean(again), points)))
    write_text(asked.docs / "frontier.md", page(made, table, accuracy, again, points))


if __name__ == "__main__":
    main()
