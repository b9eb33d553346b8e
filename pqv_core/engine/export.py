"""From models to the artefacts of a run: the compressed file, and what it is compared with."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from pqv_core.config import RunConfig
from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.formats.exporter import Exporter, Way, exporter
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.measure.file_client import ExportedFile
from pqv_core.engine.transforms import merged_tokens
from pqv_core.errors import BenchmarkError, ExportError
from pqv_core.files.fsio import move, remove
from pqv_core.formats import FORMATS
from pqv_core.formats.base import NO_ENGINE
from pqv_core.formats.delegation import Delegation
from pqv_core.process.events import Artifact
from pqv_core.results import artifacts
from pqv_core.results.artifacts import AS_RESULT, DENSE, FASTEST, FINAL, INHERITED, UNMERGED, ArtifactSpec
from pqv_core.results.record import Candidate
from pqv_core.schemes import has_groups

_CHOICE_ITERATIONS = 15
_CHOICE_SECONDS = 8.0
_CALIBRATED = 0.05  # share of the stage in which images are read, before


class ArtifactFile(BaseModel):
    """A file of a run, before it is verified and measured.

    Attributes:
        file: Its plain name.
        delegation: Who computes what in it, as it was read back.
    """

    model_config = ConfigDict(frozen=True)

    spec: ArtifactSpec
    file: str
    size_bytes: int
    engine: str
    passes: str
    delegation: Delegation | None = None
    candidates: tuple[Candidate, ...] = ()

    @property
    def key(self) -> str:
        """Its name within the run."""
        return self.spec.key

    def exported(self, folder: Path) -> ExportedFile:
        """How a clean process is told to load it."""
        return ExportedFile(
            key=self.key,
            path=str(folder / self.file),
            format=self.spec.format,
            engine=self.engine,
            every_policy=self.spec.is_published,
        )


def specifications(config: RunConfig) -> tuple[ArtifactSpec, ...]:
    """The artefacts that a run of ``config`` makes."""
    scheme, export = config.quantize.scheme, config.export
    return artifacts.of_run(
        formats=export.formats,
        scheme=scheme.key,
        exact=scheme.is_exact,
        merges=config.tokens.enabled,
        hastened=config.prunes_for_budget and config.budget.speedup is not None,
        baselines=export.baselines,
    )


def export(
    *,
    dense: nn.Module,
    final: nn.Module,
    config: RunConfig,
    preprocessing: Preprocessing,
    classes: Sequence[str] | None,
    directory: Path,
    context: Context,
    batches: Sequence[Tensor] = (),
    spared: Sequence[str] = (),
) -> list[ArtifactFile]:
    """Write the artefacts of a run into ``directory``.

    Args:
        batches: Calibration images for static int8, each (N, C, H, W).
        spared: Layers that are too sensitive for the scheme: in what it falls back to, besides those of the config.

    Raises:
        ExportError: A model cannot be written in a format.
        QuantizeError: The engine or precision is not available here.
        StorageError: A file cannot be written.
    """
    config = config.changed(quantize=config.quantize.sparing(spared).model_dump())
    return _Export(config, preprocessing, classes, directory, context).run(dense, final, batches)


def held(spec: ArtifactSpec, *, dense: nn.Module, final: nn.Module) -> nn.Module:
    """The model that an artefact holds, of those that a run has."""
    return {DENSE: lambda: dense, FINAL: lambda: final, UNMERGED: lambda: merged_tokens.without(final)}[spec.model]()


def fastest_way(
    model: nn.Module,
    spec: ArtifactSpec,
    *,
    config: RunConfig,
    preprocessing: Preprocessing,
    directory: Path,
    context: Context,
) -> Way:
    """The way in which a model, prepared and quantized, runs fastest on the target.

    Args:
        directory: For files that are tried, which are gone afterwards.

    Raises:
        ExportError: No way is possible.
    """
    doing = _Export(config, preprocessing, None, directory, context)
    way, trial, _ = doing._chosen(doing.exporters[spec.format], model, doing._ways(model, spec), spec)
    if trial is not None:
        remove(trial)
    return way


class _Export:
    def __init__(
        self,
        config: RunConfig,
        preprocessing: Preprocessing,
        classes: Sequence[str] | None,
        directory: Path,
        context: Context,
    ) -> None:
        self.config = config
        self.preprocessing = preprocessing
        self.classes = list(classes) if classes else None
        self.directory = directory
        self.context = context
        self.merged: list[int] | None = None
        self.exporters = {format: exporter(format, config) for format in config.export.formats}
        self.threads = config.measure.threads or environment.default_threads()

    @property
    def example(self) -> Tensor:
        """An input of shape (1, C, H, W)."""
        return torch.zeros(1, *self.preprocessing.input_size)

    def run(self, dense: nn.Module, final: nn.Module, batches: Sequence[Tensor]) -> list[ArtifactFile]:
        merging = merged_tokens.merging_of(final)
        specs = [spec for spec in specifications(self.config) if merging or spec.model != UNMERGED]
        self.merged = list(merging.merged) if merging else None
        for spec in specs:
            self._ways(nn.Identity(), spec)  # an engine that is missing is said before the work
        made: list[ArtifactFile] = []
        for spec, begin, end in _shares(specs):
            with self.context.part(spec.key, begin, end):
                made.append(self._made(spec, held(spec, dense=dense, final=final), batches, made))
        return made

    def _made(
        self, spec: ArtifactSpec, model: nn.Module, batches: Sequence[Tensor], before: list[ArtifactFile]
    ) -> ArtifactFile:
        self.context.check_cancelled()
        by = self.exporters[spec.format]
        with FORMATS.blaming(spec.format):
            model = by.prepare(model, spec)
        model = self._quantized(by, model, spec, batches)
        ways = (inherited,) if (inherited := self._inherited(spec, before)) else self._ways(model, spec)
        published = next((item for item in before if item.spec.is_published and item.spec.format == spec.format), None)
        if published and spec.is_fairest and ways == (Way(published.passes, published.engine),):
            return self._copied(published, spec)  # it cannot be asked what is faster there
        way, trial, candidates = self._chosen(by, model, ways, spec)
        path = self.directory / self._name(spec, way.engine)
        if trial is None:
            self._write(by, model, path, way, spec)
        else:
            move(trial, path)
        return self._announced(
            ArtifactFile(
                spec=spec,
                file=path.name,
                size_bytes=path.stat().st_size,
                engine=way.engine,
                passes=way.passes,
                delegation=self._delegation(path, spec),
                candidates=candidates,
            )
        )

    def _delegation(self, path: Path, spec: ArtifactSpec) -> Delegation | None:
        """Who computes what in a file that was written."""
        with FORMATS.blaming(spec.format):
            found = FORMATS[spec.format].read(path, cancelled=self.context.cancelled.is_set).delegation
            if not isinstance(found, Delegation | None):
                raise TypeError(f"delegation gave {found!r}")
        return found

    def _ways(self, model: nn.Module, spec: ArtifactSpec) -> tuple[Way, ...]:
        with FORMATS.blaming(spec.format):
            ways = self.exporters[spec.format].ways(model, spec)
            if not ways or not all(isinstance(way, Way) for way in ways):
                raise TypeError(f"ways gave {ways!r}")
        return tuple(ways)

    def _quantized(self, by: Exporter, model: nn.Module, spec: ArtifactSpec, batches: Sequence[Tensor]) -> nn.Module:
        if not (spec.is_result or spec.is_contrast):
            return model
        with self.context.part("quantize", 0.0, 0.1), FORMATS.blaming(spec.format):
            return by.quantize(model, spec, batches)

    def _inherited(self, spec: ArtifactSpec, before: list[ArtifactFile]) -> Way | None:
        """The way of an artefact that was made before, where it is to be the same."""
        if spec.way not in (INHERITED, AS_RESULT):
            return None
        same = [item for item in before if item.spec.format == spec.format]
        base = next(
            item for item in reversed(same) if (item.spec.is_fairest if spec.way == INHERITED else item.spec.is_result)
        )
        return Way(base.passes, base.engine)

    def _copied(self, published: ArtifactFile, spec: ArtifactSpec) -> ArtifactFile:
        path = self.directory / self._name(spec, published.engine)
        shutil.copyfile(self.directory / published.file, path)
        return self._announced(published.model_copy(update={"spec": spec, "file": path.name}))

    def _announced(self, made: ArtifactFile) -> ArtifactFile:
        path = str(self.directory / made.file)
        self.context.send(Artifact(run=self.context.run, role=made.key, path=path, size_bytes=made.size_bytes))
        return made

    def _write(self, by: Exporter, model: nn.Module, path: Path, way: Way, spec: ArtifactSpec) -> None:
        description = self._description(spec, way, by.runtime)
        with FORMATS.blaming(spec.format):
            by.write(model, path, passes=way.passes, example=self.example, description=description)
            if not path.is_file():
                raise FileNotFoundError(f"no file {path.name} was written")
            by.check(path)

    def _description(self, spec: ArtifactSpec, way: Way, runtime: str | None) -> dict[str, Any]:
        """What a file says of itself."""
        described = environment.describe(threads=self.threads)
        return {
            "format": 1,
            "model": self.config.model.name,
            "target": self.config.export.target,
            "runtime": runtime,
            "input_shape": list(self.example.shape),
            "precision": spec.scheme,
            "group": self.config.quantize.group if has_groups(spec.scheme) else None,
            "engine": way.engine,
            "passes": way.passes,
            "preprocessing": asdict(self.preprocessing),
            "classes": self.classes,
            "prune": self.config.prune.told() if self.config.prune.enabled else None,
            "merged": self._merged(spec),
            "versions": {"pqv-mobile": described.pqv, **described.versions},
        }

    def _merged(self, spec: ArtifactSpec) -> list[int] | None:
        """How many tokens each block merges away; None where all are kept."""
        return self.merged if spec.model == FINAL else None

    def _name(self, spec: ArtifactSpec, engine: str) -> str:
        config, suffix = self.config, FORMATS[spec.format].suffix
        if not spec.is_result:
            return f"{spec.key}{suffix}"
        if config.export.file_name:
            return Path(config.export.file_name).with_suffix(suffix).name
        model = config.model.name.split("/")[-1].replace(":", "_")
        how_far = config.budget.mark or f"{config.prune.ratio:.4g}"
        pruned = f"_pruned{how_far}" if config.prune.enabled else ""
        pruned += "_merged" if self.merged else ""
        kernels = f"_{engine}" if engine != NO_ENGINE else ""
        return f"{model}{pruned}_{spec.scheme}{kernels}{suffix}"

    # of several ways the fastest -------------------------------------------------------------------------------

    def _chosen(
        self, by: Exporter, model: nn.Module, ways: Sequence[Way], spec: ArtifactSpec
    ) -> tuple[Way, Path | None, tuple[Candidate, ...]]:
        """The way in which a model runs fastest, a file that is written so, and what was measured to find it.

        There is no file where nothing had to be chosen, or where the file would not name its engine.
        """
        if len(ways) == 1:
            return ways[0], None, ()
        suffix = FORMATS[spec.format].suffix
        trials = {
            passes: self.directory / f".trial-{passes}{suffix}" for passes in dict.fromkeys(w.passes for w in ways)
        }
        written: dict[str, Way] = {}
        for way in ways:  # one file serves every engine: the weights are packed when it is loaded
            if way.passes not in written:
                self._write(by, model, trials[way.passes], way, spec)
                written[way.passes] = way
        names = {_called(way, ways[0].passes): way for way in ways}
        files = [self._trial(name, trials[way.passes], way, spec) for name, way in names.items()]
        candidates = self._choose(files)
        way = names[next(item.name for item in candidates if item.chosen)]
        whole = trials.pop(way.passes) if written[way.passes] == way else None
        for leftover in trials.values():
            remove(leftover)
        return way, whole, candidates

    def _trial(self, name: str, path: Path, way: Way, spec: ArtifactSpec) -> ExportedFile:
        return ExportedFile(key=name, path=str(path), format=spec.format, engine=way.engine)

    def _choose(self, files: Sequence[ExportedFile]) -> tuple[Candidate, ...]:
        """Measure files in turns; the fastest is chosen. One that cannot be run is kept with its reason."""
        samples: dict[str, list[int]] = {}
        errors: dict[str, str] = {}
        try:
            samples = self._timed(files)
        except BenchmarkError:  # one of them cannot be run: find out which
            for file in files:
                try:
                    samples |= self._timed([file])
                except BenchmarkError as error:
                    errors[file.key] = error.details or error.message
        if not samples:
            raise ExportError(
                "No engine of this computer can run the file.",
                action="Choose another precision.",
                details="\n".join(errors.values()),
            )
        medians = {name: statistics.median(values) for name, values in samples.items()}
        best = min(medians, key=lambda name: medians[name])
        return tuple(
            Candidate(
                name=file.key,
                engine=file.engine,
                chosen=file.key == best,
                median_ns=medians.get(file.key),
                samples_ns=tuple(samples.get(file.key, ())),
                error=errors.get(file.key, ""),
            )
            for file in files
        )

    def _timed(self, files: Sequence[ExportedFile]) -> dict[str, list[int]]:
        plan = benchmark.BenchmarkPlan(
            input_shape=tuple(self.example.shape),
            threads=self.threads,
            warmup=1,
            iterations=_CHOICE_ITERATIONS,
            max_seconds=_CHOICE_SECONDS,
        )
        with self.context.part(self.context.current_part, 0.1, 0.95):  # the candidates have been written before
            return benchmark.samples(files, plan, context=self.context)


def _called(way: Way, usual: str) -> str:
    """A way in words: its engine; its passes where they are not the usual ones, or where there is no engine."""
    parts = [way.engine] if way.engine != NO_ENGINE else []
    if way.passes != usual or not parts:
        parts.append(way.passes)
    return ", ".join(parts)


def _shares(specs: Sequence[ArtifactSpec]) -> Iterator[tuple[ArtifactSpec, float, float]]:
    """Each artefact with the share of the stage's time, from 0 to 1, between which it is made."""
    takes = [12 if spec.is_result or spec.is_contrast else 4 if spec.way == FASTEST else 1 for spec in specs]
    begin = _CALIBRATED
    for spec, share in zip(specs, takes, strict=True):
        end = begin + (1 - _CALIBRATED) * share / sum(takes)
        yield spec, begin, min(end, 1.0)
        begin = end
