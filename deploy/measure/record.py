"""What phones measured of a run's files, kept in the run beside what this computer measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pqv_core.files.fsio import sha256_file
from pqv_core.project import runs
from pqv_core.results import record as results
from pqv_core.results.record import Measurement, RunRecord


def files(directory: Path) -> dict[Path, tuple[str, ...]]:
    """The baselines and results in a run's folder, with the keys of their artefacts.

    Artefacts whose files are the same, byte by byte, share one.

    Raises:
        ProjectError: The run cannot be read.
        StorageError: A file cannot be read.
    """
    found: dict[str, tuple[Path, tuple[str, ...]]] = {}
    record = results.load(directory)
    for variant in record.variants:
        if not variant.artifact.is_step:
            path = directory / variant.file
            key = sha256_file(path)
            known, shared = found.get(key, (path, ()))
            found[key] = (known, (*shared, variant.key))
    return dict(found.values())


def add(directory: Path, measured: Mapping[str, Sequence[Measurement]]) -> RunRecord:
    """Add measurements to a run's artefacts, by their keys; the record as it is then.

    Raises:
        ProjectError: The run cannot be read, or another process works on it.
        StorageError: It cannot be written.
    """
    with runs.claimed(directory):
        record = results.load(directory)
        variants = tuple(
            variant.model_copy(update={"measurements": (*variant.measurements, *measured.get(variant.key, ()))})
            for variant in record.variants
        )
        record = record.model_copy(update={"variants": variants})
        results.save(directory, record)
    return record
