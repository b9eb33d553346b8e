"""What a worker process is asked to do: one JSON object on its standard input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pqv_core.errors import UsageError


class JobBase(BaseModel):
    """What all jobs share; ``run`` is the id that every event of this job will carry."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    run: str


class RunJob(JobBase):
    """Do what a project says. ``run`` is chosen by ``pqv_core.runs.choose``.

    Attributes:
        project: Absolute path of the project file.
        fresh: Take nothing over from earlier runs.
    """

    kind: Literal["run"] = "run"
    project: str
    fresh: bool = False


class BenchJob(JobBase):
    """Measure ``.ptl`` files on this computer, interleaved. The result holds one measurement a file.

    Attributes:
        files: Absolute paths.
        engines: Engine to load each file with; ``auto`` keeps the one that the file names, else the default.
        input_shape: Shape of the fp32 input; None reads it from the file's own description.
    """

    kind: Literal["bench"] = "bench"
    files: tuple[str, ...] = Field(min_length=1)
    engines: tuple[str, ...] = ("auto",)
    input_shape: tuple[int, ...] | None = None
    threads: int | None = Field(default=None, ge=1, le=256)
    warmup: int = Field(default=5, ge=0)
    iterations: int = Field(default=50, ge=1)
    max_seconds: float = Field(default=60.0, gt=0)


Job = Annotated[RunJob | BenchJob, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[RunJob | BenchJob] = TypeAdapter(Job)


def decode(line: str | bytes) -> RunJob | BenchJob:
    """The job that a line holds.

    Raises:
        UsageError: The line holds none.
    """
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as error:
        raise UsageError(
            "The worker was given something that is not a job.",
            action="Start runs with: pqv run PROJECT.pqv.",
            details=str(error),
        ) from error
