"""Reads what earlier runs and latency tables know of how long whole models take."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pqv_core.comparison import rows
from pqv_core.comparison.stored_runs import THIS_COMPUTER, computer
from pqv_core.errors import PqvError
from pqv_core.formats import FORMATS
from pqv_core.latency import store
from pqv_core.latency.dense import Conditions, DenseLatencies, DenseLatency, gathered
from pqv_core.latency.table import LatencyTable
from pqv_core.models.sources import DEFAULT
from pqv_core.process import machine
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.results import select
from pqv_core.results.record import LOCAL, RUN_FILE, Environment, Measurement, RunRecord
from pqv_core.results.stability import is_steady
from pqv_core.schemes import has_quantized_layers

_PROJECTS, _RUNS = 20, 20
"""How many of the latest projects are looked at, and how many runs of each."""
_MOST_NS = 1e15  # beyond all measure
_SAME_MODEL = {"num_classes"}


class DenseLatencyReader:
    """Reads what is known. A run that has not changed is not read twice."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], tuple[DenseLatency, ...]]] = {}

    def read(self, latest: Sequence[Path], *, cancelled: Callable[[], bool] = lambda: False) -> DenseLatencies:
        """All that the tables and the runs of the latest projects know; what cannot be read is left out.

        Args:
            latest: Project files, the latest first.
        """
        here = machine.remembered()
        environment = here.environment if here is not None else None
        found = [each for table in store.kept() if (each := of_table(table)) is not None]
        known = {}
        for path in _runs(latest[:_PROJECTS]):
            if cancelled():
                break
            with contextlib.suppress(OSError, PqvError, ArithmeticError):  # as if it were not there
                stamp = _stamp(path)
                if self._known.get(path, (None,))[0] != stamp:
                    self._known[path] = stamp, tuple(of_run(results.load(path.parent), here=environment))
                known[path] = self._known[path]
                found += known[path][1]
        self._known = known
        return gathered(found)


def of_table(table: LatencyTable) -> DenseLatency | None:
    """What a table says of the uncut model; None where that is none of the catalogue's."""
    subject = table.subject
    if not _is_usual(subject.arguments):
        return None
    device = f"{table.device} ({table.serial})" if table.serial else table.device
    device = THIS_COMPUTER if table.serial == machine.node() else device
    file = _file(subject.scheme, subject.format, subject.engine)
    return DenseLatency(_plain(subject.model), Conditions(device, subject.threads, file), table.dense_ns, table.created)


def of_run(record: RunRecord, *, here: Environment | None) -> list[DenseLatency]:
    """What a run measured of the uncut model, each file as it runs fastest.

    Args:
        here: What is known of this computer.
    """
    model = record.config.get("model")
    if not isinstance(model, dict) or model.get("source", DEFAULT) != DEFAULT or record.state == "running":
        return []
    arguments = model.get("arguments") or {}
    if not isinstance(arguments, dict) or not _is_usual(arguments):
        return []
    name = computer(record)
    if here is not None and name == f"{here.processor}, {here.cores} cores":
        name = THIS_COMPUTER
    return [
        DenseLatency(_plain(str(model.get("name"))), conditions, taken.median_ns, record.created, is_steady(taken))
        for conditions, taken in _measured(record, computer=name)
        if 0 < taken.median_ns < _MOST_NS
    ]


def _measured(record: RunRecord, *, computer: str) -> Iterator[tuple[Conditions, Measurement]]:
    """What counts of the uncut model's files on each device, an image at a time."""
    dense = [each for each in record.variants if each.artifact.is_dense and not each.artifact.is_published]
    for setting in select.settings(record):
        device = computer if setting.target == LOCAL else setting.target
        for variant in dense:
            taken = select.at(variant, setting)
            if taken is not None and setting.batch == 1:
                artifact, engine = variant.artifact, taken.engine or variant.engine
                yield Conditions(device, setting.threads, _file(artifact.scheme, artifact.format, engine)), taken


def _plain(name: str) -> str:
    """A model's name without the tag of its weights, which do not change how long it takes."""
    return name.partition(".")[0]


def _is_usual(arguments: Mapping[str, Any]) -> bool:
    return set(arguments) <= _SAME_MODEL


def _file(scheme: str, form: str, engine: str) -> str:
    known = FORMATS.get(form)
    words = f"{rows.precision(scheme)} {known.suffix if known is not None else form}"
    kernels = rows.engine_name(engine) if engine and has_quantized_layers(scheme) else ""
    return f"{words}, {kernels}" if kernels else words


def _runs(latest: Iterable[Path]) -> Iterable[Path]:
    """The files of the latest runs of each project."""
    for project in latest:
        with contextlib.suppress(OSError):
            found = [Path(entry.path, RUN_FILE) for entry in os.scandir(projects.runs_directory(project))]
            yield from sorted(path for path in found if path.exists())[-_RUNS:]  # their names begin with the time


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size
