"""One model through the whole tool, in two processes: what ``scripts.sweep`` does with each family.

The first process prunes, trains one step, writes the checkpoint and the two files; the second knows these files only,
rebuilds the model and compares.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pqv_core.config import FinetuneConfig, PruneConfig
from pqv_core.config.quantize import Precision
from pqv_core.engine import structure
from pqv_core.engine.context import Context
from pqv_core.engine.data import batches as data
from pqv_core.engine.formats.ptl import lite_session as lite
from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.measure import parity
from pqv_core.engine.models import checkpoint
from pqv_core.engine.models import create as models
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.quantize import quantize
from pqv_core.engine.quantize.engines import supported_engines
from pqv_core.engine.train.finetune import finetune
from pqv_core.errors import PqvError
from pqv_core.process import owner

FP32_TOLERANCE = 1e-3
INT8_TOLERANCE = 0.25
_IMAGES = 2
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8-dynamic")
_CHECKPOINT, _ANSWERS = "model.safetensors", "answers.safetensors"


@dataclass
class Row:
    """What came of one family. ``step`` is the last that was begun; ``problem`` says why it was the last.

    ``macs`` are of one image; ``files`` are bytes by precision; ``exported`` says whether there are to be any.
    """

    family: str
    model: str
    before: int = 0
    after: int = 0
    cut: list[str] = field(default_factory=list)
    prune_s: float = 0.0
    seconds: float = 0.0
    fp32: float | None = None
    int8: float | None = None
    smaller: float | None = None
    macs: int = 0
    files: dict[str, int] = field(default_factory=dict)
    step: str = ""
    problem: str = ""
    refused: bool = False
    exported: bool = True

    @property
    def fewer(self) -> float:
        """Share of the parameters that is gone."""
        return 1 - self.after / self.before if self.before and self.after else 0.0


Task = Callable[[Row, Path, dict[str, object], Callable[[str], None]], None]


def serve(task: Task, row: Row, folder: Path, config: dict[str, object], pipe: Connection) -> None:
    """Do a task in this process, and tell the row over ``pipe`` after each of its steps."""
    owner.end_with_parent()
    os.nice(19 - os.nice(0)) if hasattr(os, "nice") else None
    torch.set_num_threads(1)

    def begin(step: str) -> None:
        row.step = step
        pipe.send(json.dumps(dataclasses.asdict(row)))

    try:
        task(row, folder, config, begin)
        row.step = ""
    except PqvError as error:
        row.refused, row.problem = row.step == "pruning", error.message
    except (RuntimeError, AssertionError, ValueError, TypeError, AttributeError, KeyError) as error:
        row.problem = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    pipe.send(json.dumps(dataclasses.asdict(row)))


def make(row: Row, folder: Path, config: dict[str, object], begin: Callable[[str], None]) -> None:
    """Prune, train one step, write the checkpoint and the files."""
    begin("making the model")
    torch.manual_seed(0)
    context = Context(run="sweep", send=lambda event: None)
    base = checkpoint.Base(name=row.model)
    model = as_trained(base.create())
    row.before = _parameters(model)
    row.cut = [kind for kind, why_not in structure.supported(model).items() if config[kind] and not why_not]
    begin("pruning")
    with _timed(row):
        model = prune(model, PruneConfig.parse(config), batches=None, context=context)
    row.after = _parameters(model)
    begin("training one step")
    model = _tuned(model, folder, context)
    begin("writing the checkpoint")
    checkpoint.save(model, folder / _CHECKPOINT, base=base)
    model = checkpoint.load(folder / _CHECKPOINT)  # as a run does
    images = torch.randn(_IMAGES, *models.preprocessing(model).input_size)
    if row.exported:
        _export(model, row, folder, images[:1], begin)
    save_file({"images": images, "answers": answers(model, images)}, folder / _ANSWERS)
    _, row.macs = models.count(model)


def _export(model: nn.Module, row: Row, folder: Path, example: Tensor, begin: Callable[[str], None]) -> None:
    """Write the files before the model has seen an image: what an answer leaves in caches is not exported."""
    for precision in PRECISIONS:
        begin(f"exporting {precision}")
        path = folder / f"{precision}.ptl"
        lite_writer.save(quantize(model, precision), path, example=example, passes="freeze", description={})
        row.files[precision] = path.stat().st_size
    row.smaller = row.files["int8-dynamic"] / row.files["fp32"]


def compare(row: Row, folder: Path, config: dict[str, object], begin: Callable[[str], None]) -> None:
    """Rebuild the model from its checkpoint, load the files, and compare what all of them answer."""
    begin("rebuilding")
    stored = load_file(folder / _ANSWERS)
    images, expected = stored["images"], stored["answers"]
    assert torch.equal(answers(checkpoint.load(folder / _CHECKPOINT), images), expected), "it answers differently"
    if not row.exported:
        return
    begin("reloading fp32")
    row.fp32 = parity.parity(answers(lite.open_file(folder / "fp32.ptl").run, images), expected).relative
    assert row.fp32 < FP32_TOLERANCE, f"it differs by {row.fp32:.1e}"
    begin("reloading int8")
    engine = next(name for name in ("onednn", "qnnpack") if name in supported_engines())
    quantized = lite.open_file(folder / "int8-dynamic.ptl", engine=engine)
    row.int8 = parity.parity(answers(quantized.run, images), expected).relative
    assert row.int8 < INT8_TOLERANCE, f"it differs by {row.int8:.2f}"


def as_trained(model: nn.Module) -> nn.Module:
    """``model`` with its weights moved a little, in place, as training leaves them: no two are the same.

    Freshly made biases, norms and tables of positions are all alike, and a file stores equal ones once.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.01 * torch.randn(parameter.shape, generator=generator)
        for name, buffer in model.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer += 0.01 * torch.rand(buffer.shape, generator=generator)
    return model


@contextmanager
def _timed(row: Row) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        row.prune_s = time.monotonic() - began


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def answers(model: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """One image at a time, as it will run."""
    with torch.inference_mode():
        return torch.cat([model(image[None]) for image in images])


def _tuned(model: nn.Module, folder: Path, context: Context) -> nn.Module:
    """The model after one step of the tool's own fine-tuning, on two images of noise."""
    form = models.preprocessing(model)
    _, height, width = form.input_size
    generator = np.random.default_rng(0)
    for name in ("one", "two"):
        (folder / "images" / name).mkdir(parents=True, exist_ok=True)
        noise = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "images" / name / "noise.png")
    images = data.open_images(folder / "images", preprocessing=form, context=context)
    config = FinetuneConfig(epochs=1, batch_size=2, learning_rate=1e-5, augment=False, device="cpu")
    return finetune(model, config, train=images, val=None, directory=folder / "state", seed=0, context=context)
