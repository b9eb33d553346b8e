"""What stands below a picture of a chart, so that it says by itself where, of what, when and with what it was made."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence

from pqv_core import formatting
from pqv_core.comparison.stored_runs import THIS_COMPUTER, StoredRun, computer

_MOST_RUNS = 3  # that are called by their names
_LIBRARIES = ("torch", "timm")  # those that decide about a model's figures


def of_runs(runs: Sequence[StoredRun], *, device: str) -> str:
    """The caption of what these runs measured on a device, given oldest first.

    Args:
        device: What it is called in the comparison; this computer is told by its processor.
    """
    if device == THIS_COMPUTER and runs:
        device = computer(runs[-1].record)
    names = [run.title for run in runs] if len(runs) <= _MOST_RUNS else [formatting.counted(len(runs), "run")]
    versions = dict.fromkeys(_versions(run) for run in runs)
    return words(device, *names, _period([run.record.created for run in runs]), *versions)


def words(*parts: str) -> str:
    """The parts of a caption in a line, apart by what no run's name has; none is said twice."""
    return "; ".join(part for part in dict.fromkeys(parts) if part)


def program() -> str:
    """This program with its version."""
    return f"PQV-Mobile {version()}".strip()


def version() -> str:
    """This program's version; empty where it runs from a checkout that was not installed."""
    try:
        return importlib.metadata.version("pqv-mobile")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _period(created: Iterable[str]) -> str:
    """From when to when; what is no time is not said."""
    moments = sorted(moment for text in created if (moment := formatting.moment(text)) is not None)
    ends = (formatting.date(moment) for moment in (moments[:1] + moments[-1:]))
    return " to ".join(dict.fromkeys(ends))


def _versions(run: StoredRun) -> str:
    environment = run.record.environment
    known = (f"{name} {environment.versions[name]}" for name in _LIBRARIES if name in environment.versions)
    return ", ".join((f"PQV-Mobile {environment.pqv}", *known))
