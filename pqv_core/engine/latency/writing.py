"""The files from which a latency table is measured, anywhere: written with the settings of a run, one after another."""

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
from pqv_core.engine.models import create as models
from pqv_core.latency.probe_files import Folder, ProbeFile, ProbeFiles
from pqv_core.latency.table import Subject
from pqv_core.results.artifacts import ArtifactSpec

_CUTS, _WAY = 0.15, 0.25  # shares of the time at which each is done, about


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
    there, more = folder.files(), more or {}
    image = torch.randn(1, *models.preprocessing(model).input_size, generator=torch.Generator().manual_seed(0))
    embedding, narrower = narrower_embeddings(model) if config.cuts_embedding else (None, [])
    with context.part("cut", 0.0, _CUTS):
        probes = Probes(model, config, exporter(form, config), result(config, form), image, context)
        cuts = probes.cuts(context)
    with context.part("way", _CUTS, _WAY):
        way = _way_of(there) or _fastest(probes, config, image, folder.path, context)
    files = list(there.files) if there is not None else []
    to = Place(folder.path, way, frozenset(file.name for file in files))
    total = probes.count() * (1 + len(narrower)) + sum(map(len, more.values()))
    subject = _subject(config, probes.spec, way, image)

    def written() -> ProbeFiles:
        return ProbeFiles(subject=subject, parts=tuple(probes.parts), files=tuple(files), embedding=embedding)

    with context.part("probes", _WAY, 1.0):
        whole = itertools.chain(probes.written(cuts, to), probes.further(more, to, context))
        for file in itertools.chain(whole, _narrower(probes, narrower, to, context)):
            files.append(file)
            folder.keep(written())
            context.progress(len(files), max(total, len(files)), unit="parts")
    return written()


def _narrower(probes: Probes, embeddings: Sequence[int], to: Place, context: Context) -> Iterator[ProbeFile]:
    """The files of narrower embeddings, one embedding after another, for each is the model several times over."""
    for place, units in enumerate(embeddings, 1):
        done = place / (1 + len(embeddings))
        with context.part("cut", done, done):
            narrow = probes.narrowed(units, context)
            cuts = narrow.cuts(context)
        yield from narrow.written(cuts, to)


def _way_of(files: ProbeFiles | None) -> Way | None:
    """The way in which earlier files were written; None where there are none."""
    return Way(files.subject.passes, files.subject.engine) if files is not None else None


def _fastest(probes: Probes, config: RunConfig, image: Tensor, folder: Path, context: Context) -> Way:
    """The way in which the uncut model runs fastest here."""
    dense = probes.by.quantize(copy.deepcopy(probes.dense.prepared), probes.spec, [image])
    preprocessing = models.preprocessing(probes.model)
    return export.fastest_way(
        dense, probes.spec, config=config, preprocessing=preprocessing, directory=folder, context=context
    )


def result(config: RunConfig, form: str) -> ArtifactSpec:
    """The artefact of a run whose latency a table in one of its formats is about."""
    return next(spec for spec in export.specifications(config) if spec.is_result and spec.format == form)


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
