"""What the models and files of a run answered, image by image: ``answers.json`` in the folder of a stage that judges.

``run.json`` has how often they were right; this is what that was counted from, and it is too much for ``run.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Self

from pydantic import Field, ValidationError, model_validator

from pqv_core.data import dataset
from pqv_core.errors import ProjectError, from_os_error
from pqv_core.files.fsio import read_json, write_text
from pqv_core.project import project_file as projects
from pqv_core.results import artifacts
from pqv_core.results.record import Record, RunRecord

ANSWERS_FILE = "answers.json"
SCHEMA_VERSION = 1
MAX_IMAGES = 500_000
"""Of more images no answers are kept."""

MAX_BYTES = 128 << 20
NONE = -1
"""In the place of the answer to an image that could not be read."""

WHY_NONE = (
    "A run keeps its answers where it has validation images and its result was checked. Earlier versions kept none: "
    "run the project again, which repeats only what is missing."
)

_JUDGING = ("evaluate", "evaluate_pruned", "verify")
_MOST_JUDGED = 64
_MOST_OUTPUTS = 1 << 24


class StageAnswers(Record):
    """The answers of what one stage judged, as its file holds them.

    Attributes:
        classes: Names of the classes that labels, and outputs as far as they are known, stand for.
        images: The path of each image below the folder of images, with ``/``.
        labels: The class of each image, an index into ``classes``.
        answers: By what was judged, for each image the output that was the highest, or ``NONE``.
    """

    schema_version: int = SCHEMA_VERSION
    classes: tuple[str, ...]
    images: tuple[str, ...] = Field(max_length=MAX_IMAGES)
    labels: tuple[int, ...]
    answers: dict[str, tuple[int, ...]] = Field(max_length=_MOST_JUDGED)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        count = len(self.images)
        if len(self.labels) != count or any(len(given) != count for given in self.answers.values()):
            raise ValueError("there must be a class and an answer for each image")
        if count and not 0 <= min(self.labels) <= max(self.labels) < len(self.classes):
            raise ValueError("a class without a name")
        if count and any(min(given) < NONE or max(given) >= _MOST_OUTPUTS for given in self.answers.values()):
            raise ValueError("an answer that is no output")
        if any(_leads_out(name) for name in self.images):
            raise ValueError("an image outside of the folder")
        return self


def _leads_out(name: str) -> bool:
    """Whether a path would be of something else than what lies below a folder; quick, for there are very many."""
    anchored = name.startswith(("/", "\\")) or (name[1:2] == ":" and PurePath(name).drive)
    return bool(anchored or "\0" in name or (".." in name and ".." in name.replace("\\", "/").split("/")))


def save(
    directory: Path,
    *,
    classes: Sequence[str],
    images: Sequence[str],
    labels: Sequence[int],
    answers: Mapping[str, Mapping[int, int]],
) -> bool:
    """Keep answers in a stage's folder; False, and nothing is written, where there are too many images.

    Args:
        answers: By what was judged, the output by the index of the image; one that is not there could not be read.

    Raises:
        StorageError: The file cannot be written.
    """
    if len(images) > MAX_IMAGES:
        return False
    made = {
        "schema_version": SCHEMA_VERSION,
        "classes": list(classes),
        "images": list(images),
        "labels": list(labels),
        "answers": {key: [given.get(index, NONE) for index in range(len(images))] for key, given in answers.items()},
    }
    write_text(directory / ANSWERS_FILE, json.dumps(made, separators=(",", ":"), allow_nan=False))
    return True


@dataclass(frozen=True)
class Judged:
    """A model, or a file, and its answer to each image.

    Attributes:
        key: ``dense`` and ``final`` for the models in fp32, else the key of an artefact.
        label: What a person reads.
    """

    key: str
    label: str
    answers: tuple[int, ...]

    @property
    def is_file(self) -> bool:
        """Whether a file answered, and not a model in fp32."""
        return self.key not in (artifacts.DENSE, artifacts.FINAL)


@dataclass(frozen=True)
class RunAnswers:
    """All answers of a run to the same images.

    Attributes:
        judged: The uncut model first, the results last.
    """

    classes: tuple[str, ...]
    images: tuple[str, ...]
    labels: tuple[int, ...]
    judged: tuple[Judged, ...]

    def name(self, output: int) -> str:
        """The class that an output stands for."""
        return self.classes[output] if output < len(self.classes) else f"output {output}"


def load(directory: Path, record: RunRecord) -> RunAnswers | None:
    """The answers of a run, from its finished stages; None where fewer than two of its models and files have any.

    Raises:
        ProjectError: A file is damaged, or of a newer version.
        StorageError: It cannot be read.
    """
    done = {stage.name for stage in record.stages if stage.state == "done"}
    found = [made for stage in _JUDGING if stage in done and (made := _read(directory / "stages" / stage)) is not None]
    same = [made for made in found if (made.images, made.labels, made.classes) == _asked(found[0])]
    given = {key: answers for made in same for key, answers in made.answers.items()}
    judged = tuple(Judged(key, label, given[key]) for key, label in _labels(record).items() if key in given)
    if len(judged) < 2:
        return None
    return RunAnswers(found[0].classes, found[0].images, found[0].labels, judged)


def images_folder(record: RunRecord, *, project: Path) -> Path | None:
    """Where the images lie that a run was judged by, as its settings say; they may have gone since."""
    data = record.config.get("data")
    stored = data.get("val") if isinstance(data, dict) else None
    if not isinstance(stored, str) or not stored:
        return None
    path = projects.resolved_path(stored, project=project)
    return dataset.named_split(stored, "val") if dataset.is_named(stored) and not path.exists() else path


def _asked(made: StageAnswers) -> tuple[object, ...]:
    return made.images, made.labels, made.classes


def _labels(record: RunRecord) -> dict[str, str]:
    """What a person reads for whatever may have been judged, in its order."""
    models = {artifacts.DENSE: "FP32 model, uncut", artifacts.FINAL: "FP32 model, pruned"}
    return models | {variant.key: variant.label for variant in record.results}


def _read(place: Path) -> StageAnswers | None:
    """What a stage has kept; None for one of an earlier version, and of very many images."""
    path = place / ANSWERS_FILE
    try:
        plain = read_json(path, limit=MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise from_os_error(error, path) from error
    except ValueError as error:
        raise _damaged(path, error) from error
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ProjectError("The answers of this run were written by a newer PQV-Mobile.", action="Update PQV-Mobile.")
    try:
        return StageAnswers.model_validate(plain)
    except ValidationError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ProjectError:
    return ProjectError(
        "The answers of this run are damaged.",
        action=f"Delete the folder {path.parent} and run the project again.",
        details=str(error),
    )
