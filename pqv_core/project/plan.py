"""Which stages a run will do, and about how long each takes: known from the settings alone, before torch is loaded.

How long is an estimate, for a bar and a time left. It is what the stage took in an earlier run of the project on this
computer, scaled to the present settings; else it follows from images × multiply-accumulates at a usual speed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pqv_core.config import RunConfig
from pqv_core.criteria import CRITERIA
from pqv_core.errors import ConfigError, PqvError
from pqv_core.models import merged_tokens, predict, sources
from pqv_core.process.job import RunJob
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord

START = "start"
"""What comes before the first stage: Python and PyTorch are loaded."""

_START_S = 10.0
_FIXED_S = {
    "load": 2.0,
    "latency": 60.0,
    "prune": 2.0,
    "merge": 1.0,
    "sensitivity": 1.0,
    "export": 32.0,
    "verify": 3.0,
    "benchmark": 20.0,
    "profile": 4.0,
}
_MACS_PER_SECOND = 25e9
_IMAGE_S = 0.004  # reading one
_TRAINING = 3.5  # an image that is learnt from, beside one that is looked at
_USUAL_MACS = 4.6e9  # of a model that the catalogue does not know
_USUAL_IMAGES = 1_000
_COUNTING_S = 0.3
_FILES = 4
_TAKEN_OVER_S = 0.1

_NEEDED: dict[str, Callable[[RunConfig], bool]] = {
    "load": lambda config: True,
    "evaluate": lambda config: bool(config.data.val),
    "latency": lambda config: config.prunes_for_budget and config.budget.limits_latency,
    "sparsify": lambda config: config.prune.enabled and config.prune.sparse_epochs > 0,
    "prune": lambda config: config.prune.enabled,
    "merge": lambda config: config.tokens.enabled,
    "finetune": lambda config: config.finetune.epochs > 0,
    "evaluate_pruned": lambda config: (
        bool(config.data.val) and (config.prune.enabled or config.tokens.enabled or config.finetune.epochs > 0)
    ),
    "sensitivity": lambda config: config.quantize.looks_at_layers,
    "export": lambda config: True,
    "verify": lambda config: True,
    "benchmark": lambda config: True,
    "profile": lambda config: config.measure.profile,
}


@dataclass(frozen=True)
class Planned:
    """A stage to come, or what comes before the first.

    Attributes:
        seconds: How long it is expected to take.
        known: Whether that was measured before, on this computer.
    """

    name: str
    seconds: float
    known: bool = False


def is_needed(stage: str, config: RunConfig) -> bool:
    """Whether a run with these settings does a stage; one of a name that is not known here always is."""
    return stage not in _NEEDED or _NEEDED[stage](config)


def stages(config: RunConfig) -> tuple[str, ...]:
    """Names of the stages of a run with these settings, in order."""
    return tuple(name for name, needed in _NEEDED.items() if needed(config))


def of(job: RunJob) -> tuple[Planned, ...]:
    """What a run will do, first of all ``START``; looks at the images' folders and at earlier runs of the project."""
    project, config = Path(job.project), job.config
    records: list[RunRecord] = []
    with contextlib.suppress(PqvError):
        records = results.load_all(projects.runs_directory(project))[0]
    reused = _finished(records, job)
    count = functools.cache(partial(_counted, project))
    amounts = _amounts(config, count)
    planned = [Planned(START, _START_S)]
    for name in stages(config):
        before = _earlier(name, records)
        if name in reused:
            planned.append(Planned(name, _TAKEN_OVER_S, known=True))
        elif before is not None:
            seconds, then = before
            planned.append(Planned(name, seconds * amounts[name] / _amounts(then, count)[name], known=True))
        else:
            planned.append(Planned(name, amounts[name]))
    return tuple(planned)


def _finished(records: list[RunRecord], job: RunJob) -> set[str]:
    """Stages that are done already, by the very run that goes on."""
    same = next((record for record in records if record.id == job.run), None)
    if same is None or job.fresh:
        return set()
    return {stage.name for stage in same.stages if stage.state == "done"}


def _earlier(stage: str, records: list[RunRecord]) -> tuple[float, RunConfig] | None:
    """What a stage took the last time, and with which settings; None where it was never done here."""
    for record in reversed(records):
        done = next((item for item in record.stages if item.name == stage and item.state == "done"), None)
        if done is not None and done.seconds > 0:
            with contextlib.suppress(ConfigError):
                return done.seconds, RunConfig.parse(record.config)
    return None


def _amounts(config: RunConfig, count: Callable[[str | None], int]) -> dict[str, float]:
    """By stage, the seconds that its work takes at a usual speed."""
    before, after = _macs(config)
    train, val = count(config.data.train), count(config.data.val)
    judged = min(val, config.data.eval_images or val) if config.data.val else 0
    look, look_after = (_IMAGE_S + macs / _MACS_PER_SECOND for macs in (before, after))
    prune, tune, measure = config.prune, config.finetune, config.measure
    gradients = prune.images * prune.steps if CRITERIA[prune.importance].needs_images else 0
    between = prune.epochs_between * (prune.steps - 1)
    times = merged_tokens.TRIED if config.tokens.by_budget else 1
    inference = after / _MACS_PER_SECOND
    files = _FILES if config.export.baselines else 1
    narrower = 1.5 if config.cuts_embedding else 0.0  # of two embeddings fewer widths are measured than of the whole
    estimates = {
        "latency": narrower * _FIXED_S["latency"],
        "evaluate": judged * look,
        "sparsify": prune.sparse_epochs * train * look * _TRAINING,
        "prune": times * (gradients * look + between * train * (look + look_after) / 2) * _TRAINING,
        "finetune": tune.epochs * (train * _TRAINING + judged) * look_after,
        "evaluate_pruned": judged * look_after,
        "sensitivity": 60 * 16 * inference,
        "export": 100 * inference,
        "verify": (judged + 16 * files) * look_after,
        "benchmark": min(measure.max_seconds, 2 * files * measure.iterations * inference),
        "profile": 10 * files * inference,
    }
    return {name: _FIXED_S.get(name, 0.5) + estimates.get(name, 0.0) for name in _NEEDED}


def _macs(config: RunConfig) -> tuple[float, float]:
    """Multiply-accumulates of an inference before and after pruning."""
    try:
        entry = sources.entry(config.model.source, config.model.name)
        if entry is None:
            return _USUAL_MACS, _USUAL_MACS
        found = predict.predict(
            entry, model=config.model, prune=config.prune, tokens=config.tokens, quantize=config.quantize
        )
    except PqvError:
        return _USUAL_MACS, _USUAL_MACS
    before = found.before.macs or _USUAL_MACS
    return before, (found.after.macs if found.after else None) or before


def _counted(project: Path, stored: str | None) -> int:
    """About how many files lie in a folder of classes; the usual number where that is not known in a moment."""
    if not stored:
        return 0
    until, count = time.monotonic() + _COUNTING_S, 0
    try:
        for folder in os.scandir(projects.resolved_path(stored, project=project)):
            count += sum(1 for _ in os.scandir(folder)) if folder.is_dir() else 0
            if time.monotonic() > until:
                return max(count, _USUAL_IMAGES)
    except OSError:
        return _USUAL_IMAGES
    return count or _USUAL_IMAGES
