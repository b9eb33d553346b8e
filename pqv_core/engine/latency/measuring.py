"""A latency table of this computer, and the files from which one is measured anywhere."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pqv_core.config import RunConfig
from pqv_core.engine import export
from pqv_core.engine.context import Context
from pqv_core.engine.formats.exporter import Way, exporter
from pqv_core.engine.latency.probes import Place, Probes, narrower_embeddings
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.measure.file_client import ExportedFile
from pqv_core.engine.models import create as models
from pqv_core.engine.prune import structured
from pqv_core.latency import levels, probe_files, store
from pqv_core.latency.probe_files import Folder, ProbeFile, ProbeFiles
from pqv_core.latency.table import LatencyTable, Subject
from pqv_core.process import machine
from pqv_core.process.job import LatencyJob, ProbesJob
from pqv_core.results.artifacts import ArtifactSpec

_ITERATIONS = 20
_MAX_SECONDS = 10.0
_CUTS, _WAY = 0.15, 0.25  # shares of the time in which files are written at which each is done, about
_WRITTEN, _TIMED = 0.5, 0.8  # the same of all


def run(job: LatencyJob, context: Context) -> LatencyTable:
    """Measure the table that a job asks for.

    Raises:
        PqvError: As ``measured``; or the model cannot be made.
    """
    context.enter("latency")
    context.title = f"pqv latency of {job.config.model.name}"
    return measured(_model(job), job.config, job.format, Folder(Path(job.folder)), context)


def run_probes(job: ProbesJob, context: Context) -> ProbeFiles:
    """Write the files that a job asks for.

    Raises:
        PqvError: As ``write``; or the model cannot be made.
    """
    context.enter("latency")
    context.title = f"pqv latency of {job.config.model.name}"
    return write(_model(job), job.config, job.format, Folder(Path(job.folder)), context, more=job.more)


def _model(job: ProbesJob | LatencyJob) -> nn.Module:
    torch.manual_seed(0)
    return models.base(job.config.model, num_classes=None).create().eval()


def measured(model: nn.Module, config: RunConfig, form: str, folder: Folder, context: Context) -> LatencyTable:
    """Measure the table of a model on this computer; at more widths where its curves bend.

    Args: as ``write``.

    Raises:
        PqvError: As ``write`` and ``_timed``.
        Cancelled: The end was asked for.
    """
    with context.part("probes", 0.0, _WRITTEN):
        files = write(model, config, form, folder, context)
    with context.part("timing", _WRITTEN, _TIMED):
        table = _measured(files, folder, config, context)
    for start, end in itertools.pairwise((_TIMED, (1 + _TIMED) / 2, 1.0)):
        more = levels.bends(table)
        if not more:
            break
        with context.part("probes", start, (start + end) / 2):
            files = write(model, config, form, folder, context, more=more)
        with context.part("timing", (start + end) / 2, end):
            table = _measured(files, folder, config, context)
    return table


def write(
    model: nn.Module,
    config: RunConfig,
    form: str,
    folder: Folder,
    context: Context,
    *,
    more: Mapping[str, Sequence[int]] | None = None,
) -> ProbeFiles:
    """Write the files from which a table is measured, with the settings of a run; those that are there stay.

    Where the run cuts the embedding, parts of the model with narrower ones too, at fewer widths.

    Args:
        model: In eval mode, on the CPU.
        form: Key of a format; the scheme is that of the run's results.
        folder: Holds nothing, or files of the same model, settings and versions.
        more: Further widths, by the name of a part.

    Raises:
        PruneError: Nothing of the model can be cut.
        ExportError: A part cannot be written on its own.
        Cancelled: The end was asked for.
    """
    there = folder.files()
    preprocessing = models.preprocessing(model)
    image = torch.randn(1, *preprocessing.input_size, generator=torch.Generator().manual_seed(0))
    spec = result(config, form)
    by = exporter(form, config)
    embedding, narrower = narrower_embeddings(model) if config.cuts_embedding else (None, [])
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
    to = Place(folder.path, way, image, frozenset(file.name for file in files))
    total = probes.count(parts) * (1 + len(narrower)) + sum(map(len, (more or {}).values()))

    def written() -> ProbeFiles:
        return ProbeFiles(subject=subject, parts=tuple(parts), files=tuple(files), embedding=embedding)

    def writing() -> Iterator[ProbeFile]:
        yield from probes.written(cuts, parts, to)
        yield from probes.further(more or {}, parts, to, context)
        for place, units in enumerate(narrower, 1):  # one after another, for each is the model several times over
            done = place / (1 + len(narrower))
            with context.part("cut", done, done):
                narrow = Probes(structured.narrowed(model, units, context), config, by, spec, units)
                narrow_cuts = narrow.cuts(image, context)
            yield from narrow.written(narrow_cuts, parts, to)

    with context.part("probes", _WAY, 1.0):
        for file in writing():
            files.append(file)
            folder.keep(written())
            context.progress(len(files), max(total, len(files)), unit="parts")
    return written()


def result(config: RunConfig, form: str) -> ArtifactSpec:
    """The artefact of a run whose latency a table in one of its formats is about."""
    return next(spec for spec in export.specifications(config) if spec.is_result and spec.format == form)


def _measured(files: ProbeFiles, folder: Folder, config: RunConfig, context: Context) -> LatencyTable:
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
        versions=store.versions(),
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
        target=config.export.target,
        format=spec.format,
        scheme=spec.scheme,
        passes=way.passes,
        engine=way.engine,
    )
