"""How well latency tables predict: structures drawn at random, predicted from a table, then measured.

    python -m bench.latency_bench deit_small_patch16_224 --format pte --structures 30

Every structure takes its turns with the uncut model, as the files of the table did; what is compared is how long both
take, relative to the uncut model (the least of each, ``LatencyTable.share``).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from pqv_core.config import RunConfig
from pqv_core.engine.context import Context
from pqv_core.engine.formats.exporter import Way, exporter
from pqv_core.engine.latency import measuring, writing
from pqv_core.engine.latency.probes import parts_of, whole_file
from pqv_core.engine.models import create as models
from pqv_core.engine.prune import structured
from pqv_core.formats import FORMATS
from pqv_core.latency.predict import Predictor
from pqv_core.latency.probe_files import DENSE, Folder, ProbeFile
from pqv_core.latency.table import LatencyTable

_IN_A_LOOP = 6


def drawn(table: LatencyTable, count: int) -> Iterator[dict[str, int]]:
    """Structures: each cuts its parts to widths between a share of its own and the whole."""
    draw = random.Random(0)  # noqa: S311
    for _ in range(count):
        least = draw.choice((0.1, 0.3, 0.5, 0.7))
        units = {}
        for part in table.parts:
            multiple = 1 if part.unit == "heads" or part.units <= 8 else 8
            width = round(draw.uniform(least, 1.0) * part.units / multiple) * multiple
            units[part.name] = min(part.units, max(multiple, width))
        yield units


def written(
    model: nn.Module,
    config: RunConfig,
    form: str,
    table: LatencyTable,
    structures: Sequence[dict[str, int]],
    folder: Path,
    context: Context,
) -> list[ProbeFile]:
    """A file for each structure, in the way of the table."""
    spec, by = writing.result(config, form), exporter(form, config)
    way = Way(table.subject.passes, table.subject.engine)
    image = torch.randn(table.subject.input_shape)
    files = []
    for number, units in enumerate(structures):
        cut = structured.cut_evenly(model, parts_of(config.prune), units, tuple(image.shape), context)
        path = folder / f"structure-{number}{FORMATS[form].suffix}"
        prepared = by.prepare(cut, spec).eval()
        files.append(whole_file(prepared, by, spec, image=image, path=path, way=way, units=units))
    return files


def main() -> None:
    """Measure, and print one JSON line."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("model")
    read.add_argument("--format", default="ptl")
    read.add_argument("--scheme", default="int8-dynamic")
    read.add_argument("--unit", default="width")
    read.add_argument("--threads", type=int, default=1)
    read.add_argument("--structures", type=int, default=30)
    asked = read.parse_args()
    config = RunConfig.parse(
        {
            "model": {"name": asked.model, "weights": "random"},
            "quantize": {"precision": asked.scheme},
            "prune": {"attention_unit": asked.unit},
            "export": {"formats": [asked.format]},
            "measure": {"threads": asked.threads},
        }
    )
    context = Context(run="bench", send=lambda event: None, cancelled=threading.Event())
    torch.manual_seed(0)
    model = models.base(config.model, num_classes=None).create().eval()
    with tempfile.TemporaryDirectory(prefix="pqv-latency-bench-") as place:
        folder = Folder(Path(place))
        began = time.monotonic()
        table = measuring.measured(model, config, asked.format, folder, context)
        seconds = time.monotonic() - began
        files = folder.files()
        assert files is not None
        structures = list(drawn(table, asked.structures))
        made = written(model, config, asked.format, table, structures, folder.path, context)
        dense = next(file for file in files.files if file.key == DENSE)
        predictor, errors = Predictor(table), []
        for loop in _batched(made):
            samples = measuring.timed([dense, *loop], files.subject, folder.path, config, context)
            for file in loop:
                share = min(samples[file.key]) / min(samples[DENSE])
                errors.append(predictor.share(file.units) / share - 1)
    off = sorted(map(abs, errors))
    found = {
        "model": asked.model,
        "format": asked.format,
        "scheme": asked.scheme,
        "device": table.device,
        "threads": asked.threads,
        "dense_ms": round(table.dense_ns / 1e6, 3),
        "files": len(files.files),
        "table_s": round(seconds, 1),
        "structures": len(errors),
        "median_error": round(statistics.median(off), 4),
        "p90_error": round(off[int(0.9 * (len(off) - 1))], 4),
        "max_error": round(off[-1], 4),
        "bias": round(statistics.median(errors), 4),
    }
    print(json.dumps(found))


def _batched(files: Sequence[ProbeFile]) -> Iterator[Sequence[ProbeFile]]:
    for first in range(0, len(files), _IN_A_LOOP):
        yield files[first : first + _IN_A_LOOP]


if __name__ == "__main__":
    main()
