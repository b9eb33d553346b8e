"""A latency table of this computer, and the files from which one is measured anywhere."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from pqv_core.config import RunConfig
from pqv_core.engine import export
from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.formats.exporter import Way, exporter
from pqv_core.engine.latency.probes import Probes
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.measure.file_client import ExportedFile
from pqv_core.engine.models import create as models
from pqv_core.latency import probe_files
from pqv_core.latency.probe_files import Folder, ProbeFile, ProbeFiles
from pqv_core.latency.table import LatencyTable, Subject
from pqv_core.process import machine
from pqv_core.process.job import LatencyJob, ProbesJob
from pqv_core.results.artifacts import ArtifactSpec

_ITERATIONS = 20
_MAX_SECONDS = 10.0
_CUTS, _WAY, _WRITTEN = 0.15, 0.25, 0.6  # shares of the time at which each is done, about


def run(job: LatencyJob, context: Context) -> LatencyTable:
    """Measure the table that a job asks for.

    Raises:
        PqvError: As ``write`` and ``measure``; or the model cannot be made.
    """
    context.enter("latency")
    context.title = f"pqv latency of {job.config.model.name}"
    folder = Folder(Path(job.folder))
    with context.part("probes", 0.0, _WRITTEN):
        files = _written(job.config, job.format, folder, context)
    with context.part("timing", _WRITTEN, 1.0):
        return measure(files, folder, job.config, context)


def run_probes(job: ProbesJob, context: Context) -> ProbeFiles:
    """Write the files that a job asks for.

    Raises:
        PqvError: As ``write``; or the model cannot be made.
    """
    context.enter("latency")
    context.title = f"pqv latency of {job.config.model.name}"
    return _written(job.config, job.format, Folder(Path(job.folder)), context)


def _written(config: RunConfig, form: str, folder: Folder, context: Context) -> ProbeFiles:
    torch.manual_seed(0)
    model = models.base(config.model, num_classes=None).create().eval()
    return write(
        model, config=config, form=form, preprocessing=models.preprocessing(model), folder=folder, context=context
    )


def write(
    model: nn.Module, *, config: RunConfig, form: str, preprocessing: Preprocessing, folder: Folder, context: Context
) -> ProbeFiles:
    """Write the files from which a table is measured, with the settings of a run; those that are there stay.

    Args:
        model: In eval mode, on the CPU.
        form: Key of a format; the scheme is that of the run's results.
        folder: Holds nothing, or files of the same model, settings and versions.

    Raises:
        PruneError: Nothing of the model can be cut.
        ExportError: A part cannot be written on its own.
        Cancelled: The end was asked for.
    """
    there = folder.files()
    image = torch.randn(1, *preprocessing.input_size, generator=torch.Generator().manual_seed(0))
    spec = result(config, form)
    by = exporter(form, config)
    probes = Probes(model, config, by, spec)
    with context.part("cut", 0.0, _CUTS):
        cuts = probes.cuts(image, context)
    parts = probes.parts(cuts[0])
    if there is not None:
        files, way = list(there.files), Way(there.subject.passes, there.subject.engine)
    else:
        files = []
        with context.part("way", _CUTS, _WAY):
            dense = by.quantize(copy.deepcopy(cuts[0].prepared), spec, [image])
            way = export.fastest_way(
                dense, spec, config=config, preprocessing=preprocessing, directory=folder.path, context=context
            )
    subject = _subject(config, spec, way, image)
    with context.part("probes", _WAY, 1.0):
        known = {file.name for file in files}
        for file in probes.written(cuts, parts, folder.path, way, image=image, there=known):
            files.append(file)
            folder.keep(ProbeFiles(subject=subject, parts=tuple(parts), files=tuple(files)))
            context.progress(len(files), probes.count(parts), unit="parts")
    return ProbeFiles(subject=subject, parts=tuple(parts), files=tuple(files))


def result(config: RunConfig, form: str) -> ArtifactSpec:
    """The artefact of a run whose latency a table in one of its formats is about."""
    return next(spec for spec in export.specifications(config) if spec.is_result and spec.format == form)


def measure(files: ProbeFiles, folder: Folder, config: RunConfig, context: Context) -> LatencyTable:
    """Time the files on this computer; the loops that came to their end are not repeated.

    Raises:
        BenchmarkError: A file could not be run.
        Cancelled: The end was asked for.
    """
    left = folder.left(files)
    for place, loop in enumerate(left):
        with context.part("timing", place / len(left), (place + 1) / len(left)):
            folder.add(timed(loop, files.subject, folder.path, config, context))
    threads = config.measure.threads or environment.default_threads()
    here = environment.describe(threads=threads)
    return probe_files.assemble(
        files,
        folder.measured(),
        subject=files.subject.model_copy(update=place_of(config)),
        device=here.processor,
        serial=machine.node(),
        versions={"pqv-mobile": here.pqv, **here.versions},
    )


def place_of(config: RunConfig) -> dict[str, str | int]:
    """What a subject says of this computer."""
    threads = config.measure.threads or environment.default_threads()
    here = environment.describe(threads=threads)
    return {
        "device": f"{here.processor}, {here.cores} cores, {here.cpu_capability}",
        "runtime": f"torch {here.versions['torch']}",
        "threads": threads,
    }


def timed(
    files: list[ProbeFile], subject: Subject, folder: Path, config: RunConfig, context: Context
) -> dict[str, list[int]]:
    """Samples of files that take turns in one loop, by their keys."""
    plan = benchmark.BenchmarkPlan(
        input_shape=files[0].input_shape,
        threads=config.measure.threads or environment.default_threads(),
        warmup=2,
        iterations=_ITERATIONS,
        max_seconds=_MAX_SECONDS,
    )
    exported = [
        ExportedFile(
            key=file.key,
            path=str(folder / file.name),
            format=subject.format,
            engine=subject.engine,
            input_shape=file.input_shape,
        )
        for file in files
    ]
    return benchmark.samples(exported, plan, context=context)


def _subject(config: RunConfig, spec: ArtifactSpec, way: Way, image: Tensor) -> Subject:
    return Subject(
        model=config.model.name,
        arguments=dict(config.model.arguments),
        input_shape=tuple(image.shape),
        unit=config.prune.attention_unit,
        format=spec.format,
        scheme=spec.scheme,
        passes=way.passes,
        engine=way.engine,
    )
