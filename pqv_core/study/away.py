"""A part of a run on another computer: what is sent there, what is done there, and what comes back.

What travels is JSON and the archives of finished stages. A run's folder is made there for as long as it takes; each
stage that is finished is sent back at once, so that a computer that is lost costs the stage at which it was.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pqv_core.data import dataset
from pqv_core.errors import ClusterError, PqvError, foreseen
from pqv_core.process.events import AnyEvent, Finished, StageFinished
from pqv_core.process.job import RunJob
from pqv_core.process.worker_client import Worker
from pqv_core.project import project_file as projects
from pqv_core.project import stage_folder

Sent = tuple[str, bytes]
"""JSON of a ``Said``, and the archive of the stage that arrives; otherwise no bytes."""

_DISTRIBUTIONS = ("pqv-mobile", "torch", "torchvision", "timm", "torch-pruning", "accelerate")


class Order(BaseModel):
    """What is to be done there.

    Attributes:
        job: The part ``away`` of a run, with absolute paths.
        images: Hash of each folder of images, by its path.
        stages: Names of the finished stages whose archives are sent along, in their order.
    """

    model_config = ConfigDict(frozen=True)

    job: RunJob
    images: dict[str, str]
    stages: tuple[str, ...]


class Began(BaseModel):
    """There was room, and the work has begun on a computer of this name."""

    type: Literal["began"] = "began"
    node: str


class Arrives(BaseModel):
    """A finished stage comes along."""

    type: Literal["arrives"] = "arrives"
    stage: str


Said = Annotated[Began | Arrives | AnyEvent, Field(discriminator="type")]
_SAID: TypeAdapter[Said] = TypeAdapter(Said)


def read(text: str) -> Said:
    """What another computer says.

    Raises:
        ClusterError: It is nothing that this version knows.
    """
    try:
        return _SAID.validate_json(text)
    except ValueError as error:
        raise ClusterError(
            "Another computer sent an unknown message.", action=_SAME_VERSIONS, details=str(error)
        ) from error


def order(job: RunJob, *, images: Mapping[str, str], stages: Mapping[str, Path]) -> tuple[Order, list[bytes]]:
    """What is sent for a part of a run: the order, and the archives of its finished stages.

    Raises:
        StorageError: A stage cannot be read.
    """
    config = projects.with_absolute_paths(job.config, project=Path(job.project))
    away = job.model_copy(update={"config": config, "part": "away"})
    archives = [stage_folder.packed(place) for place in stages.values()]
    return Order(job=away, images=dict(images), stages=tuple(stages)), archives


def image_hashes(job: RunJob) -> dict[str, str]:
    """The hash of each folder of images of a run, by its absolute path; named data sets are left out.

    Raises:
        DataError: A folder is missing.
        StorageError: One may not be read.
    """
    stored = [job.config.data.train, job.config.data.val]
    folders = {projects.resolved_path(path, project=Path(job.project)): path for path in stored if path}
    return {
        folder.as_posix(): dataset.fingerprint(folder)
        for folder, path in folders.items()
        if folder.exists() or not dataset.is_named(path)
    }


def versions() -> dict[str, str]:
    """What must be the same on all computers, because stages depend on it."""
    return {name: metadata.version(name) for name in _DISTRIBUTIONS}


def work(wanted: Mapping[str, str], text: str, *archives: bytes) -> Iterator[Sent]:
    """Do, on the other computer, what was ordered; what is said of it ends with one ``Finished``.

    Args:
        wanted: The versions of the computer that asks.
        text: JSON of the order.
        archives: Of the stages that it names.
    """
    node = platform.node()
    yield Began(node=node).model_dump_json(), b""
    run = ""
    try:
        _check_versions(wanted)
        asked = Order.model_validate_json(text)
        run = asked.job.run
        _check_images(asked.images)
        with tempfile.TemporaryDirectory(prefix="pqv-trial-", ignore_cleanup_errors=True) as folder:
            yield from _done(asked, archives, Path(folder))
    except (PqvError, OSError) as error:
        known = foreseen(error)
        assert known is not None
        yield Finished(run=run, outcome="failed", error=known.info()).model_dump_json(), b""


def _done(asked: Order, archives: tuple[bytes, ...], folder: Path) -> Iterator[Sent]:
    project = folder / f"trial{projects.SUFFIX}"
    job = asked.job.model_copy(update={"project": str(project)})
    run = projects.runs_directory(project) / job.run
    for stage, content in zip(asked.stages, archives, strict=True):
        stage_folder.put(run, stage, content)
    with Worker(job) as worker:
        for event in worker.events():
            if isinstance(event, StageFinished) and not event.cached:
                content = stage_folder.packed(run / stage_folder.STAGES / event.stage)
                yield Arrives(stage=event.stage).model_dump_json(), content
            yield event.model_dump_json(), b""


_SAME_VERSIONS = "Install the same version of PQV-Mobile and its libraries on every computer of the cluster."


def _check_versions(wanted: Mapping[str, str]) -> None:
    found = versions()
    other = [
        f"{name} {found.get(name, 'not at all')}, not {there}"
        for name, there in wanted.items()
        if found.get(name) != there
    ]
    if other:
        raise ClusterError(f"Other versions are installed: {'; '.join(other)}.", action=_SAME_VERSIONS)


def _check_images(wanted: Mapping[str, str]) -> None:
    for folder, there in wanted.items():
        try:
            found = dataset.fingerprint(Path(folder))
        except PqvError as error:
            raise ClusterError(error.message, action=_SAME_IMAGES, details=error.details) from error
        if found != there:
            raise ClusterError(f"Other images lie in {folder} (by names, sizes or times).", action=_SAME_IMAGES)


_SAME_IMAGES = (
    "Give every computer of the cluster the same images under the same path: a shared folder, or a copy that keeps the "
    "times of files (rsync -a)."
)
