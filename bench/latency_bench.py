"""How well latency tables predict: structures drawn at random, predicted from a table, then measured.

    python -m bench.latency_bench deit_small_patch16_224 --format pte --structures 30
    python -m bench.latency_bench deit_small_patch16_224 --format pte --on SERIAL
    python -m bench.latency_bench deit_small_patch16_224 --format pte --aenv AENV

On this computer, on a device (serial, or HOST:PORT), or under a real Android C library on this computer, for which
AENV is a folder as for ``bench.phone_bench``. Every structure takes its turns with the uncut model, as the files of the
table did; what is compared is how long both take, relative to the uncut model (the least of each,
``LatencyTable.share``). Before each loop it waits a while for other programs to be at rest. Structures that are off by
more than 5 % are measured once more: what is off again was not the noise of a busy computer. The line tells both.

In ``--folder`` everything stays, and the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.phones import bionic
from deploy.device import discovery
from deploy.job import Job
from deploy.kit.kit import KitChoice
from deploy.measure import latency_table, session
from pqv_core.config import RunConfig
from pqv_core.engine.context import Context
from pqv_core.engine.formats.exporter import Way, exporter
from pqv_core.engine.latency import measuring, writing
from pqv_core.engine.latency.probes import parts_of, whole_file
from pqv_core.engine.measure import environment
from pqv_core.engine.models import create as models
from pqv_core.engine.prune import structured
from pqv_core.formats import FORMATS
from pqv_core.latency.predict import Predictor
from pqv_core.latency.probe_files import DENSE, Folder, ProbeFile, ProbeFiles
from pqv_core.latency.table import LatencyTable, Subject

_IN_A_LOOP = 6
_OFF = 0.05
_QUIET, _PATIENCE_S = 0.1, 300.0
_MULTIPLE = 8


@dataclass(frozen=True)
class Place:
    """Where it is measured.

    Attributes:
        table: The table of the model, measured in a folder.
        samples: What files of a folder take in one loop, by key.
    """

    table: Callable[[Folder], LatencyTable]
    samples: Callable[[list[ProbeFile], Subject, Folder], Mapping[str, Sequence[int]]]


def here(model: nn.Module, config: RunConfig, form: str, context: Context) -> Place:
    """This computer."""
    return Place(
        lambda folder: measuring.measured(model, config, form, folder, context),
        lambda loop, subject, folder: measuring.timed(loop, subject, folder.path, config, context),
    )


def device(address: str, choice: KitChoice, config: RunConfig, form: str) -> Place:
    """A device, as ``pqv latency PROJECT --on`` measures there."""
    found = discovery.named(address) or discovery.choose(address, discovery.find())
    bench = session.bench_of(found, Job(), latency_table.phone_config(config, None), choice)
    return Place(
        lambda folder: latency_table.measured_in(folder, config, form, bench),
        lambda loop, subject, folder: latency_table.samples(loop, folder, bench),
    )


def drawn(table: LatencyTable, count: int) -> Iterator[tuple[dict[str, int], int | None]]:
    """Structures: each cuts its parts to widths between a share of its own and the whole.

    And, where the table knows narrower ones, the embedding to one between those.
    """
    draw = random.Random(0)  # noqa: S311
    for _ in range(count):
        least = draw.choice((0.1, 0.3, 0.5, 0.7))
        units = {}
        for part in table.parts:
            multiple = 1 if part.unit == "heads" or part.units <= _MULTIPLE else _MULTIPLE
            width = round(draw.uniform(least, 1.0) * part.units / multiple) * multiple
            units[part.name] = min(part.units, max(multiple, width))
        embedding = None
        if table.embedding is not None:
            embedding = draw.randrange(table.embeddings[0].units, table.embedding, _MULTIPLE)
        yield units, embedding


def written(
    model: nn.Module, config: RunConfig, form: str, table: LatencyTable, count: int, folder: Folder, context: Context
) -> ProbeFiles:
    """A file for each structure, in the way of the table; those that are there stay. The uncut model is there."""
    spec, by = writing.result(config, form), exporter(form, config)
    way = Way(table.subject.passes, table.subject.engine)
    shape = table.subject.input_shape
    dense = folder.path / f"{DENSE}{FORMATS[form].suffix}"
    whole = {part.name: part.units for part in table.parts}
    there = folder.files()
    files = list(there.files) if there is not None else []
    if not files:
        files.append(ProbeFile(key=DENSE, name=dense.name, size=dense.stat().st_size, input_shape=shape, units=whole))
    for units, embedding in list(drawn(table, count))[len(files) - 1 :]:
        base = structured.narrowed(model, embedding, context) if embedding is not None else model
        cut = structured.cut_evenly(base, parts_of(config.prune), units, shape, context)
        path = folder.path / f"structure-{len(files) - 1}{FORMATS[form].suffix}"
        prepared = by.prepare(cut, spec).eval()
        file = whole_file(prepared, by, spec, image=torch.randn(shape), path=path, way=way, units=units)
        files.append(file.model_copy(update={"embedding": embedding}))
        folder.keep(ProbeFiles(subject=table.subject, parts=table.parts, files=tuple(files)))
    return ProbeFiles(subject=table.subject, parts=table.parts, files=tuple(files))


def measure(place: Place, files: ProbeFiles, keys: Sequence[str], folder: Folder) -> None:
    """Measure some structures beside the uncut model."""
    dense, *structures = files.files
    wanted = [file for file in structures if file.key in keys]
    for first in range(0, len(wanted), _IN_A_LOOP):
        _wait_for_rest()
        folder.add(place.samples([dense, *wanted[first : first + _IN_A_LOOP]], files.subject, folder))


def _wait_for_rest() -> None:
    until = time.monotonic() + _PATIENCE_S
    while environment.busy() > _QUIET and time.monotonic() < until:
        time.sleep(1.0)


def errors(table: LatencyTable, files: ProbeFiles, folder: Folder) -> dict[str, list[float]]:
    """How far the prediction of each structure is from what was measured, relative to that, each time; by key."""
    known = {file.key: Predictor(table, file.embedding).share(file.units) for file in files.files}
    found: dict[str, list[float]] = defaultdict(list)
    for loop in folder.measured():
        for key in loop.keys() - {DENSE}:
            found[key].append(known[key] * min(loop[DENSE]) / min(loop[key]) - 1)
    return found


def summary(found: Sequence[float]) -> dict[str, float]:
    """Of errors: the size of the middle one, of most and of the largest; how many are large; and to which side."""
    off = sorted(map(abs, found))
    return {
        "median": round(statistics.median(off), 4),
        "p90": round(off[int(0.9 * (len(off) - 1))], 4),
        "max": round(off[-1], 4),
        "above_5_percent": sum(each > _OFF for each in off),
        "bias": round(statistics.median(found), 4),
    }


def compared(place: Place, files: ProbeFiles, table: LatencyTable, folder: Folder) -> dict[str, Any]:
    """Errors when all structures were measured once, and when those that were far off were measured again."""

    def measured(times: int) -> dict[str, list[float]]:
        return {key: each for key, each in errors(table, files, folder).items() if len(each) >= times}

    measure(place, files, [file.key for file in files.files if file.key not in measured(1)], folder)
    off = [key for key, (first, *_) in measured(1).items() if abs(first) > _OFF]
    measure(place, files, [key for key in off if key not in measured(2)], folder)
    found = measured(1)
    return {
        "structures": len(found),
        "errors": summary([first for first, *_ in found.values()]),
        "measured_again": len(off),
        "errors_then": summary([each[1] if key in off else each[0] for key, each in found.items()]),
    }


def main() -> None:
    """Measure, and print one JSON line."""
    asked = _asked()
    config = _config(asked)
    context = Context(run="bench", send=lambda event: None, cancelled=threading.Event())
    torch.manual_seed(0)
    model = models.base(config.model, num_classes=None).create().eval()
    with contextlib.ExitStack() as stack:
        kept = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pqv-latency-bench-")))
        place = _place(asked, model, config, context, stack)
        probes, folder = Folder(kept / "table"), Folder(kept / "structures")
        began = time.monotonic()
        table = place.table(probes)
        seconds = time.monotonic() - began
        shutil.copy(probes.path / f"{DENSE}{FORMATS[asked.format].suffix}", folder.path)
        files = written(model, config, asked.format, table, asked.structures, folder, context)
        found = {
            "model": asked.model,
            "format": asked.format,
            "scheme": asked.scheme,
            "device": table.subject.device,
            "threads": asked.threads,
            "dense_ms": round(table.dense_ns / 1e6, 3),
            "table_s": round(seconds, 1),
            "scatter": round(table.scatter, 4),
            "drift": round(table.drift, 4),
            **compared(place, files, table, folder),
        }
    print(json.dumps(found))


def _asked() -> argparse.Namespace:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("model")
    read.add_argument("--format", default="ptl")
    read.add_argument("--scheme", default="int8-dynamic")
    read.add_argument("--unit", default="width")
    read.add_argument("--embedding", action="store_true", help="cut the embedding too")
    read.add_argument("--threads", type=int, default=1)
    read.add_argument("--structures", type=int, default=30)
    read.add_argument("--on", metavar="DEVICE")
    read.add_argument("--aenv", type=Path, metavar="AENV")
    read.add_argument("--folder", type=Path, metavar="FOLDER")
    return read.parse_args()


def _config(asked: argparse.Namespace) -> RunConfig:
    return RunConfig.parse(
        {
            "model": {"name": asked.model, "weights": "random"},
            "quantize": {"precision": asked.scheme},
            "prune": {"attention_unit": asked.unit, "embedding": asked.embedding},
            "export": {"formats": [asked.format], "target": "android" if asked.on or asked.aenv else "host"},
            "measure": {"threads": asked.threads},
        }
    )


def _place(
    asked: argparse.Namespace, model: nn.Module, config: RunConfig, context: Context, stack: contextlib.ExitStack
) -> Place:
    if asked.aenv:
        return device(*stack.enter_context(bionic.device(asked.aenv.resolve(), asked.format)), config, asked.format)
    if asked.on:
        return device(asked.on, KitChoice(), config, asked.format)
    return here(model, config, asked.format, context)


if __name__ == "__main__":
    main()
