"""A latency table of this computer."""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pqv_core.config import RunConfig
from pqv_core.engine import export
from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.formats.exporter import Way, exporter
from pqv_core.engine.latency.probes import Probe, Probes
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.measure.file_client import ExportedFile
from pqv_core.engine.models import create as models
from pqv_core.files.fsio import remove
from pqv_core.formats import FORMATS
from pqv_core.latency.table import LatencyTable, Part, Point, Subject, Whole
from pqv_core.process.job import LatencyJob
from pqv_core.results.artifacts import ArtifactSpec

_ITERATIONS, _WHOLE_ITERATIONS = 20, 30
_MAX_SECONDS = 10.0
_CUTS, _WAY, _WRITTEN = 0.15, 0.25, 0.6  # shares of the time at which each is done, about


def run(job: LatencyJob, context: Context) -> LatencyTable:
    """Measure the table that a job asks for.

    Raises:
        PqvError: As ``measured``; or the model cannot be made.
    """
    context.enter("latency")
    context.title = f"pqv latency of {job.config.model.name}"
    torch.manual_seed(0)
    model = models.base(job.config.model, num_classes=None).create().eval()
    spec = next(spec for spec in export.specifications(job.config) if spec.is_result and spec.format == job.format)
    with tempfile.TemporaryDirectory(prefix="pqv-latency-") as folder:
        return measured(
            model,
            spec=spec,
            config=job.config,
            preprocessing=models.preprocessing(model),
            folder=Path(folder),
            context=context,
        )


def measured(
    model: nn.Module,
    *,
    spec: ArtifactSpec,
    config: RunConfig,
    preprocessing: Preprocessing,
    folder: Path,
    context: Context,
) -> LatencyTable:
    """Measure what each part of a model costs at each width, with the settings of a run.

    Args:
        model: In eval mode, on the CPU.
        spec: Format and scheme.
        folder: For the files, which are gone afterwards.

    Raises:
        PruneError: Nothing of the model can be cut.
        ExportError: A part cannot be written on its own.
        BenchmarkError: A file could not be run.
        Cancelled: The end was asked for.
    """
    image = torch.randn(1, *preprocessing.input_size, generator=torch.Generator().manual_seed(0))
    by = exporter(spec.format, config)
    probes = Probes(model, config, by, spec)
    with context.part("cut", 0.0, _CUTS):
        cuts = probes.cuts(image, context)
    parts = probes.parts(cuts[0])
    with context.part("way", _CUTS, _WAY):
        dense = by.quantize(copy.deepcopy(cuts[0].prepared), spec, [image])
        way = export.fastest_way(
            dense, spec, config=config, preprocessing=preprocessing, directory=folder, context=context
        )
    written: list[Probe] = []
    with context.part("probes", _WAY, _WRITTEN):
        for name, cut in (("dense", cuts[0]), ("middle", cuts[len(cuts) // 2]), ("least", cuts[-1])):
            written.append(probes.whole(cut, folder / f"{name}{FORMATS[spec.format].suffix}", way, image))
            context.progress(len(written), probes.count(parts), unit="parts")
        for probe in probes.of_parts(cuts, parts, folder, way):
            written.append(probe)
            context.progress(len(written), probes.count(parts), unit="parts")
    with context.part("timing", _WRITTEN, 1.0):
        samples = _timed(written, spec, way, config, context)
    for probe in written:
        remove(probe.path)
    return _table(parts, written, samples, _subject(config, spec, way, image), context)


def _timed(
    probes: Sequence[Probe], spec: ArtifactSpec, way: Way, config: RunConfig, context: Context
) -> dict[str, tuple[int, ...]]:
    """Samples by the probe's key; those that are compared with each other take turns in one loop."""
    found: dict[str, tuple[int, ...]] = {}
    loops = list(_loops(probes))
    for place, loop in enumerate(loops):
        plan = benchmark.BenchmarkPlan(
            input_shape=loop[0].input_shape,
            threads=config.measure.threads or environment.default_threads(),
            warmup=2,
            iterations=_ITERATIONS if loop[0].curve is not None else _WHOLE_ITERATIONS,
            max_seconds=_MAX_SECONDS,
        )
        files = [
            ExportedFile(key=probe.key, path=str(probe.path), format=spec.format, engine=way.engine) for probe in loop
        ]
        with context.part("timing", place / len(loops), (place + 1) / len(loops)):
            samples = benchmark.samples(files, plan, context=context)
        found |= {key: tuple(values) for key, values in samples.items()}
    return found


def _loops(probes: Sequence[Probe]) -> Iterator[list[Probe]]:
    """The whole models, then the widths of each curve."""
    for curve in dict.fromkeys(probe.curve for probe in probes):
        yield [probe for probe in probes if probe.curve == curve]


def _subject(config: RunConfig, spec: ArtifactSpec, way: Way, image: Tensor) -> Subject:
    threads = config.measure.threads or environment.default_threads()
    here = environment.describe(threads=threads)
    return Subject(
        model=config.model.name,
        arguments=dict(config.model.arguments),
        input_shape=tuple(image.shape),
        unit=config.prune.attention_unit,
        format=spec.format,
        scheme=spec.scheme,
        passes=way.passes,
        engine=way.engine,
        device=f"{here.processor}, {here.cores} cores, {here.cpu_capability}",
        runtime=f"torch {here.versions['torch']}",
        threads=threads,
    )


def _table(
    parts: Sequence[Part],
    probes: Sequence[Probe],
    samples: dict[str, tuple[int, ...]],
    subject: Subject,
    context: Context,
) -> LatencyTable:
    curves: dict[int, list[Point]] = {}
    for probe in probes:
        if probe.curve is not None:
            (units,) = probe.units.values()
            point = Point(units=units, copies=probe.copies, samples_ns=samples[probe.key])
            curves.setdefault(probe.curve, []).append(point)
    here = environment.describe(threads=subject.threads)
    return LatencyTable(
        subject=subject,
        device=here.processor,
        created=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        versions={"pqv-mobile": here.pqv, **here.versions},
        parts=tuple(parts),
        curves=tuple(tuple(sorted(curves[place], key=lambda point: point.units)) for place in sorted(curves)),
        wholes=tuple(
            Whole(units=dict(probe.units), samples_ns=samples[probe.key]) for probe in probes if probe.curve is None
        ),
    )
