"""What a job says while it works: one frozen model an event, one JSON line each.

A job ends with exactly one ``Finished``. Every event carries the id of its run, so that one of a run that is
over can be told apart and dropped.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from pqv_core.errors import ErrorInfo

Outcome = Literal["succeeded", "failed", "cancelled"]
Level = Literal["info", "warning", "error"]


class Event(BaseModel):
    """What all events share."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    run: str = ""


class JobStarted(Event):
    """A run begins. ``stages`` are the names of the stages that it will do or take over, in order."""

    type: Literal["job_started"] = "job_started"
    stages: tuple[str, ...] = ()
    directory: str = ""


class StageStarted(Event):
    """A stage begins; ``index`` counts from 0 and ``total`` the stages of ``JobStarted``."""

    type: Literal["stage_started"] = "stage_started"
    stage: str
    index: int
    total: int


class StageFinished(Event):
    """A stage is complete; ``cached`` when an earlier result with the same inputs was taken over.

    ``said`` is what came of it, in a few words.
    """

    type: Literal["stage_finished"] = "stage_finished"
    stage: str
    seconds: float
    cached: bool = False
    said: str = ""


class Progress(Event):
    """Work done inside the running stage.

    Attributes:
        done: Of ``total``; both are 0 where only ``part`` is told.
        unit: What is counted, in the plural.
        part: What the stage is at, where it has several parts: a key of ``labels.PARTS``.
        share: Of the whole stage that is done; absent where ``done`` counts all of it.
        seconds_left: An estimate, absent until there is one.
    """

    type: Literal["progress"] = "progress"
    stage: str
    done: int
    total: int
    unit: str = ""
    part: str = ""
    share: float | None = None
    seconds_left: float | None = None

    @property
    def done_share(self) -> float | None:
        """How much of the stage is done, from 0 to 1; None where that is not told."""
        if self.share is not None:
            return self.share
        return self.done / self.total if self.total > 0 else None


class Metric(Event):
    """One figure of a curve: ``train_loss``, ``learning_rate``, ``val_loss``, ``val_top1``, ``between_loss``, …

    ``step`` counts optimiser steps from 1; accuracies are fractions from 0 to 1.
    """

    type: Literal["metric"] = "metric"
    name: str
    step: int
    value: float
    epoch: float | None = None


class LatencySample(Event):
    """One timed inference, in nanoseconds.

    Attributes:
        role: Key of the artefact.
        target: ``local`` or a device's serial.
    """

    type: Literal["latency_sample"] = "latency_sample"
    role: str
    index: int
    ns: int
    target: str = "local"


class Log(Event):
    """A line for a person."""

    type: Literal["log"] = "log"
    level: Level = "info"
    text: str


class Artifact(Event):
    """A file that is complete: the artefact whose key is ``role``; ``path`` is absolute."""

    type: Literal["artifact"] = "artifact"
    role: str
    path: str
    size_bytes: int


class Finished(Event):
    """The one last event of a job. ``result`` is the answer of jobs that are not runs."""

    type: Literal["finished"] = "finished"
    outcome: Outcome
    error: ErrorInfo | None = None
    stage: str = ""
    result: dict[str, object] | None = None


AnyEvent = Annotated[
    JobStarted | StageStarted | StageFinished | Progress | Metric | LatencySample | Log | Artifact | Finished,
    Field(discriminator="type"),
]
_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
_TYPES = {cls.model_fields["type"].default for cls in Event.__subclasses__()}


def encode(event: Event) -> str:
    """The event as one line of JSON, without the line's end.

    Characters that are not Unicode (of file names in another encoding) become question marks.
    """
    try:
        return event.model_dump_json()
    except PydanticSerializationError:
        text = json.dumps(event.model_dump(mode="json"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8", "replace").decode("utf-8")


def decode(line: str | bytes) -> AnyEvent | None:
    """The event that a line holds, or None when the line is none (a stray print of a library)."""
    try:
        return _ADAPTER.validate_json(line)
    except (ValidationError, UnicodeDecodeError):
        return None


def unknown_type(line: str | bytes) -> str:
    """The type of an event that only a newer version knows; empty where the line is no event at all."""
    try:
        plain = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    named = plain.get("type") if isinstance(plain, dict) and "run" in plain else None
    return named if isinstance(named, str) and named not in _TYPES else ""
