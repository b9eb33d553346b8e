"""Latency tables of this computer and of devices, kept for all projects, and the files of those that are at work.

A table is about a kind of device, so one that somebody else has measured is as good as one's own.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import platformdirs

from pqv_core.config import RunConfig
from pqv_core.config.budget import LOCAL
from pqv_core.errors import PqvError, from_os_error
from pqv_core.files.fsio import check_writable, remove_folder, sha256_json
from pqv_core.latency import levels
from pqv_core.latency import table as tables
from pqv_core.latency.probe_files import Folder
from pqv_core.latency.table import LatencyTable
from pqv_core.process import machine, measuring_lock

_APP = "pqv-mobile"
_PACKAGES = ("pqv-mobile", "torch", "timm", "executorch", "torchao")


def folder() -> Path:
    """Where tables are kept."""
    return platformdirs.user_data_path(_APP, appauthor=False) / "latency"


def keep(table: LatencyTable) -> Path:
    """Keep a table, in place of an earlier one of the same subject and device; where it lies then.

    Raises:
        StorageError: The folder may not be written.
    """
    place = folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, place) from error
    name = re.sub(r"[^\w.-]+", "_", table.subject.model)[:60]
    about: dict[str, Any] = {"subject": table.subject.model_dump(mode="json"), "serial": table.serial}
    if table.embedding is not None:  # which says more: one without does not take its place
        about["embeddings"] = [each.units for each in table.embeddings]
    path = place / f"{name}-{sha256_json(about)[:16]}.json"
    tables.save(path, table)
    return path


def kept() -> Iterator[LatencyTable]:
    """All that can be read, the newest first."""
    found: list[LatencyTable] = []
    for path in folder().glob("*.json"):
        with contextlib.suppress(PqvError):  # of a newer version, or damaged: as if it were not there
            found.append(tables.load(path))
    yield from sorted(found, key=lambda table: table.created, reverse=True)


def find(config: RunConfig, form: str, *, on: str, threads: int | None) -> LatencyTable | None:
    """The newest table that says how long a run's files in one of its formats take; None where there is none.

    Args:
        on: Serial or name of a device, or the kind of devices that a table's subject names.
        threads: Of the runtime; None for any number.
    """
    return next((table for table in kept() if is_of(table, on) and fits(table, config, form, threads=threads)), None)


def is_of(table: LatencyTable, on: str) -> bool:
    """Whether a table was measured on a device, as a budget names it; on this computer, with what is installed now."""
    if on == LOCAL:
        return table.serial == machine.node() and table.versions == versions()
    return on in (table.serial, table.device, table.subject.device)


def versions() -> dict[str, str]:
    """Of the packages here that decide how long a file takes."""
    found = {}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def fits(table: LatencyTable, config: RunConfig, form: str, *, threads: int | None) -> bool:
    """Whether a table is about a run's files in one of its formats, whatever the device.

    Args:
        threads: Of the runtime; None for any number.
    """
    subject = table.subject
    engine = config.quantize.engine
    return (
        (subject.model, subject.arguments) == (config.model.name, dict(config.model.arguments))
        and (subject.format, subject.scheme) == (form, config.quantize.precision)
        and subject.unit == config.prune.attention_unit
        and (knows_embeddings(table) or not (config.prunes_for_budget and config.cuts_embedding))
        and subject.target in ("", config.export.target)
        and threads in (None, subject.threads)
        and (engine in ("auto", subject.engine) or not config.uses_engine)
    )


def knows_embeddings(table: LatencyTable) -> bool:
    """Whether a table says what parts take with every embedding that a budget may choose."""
    if table.embedding is None:
        return False
    narrowest = min((each.units for each in table.embeddings), default=table.embedding)
    return narrowest <= min(levels.embeddings(table.embedding), default=table.embedding)


@contextlib.contextmanager
def at_work(
    config: RunConfig,
    form: str,
    *,
    on: str,
    work: str,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    check: Callable[[], None],
) -> Iterator[Folder]:
    """The folder in which a table is measured: by one process at a time, the others wait.

    It is removed once the block has come to its end, for then the table is kept; else whoever asks again goes on there.

    Args: as ``probes_folder`` and ``measuring_lock.held``.

    Raises:
        StorageError: The table could not be kept.
    """
    check_writable(folder() / "table.json")
    place = probes_folder(config, form, on=on)
    with measuring_lock.held(work, say=say, warn=warn, check=check, path=place.with_suffix(".lock")):
        yield Folder(place)
        remove_folder(place)


def probes_folder(config: RunConfig, form: str, *, on: str) -> Path:
    """Where the files of a table lie while it is being measured; the same for the same question."""
    question = {
        "model": [config.model.source, config.model.name, dict(config.model.arguments)],
        "unit": config.prune.attention_unit,
        "quantize": config.quantize.model_dump(mode="json"),
        "target": config.export.target,
        "format": form,
        "threads": config.measure.threads,
        "on": [on, machine.node()] if on == LOCAL else on,  # home folders may be shared by several computers
        "versions": versions(),
        **({"embedding": True} if config.cuts_embedding else {}),
    }
    return platformdirs.user_cache_path(_APP, appauthor=False) / "latency" / sha256_json(question)[:16]
