"""From models to the artefacts of a run: both baselines, the pruned fp32 file and the compressed one."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from pqv_core.config import RunConfig
from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.measure import benchmark, environment
from pqv_core.engine.measure.lite_client import LiteFile
from pqv_core.engine.ptl import write as lite_writer
from pqv_core.engine.ptl.class_token import leave_out_unread_tokens
from pqv_core.engine.ptl.targets import target
from pqv_core.engine.quantize import quantize
from pqv_core.errors import BenchmarkError, ExportError
from pqv_core.files.fsio import move, remove
from pqv_core.process.events import Artifact
from pqv_core.results.record import Candidate, Role

_CHOICE_ITERATIONS = 15
_CHOICE_SECONDS = 8.0
NO_ENGINE = "none"


class Artefact(BaseModel):
    """A ``.ptl`` of a run, before it is verified and measured. ``file`` is its plain name."""

    model_config = ConfigDict(frozen=True)

    role: Role
    file: str
    size_bytes: int
    precision: str
    engine: str
    passes: str
    candidates: tuple[Candidate, ...] = ()

    def lite_file(self, folder: Path) -> LiteFile:
        """How a clean process is told to load it."""
        baseline = self.role == "paper_fp32"
        return LiteFile(key=self.role, path=str(folder / self.file), engine=self.engine, every_policy=baseline)


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
    keep: Sequence[str] = (),
) -> list[Artefact]:
    """Write the four artefacts of a run into ``directory``.

    Args:
        batches: Calibration images for static int8, each (N, C, H, W).
        keep: Layers that stay in floating point, besides those of the config.

    Raises:
        ExportError: A model cannot be turned into TorchScript.
        QuantizeError: The engine or precision is not available here.
        StorageError: A file cannot be written.
    """
    kept = config.quantize.changed(keep=(*config.quantize.keep, *keep))
    config = config.changed(quantize=kept.model_dump())
    return _Exporter(config, preprocessing, classes, directory, context).run(dense, final, batches)


class _Exporter:
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
        self.target = target(config.export)
        self.threads = config.measure.threads or environment.default_threads()

    @property
    def example(self) -> Tensor:
        """An input of shape (1, C, H, W)."""
        return torch.zeros(1, *self.preprocessing.input_size)

    def run(self, dense: nn.Module, final: nn.Module, batches: Sequence[Tensor]) -> list[Artefact]:
        if self.config.quantize.uses_engine:
            self.target.engines(self.config.quantize.engine)  # an engine that is missing is said before the work
        dense, final = self.target.prepare(dense), self.target.prepare(final)
        part = self.context.part
        with part("paper_fp32", 0.05, 0.15):
            paper = self._write("paper_fp32", dense, "paper_fp32.ptl", passes="mobile")
        dense, final = leave_out_unread_tokens(dense), leave_out_unread_tokens(final)
        with part("fast_fp32", 0.15, 0.37):
            fast = self._fastest_fp32(dense, paper)
        passes: Any = fast.passes
        with part("pruned_fp32", 0.37, 0.4):
            pruned = self._write("pruned_fp32", final, "pruned_fp32.ptl", passes=passes)
        with part("compressed", 0.4, 1.0):
            compressed = self._compressed(final, pruned, batches)
        return [paper, fast, pruned, compressed]

    def _write(
        self,
        role: Role,
        model: nn.Module,
        name: str,
        *,
        passes: lite_writer.Passes,
        precision: str = "fp32",
        engine: str = NO_ENGINE,
        candidates: tuple[Candidate, ...] = (),
    ) -> Artefact:
        self.context.check_cancelled()
        path = self.directory / name
        self._save(model, path, passes, self._description(precision, engine, passes))
        self.target.check(path)
        artefact = Artefact(
            role=role,
            file=name,
            size_bytes=path.stat().st_size,
            precision=precision,
            engine=engine,
            passes=passes,
            candidates=candidates,
        )
        self.context.send(Artifact(run=self.context.run, role=role, path=str(path), size_bytes=artefact.size_bytes))
        return artefact

    def _save(self, model: nn.Module, path: Path, passes: lite_writer.Passes, description: dict[str, Any]) -> None:
        keep = self.target.keeps_heap
        lite_writer.save(model, path, example=self.example, passes=passes, description=description, keep_heap=keep)

    def _description(self, precision: str, engine: str, passes: str) -> dict[str, Any]:
        """What a ``.ptl`` says of itself."""
        described = environment.describe(threads=self.threads)
        return {
            "format": 1,
            "model": self.config.model.name,
            "target": self.config.export.target,
            "runtime": self.target.runtime.version if self.target.runtime else None,
            "input_shape": list(self.example.shape),
            "precision": precision,
            "engine": engine,
            "passes": passes,
            "preprocessing": asdict(self.preprocessing),
            "classes": self.classes,
            "prune": self.config.prune.model_dump(mode="json") if self.config.prune.enabled else None,
            "versions": {"pqv-mobile": described.pqv, **described.versions},
        }

    def _fastest_fp32(self, dense: nn.Module, paper: Artefact) -> Artefact:
        """The fp32 file of the dense model with the passes that run fastest on the target."""
        if self.target.fp32_passes == (paper.passes,):
            shutil.copyfile(self.directory / paper.file, self.directory / "fast_fp32.ptl")
            return paper.model_copy(update={"role": "fast_fp32", "file": "fast_fp32.ptl"})
        trials: dict[str, str] = {passes: f".trial-{passes}.ptl" for passes in self.target.fp32_passes}
        for passes in self.target.fp32_passes:
            self._write("fast_fp32", dense, trials[passes], passes=passes)
        candidates = self._choose({passes: (name, NO_ENGINE) for passes, name in trials.items()})
        chosen = next(item.name for item in candidates if item.chosen)
        name = "fast_fp32.ptl"
        move(self.directory / trials[chosen], self.directory / name)
        for leftover in trials.values():
            remove(self.directory / leftover)
        return Artefact(
            role="fast_fp32",
            file=name,
            size_bytes=(self.directory / name).stat().st_size,
            precision="fp32",
            engine=NO_ENGINE,
            passes=chosen,
            candidates=candidates,
        )

    def _compressed(self, final: nn.Module, pruned: Artefact, batches: Sequence[Tensor]) -> Artefact:
        config = self.config.quantize
        with self.context.part("quantize", 0.0, 0.1):
            model = quantize(final, config.precision, keep=config.keep, observer=config.observer, batches=batches)
        if not config.uses_engine:
            passes: Any = pruned.passes if config.scheme.is_exact else "freeze"
            name = self._name(NO_ENGINE)
            return self._write("compressed", model, name, passes=passes, precision=config.precision)
        engine, passes, candidates = self._fastest_int8(model)
        return self._write(
            "compressed",
            model,
            self._name(engine),
            passes=passes,
            precision=config.precision,
            engine=engine,
            candidates=candidates,
        )

    def _fastest_int8(self, model: nn.Module) -> tuple[str, lite_writer.Passes, tuple[Candidate, ...]]:
        """Engine and passes with which a quantized model runs fastest, and what was measured to find them."""
        ways = {
            engine if passes == "freeze" else f"{engine}, {passes}": (engine, passes)
            for passes in self.target.int8_passes(model)
            for engine in self.target.engines(self.config.quantize.engine)
        }
        if len(ways) == 1:
            return (*next(iter(ways.values())), ())
        files = {passes: f".trial-int8-{passes}.ptl" for _, passes in ways.values()}
        for passes, name in files.items():  # one file serves every engine: the weights are packed when it is loaded
            self._save(model, self.directory / name, passes, {})
        candidates = self._choose({way: (files[passes], engine) for way, (engine, passes) in ways.items()})
        for name in files.values():
            remove(self.directory / name)
        engine, passes = ways[next(item.name for item in candidates if item.chosen)]
        return engine, passes, candidates

    def _name(self, engine: str) -> str:
        config = self.config
        if config.export.file_name:
            return config.export.file_name
        model = config.model.name.split("/")[-1].replace(":", "_")
        pruned = f"_pruned{config.prune.ratio:.4g}" if config.prune.enabled else ""
        suffix = f"_{engine}" if engine != NO_ENGINE else ""
        return f"{model}{pruned}_{config.quantize.precision}{suffix}.ptl"

    def _choose(self, trials: dict[str, tuple[str, str]]) -> tuple[Candidate, ...]:
        """Measure files, given as name → (file, engine), in turns; exactly one is chosen: the fastest.

        A candidate that cannot be run is kept with its reason.
        """
        samples: dict[str, list[int]] = {}
        errors: dict[str, str] = {}
        try:
            samples = self._timed(trials)
        except BenchmarkError:  # one of them cannot be run: find out which
            for name, trial in trials.items():
                try:
                    samples |= self._timed({name: trial})
                except BenchmarkError as error:
                    errors[name] = error.details or error.message
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
                name=name,
                engine=engine,
                chosen=name == best,
                median_ns=medians.get(name),
                samples_ns=tuple(samples.get(name, ())),
                error=errors.get(name, ""),
            )
            for name, (_, engine) in trials.items()
        )

    def _timed(self, trials: dict[str, tuple[str, str]]) -> dict[str, list[int]]:
        files = tuple(
            LiteFile(key=name, path=str(self.directory / file), engine=engine)
            for name, (file, engine) in trials.items()
        )
        plan = benchmark.Plan(
            input_shape=tuple(self.example.shape),
            threads=self.threads,
            warmup=1,
            iterations=_CHOICE_ITERATIONS,
            max_seconds=_CHOICE_SECONDS,
        )
        with self.context.part(self.context.within, 0.1, 0.95):  # the candidates have been written before
            return benchmark.samples(files, plan, context=self.context)
