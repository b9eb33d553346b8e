"""Runs as a person chooses among them, and how their settings stand to the project's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pqv_core import formatting, labels
from pqv_core.comparison import StoredRun, settings
from pqv_core.config import RunConfig
from pqv_core.config.quantize import ENGINES
from pqv_core.criteria import CRITERIA
from pqv_core.results.record import RunRecord


@dataclass(frozen=True)
class RunChoice:
    """A run that can be chosen.

    Attributes:
        key: What the run is known by.
        words: What a person calls it.
        state: How it is, or how it ended; empty where it is complete.
        created: When it began, as its record has it; empty for what is no run that is kept.
    """

    key: str
    words: str
    state: str = ""
    note: str = ""
    created: str = ""

    @property
    def tip(self) -> str:
        """What is said on hover: how it ended, when it began, and its note. It is made only for what is looked at."""
        ended = f"{self.state or labels.state('succeeded')}, {when(self.created)}" if self.created else ""
        return "\n".join(text for text in (self.words, ended, self.note) if text)


def choices(runs: Iterable[StoredRun]) -> list[RunChoice]:
    """The runs, given oldest first, with the newest first."""
    return [of(run.directory.name, run.record, run.title, note=run.label.note) for run in runs][::-1]


def of(key: object, record: RunRecord, title: str, *, note: str = "") -> RunChoice:
    """A run with what it is called."""
    state = "" if record.state == "succeeded" else labels.state(record.state)
    return RunChoice(str(key), title, state, note, record.created)


def when(created: str) -> str:
    """When a run began, on this computer's clock: ``30 Nov 2026, 14:02``; as it stands where it is no time."""
    moment = formatting.moment(created)
    return formatting.date(moment) if moment is not None else created


def changed_since(did: Mapping[str, Any], now: RunConfig) -> tuple[str, ...]:
    """Dotted names of the project's settings that are others than a run had."""
    return settings.changed(settings.flat(did), settings.flat(now.model_dump(mode="json")))


def in_a_line(config: RunConfig) -> str:
    """The settings of a run in a line, as a person tells one run from another."""
    prune, quantize = config.prune, config.quantize
    parts = [config.model.name, "not pruned"]
    if prune.enabled:
        parts[1] = f"{CRITERIA[prune.importance].label} {config.cut_words}"
    if config.tokens.enabled:
        parts.append(f"merge {config.tokens.words}")
    if config.tuning_words:
        parts.append(config.tuning_words)
    engine = f", {ENGINES[quantize.engine].label}" if config.uses_engine else ""
    parts.append(f"{quantize.label}{engine}")
    parts.append("Android" if config.export.target == "android" else "this computer")
    return " · ".join(parts)
