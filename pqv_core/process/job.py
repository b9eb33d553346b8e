"""What a worker process is asked to do: one JSON object on its standard input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pqv_core.config import RunConfig
from pqv_core.config.base import config_error
from pqv_core.errors import UsageError


class JobBase(BaseModel):
    """What all jobs share; ``run`` is the id that every event of this job will carry."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    run: str


Part = Literal["whole", "here", "away"]
"""Of a run whose stages several computers do: what must be done on the one that the run is about, or the rest."""


class RunJob(JobBase):
    """Do a run of a project. ``run`` is chosen by ``pqv_core.project.runs``.

    Attributes:
        project: Absolute path of the project file, beside which the run is kept and from which relative paths count.
        config: What to do. It travels with the job, so that later changes of the project do not reach into the run.
        fresh: Do not reuse earlier runs.
        remeasure: Do the stages that measure once more, though they are complete.
        part: ``here`` stops before the first unfinished stage that may be done elsewhere. ``away`` does those only,
            takes all others as they lie in the run's folder, and stops where one is missing.
        threads: Of training and pruning; None for as many as there are cores.
    """

    kind: Literal["run"] = "run"
    project: str
    config: RunConfig
    fresh: bool = False
    remeasure: bool = False
    part: Part = "whole"
    threads: int | None = Field(default=None, ge=1)


class BenchJob(JobBase):
    """Measure exported files on this computer, interleaved.

    The result holds ``measurements``: by file, one for each engine, number of threads and batch.

    Attributes:
        files: Absolute paths.
        engines: Engines to load each file with; ``auto`` keeps the one that the file names, else the default.
        input_shape: Shape of the fp32 input (1, C, H, W); None reads it from the file's own description.
        threads: Numbers of threads; none for this computer's default.
        batches: Images per inference; each takes the place of the first size of the input's shape.
        max_seconds: Time box of a loop; each number of threads and each batch has a loop of its own.
        profile: Time the operators of each file too, apart from the loops.
    """

    kind: Literal["bench"] = "bench"
    files: tuple[str, ...] = Field(min_length=1)
    engines: tuple[str, ...] = ("auto",)
    input_shape: tuple[int, ...] | None = None
    threads: tuple[Annotated[int, Field(ge=1, le=256)], ...] = ()
    batches: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = ()
    warmup: int = Field(default=5, ge=0)
    iterations: int = Field(default=50, ge=1)
    max_seconds: float = Field(default=60.0, gt=0)
    profile: bool = False


class AnswerJob(JobBase):
    """Answer with exported files, on this computer, what a phone will be asked too.

    The inputs are one of fixed noise, then validation images. They and the answers are written into ``folder`` as
    raw little-endian float32 values, inputs one after another, each answer beside the last.

    Attributes:
        files: Absolute paths; all take inputs of one shape.
        folder: Absolute path of a folder that is there.
        val: Absolute path of a folder of validation images; None for the noise only.
        images: Most of them to ask about.
    """

    kind: Literal["answer"] = "answer"
    files: tuple[str, ...] = Field(min_length=1)
    folder: str
    val: str | None = None
    images: int = Field(default=64, ge=1)


class TryJob(JobBase):
    """Ask exported files about images of a person's choice, on this computer; the result is a ``Tried``.

    Each file is given the images in the form that it states itself.

    Attributes:
        files: Absolute paths.
        images: Absolute paths.
    """

    kind: Literal["try"] = "try"
    files: tuple[str, ...] = Field(min_length=1)
    images: tuple[str, ...] = Field(min_length=1)


class Guess(BaseModel):
    """A class that a file takes an image for, and its share by softmax, from 0 to 1."""

    model_config = ConfigDict(frozen=True)

    name: str
    share: float


class Tried(BaseModel):
    """What ``TryJob`` results in.

    Attributes:
        guesses: By file, for each image that could be read its five most likely classes, the first the likeliest.
        problems: By image that could not be read, why.
    """

    model_config = ConfigDict(frozen=True)

    guesses: dict[str, dict[str, tuple[Guess, ...]]]
    problems: dict[str, str]


class ProbesJob(JobBase):
    """Write the files from which a latency table of a model is measured, wherever that is.

    The result is a ``pqv_core.latency.probe_files.ProbeFiles``. Weights do not matter for it and are random.

    Attributes:
        config: Of the project: its model, scheme, engine.
        format: Key of one of its formats.
        folder: Absolute path; files of the same job that was stopped are there already.
        more: Further widths, by the name of a part (``levels.bends``).
    """

    kind: Literal["probes"] = "probes"
    config: RunConfig
    format: str
    folder: str
    more: dict[str, tuple[int, ...]] = {}


class LatencyJob(JobBase):
    """Measure what each part of a model costs at each width, on this computer, and keep the table.

    The result is a ``pqv_core.latency.table.LatencyTable``. Otherwise as ``ProbesJob``.
    """

    kind: Literal["latency"] = "latency"
    config: RunConfig
    format: str


class Answers(BaseModel):
    """What ``AnswerJob`` results in.

    Attributes:
        inputs: Path of the inputs.
        count: Number of inputs.
        labels: Classes of the last inputs, those that are images.
        logits: By file, the path of its answers.
    """

    model_config = ConfigDict(frozen=True)

    inputs: str
    count: int
    labels: tuple[int, ...]
    logits: dict[str, str]


class ProbeJob(JobBase):
    """Find out what this computer can do; the result is a ``pqv_core.process.machine.Machine``."""

    kind: Literal["probe"] = "probe"


Job = RunJob | BenchJob | AnswerJob | TryJob | ProbesJob | LatencyJob | ProbeJob
_ADAPTER: TypeAdapter[Job] = TypeAdapter(Annotated[Job, Field(discriminator="kind")])


def decode(line: str | bytes) -> Job:
    """The job that a line holds.

    Raises:
        UsageError: The line holds none.
    """
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as error:
        raise _refused(error) from error


def _refused(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False)[0]
    if "config" in first["loc"]:
        return config_error(error, below="config")
    if first["type"] == "union_tag_invalid":
        return UsageError(
            f"The worker knows no job of the kind {str(first['ctx']['tag'])[:60]!r}; a newer version may support it.",
            action="Use the same PQV-Mobile version for the worker and its caller.",
            details=str(error),
        )
    return UsageError(
        "The worker was given something that is not a job.",
        action="Start runs with: pqv run PROJECT.pqv.",
        details=str(error),
    )
