"""``pqv study``: new, run, show and use."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pqv_core.cli.help_names import naming

if TYPE_CHECKING:
    from pqv_core.config import RunConfig
    from pqv_core.study.executors import Executor
    from pqv_core.study.runner import Meter

Json = Annotated[bool, typer.Option("--json", help="Print JSON lines only.")]
StudyFolder = Annotated[Path, typer.Argument(help="The study's folder, NAME.study.", metavar="STUDY")]
RayAddress = Annotated[
    str | None,
    typer.Option("--ray", help="Train on the other computers of a Ray cluster (HOST:PORT, auto).", metavar="ADDRESS"),
]
RayCpus = Annotated[
    int | None,
    typer.Option("--ray-cpus", help="Processors for each training. Default: those of the smallest computer.", min=1),
]
_ENDING = b"\nEnding the study ... (Ctrl-C again: at once)\n"


def group() -> typer.Typer:
    """``study`` with its commands."""
    app = typer.Typer(help="Try many settings of a project: a sampler chooses, each trial is a run.")
    app.command(cls=naming(_choices))(new)
    for command in (run, show, use):
        app.command()(command)
    return app


def _choices() -> dict[str, object]:
    """What the help of ``pqv study new`` names."""
    from pqv_core.study.figures import FIGURES
    from pqv_core.study.samplers import SAMPLERS

    return {"figures": ", ".join(FIGURES), "samplers": ", ".join(SAMPLERS)}


def new(
    project: Annotated[Path, typer.Argument(help="The project file, NAME.pqv.", metavar="PROJECT")],
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            help="A setting and its values: A,B,C, or FROM:TO, FROM:TO:STEP, FROM:TO:log; repeatable.",
            metavar="KEY=VALUES",
        ),
    ],
    objective: Annotated[
        list[str] | None,
        typer.Option(help="What to make as good as possible: {figures}; repeatable.", metavar="FIGURE"),
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(help='What to keep to, for example "top1_drop<=1" or "size<=10MB"; repeatable.', metavar="BOUND"),
    ] = None,
    sampler: Annotated[str, typer.Option(help="How trials are chosen: {samplers}.")] = "tpe",
    trials: Annotated[
        int | None, typer.Option(help="Most trials. Default: 30, or with --hours or a grid no limit.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="No trial begins after so many hours of work.")] = None,
    early_stop: Annotated[
        bool, typer.Option(help="Stop hopeless trials while they are fine-tuned; where accuracy decides.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Seed of the sampler.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Another setting for all trials; repeatable.", metavar="KEY=VALUE")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the study. Default: the project's.")] = None,
    as_json: Json = False,
) -> None:
    """Make a study beside a project: what is varied, what is wanted, and when it is over."""
    from pqv_core.cli import study_view
    from pqv_core.errors import UsageError
    from pqv_core.study import new_study, study_file

    if name is not None and (not name.strip() or Path(name).name != name):
        raise UsageError(f"{name!r} is no name of a study.", action="Give a plain name, without folders.")
    made = new_study.build(
        new_study.Choices(
            project=project,
            vary=tuple(vary),
            objectives=tuple(objective or ()),
            constraints=tuple(constraint or ()),
            sampler=sampler,
            trials=trials,
            hours=hours,
            early_stop=early_stop,
            seed=seed,
            settings=tuple(settings or ()),
        )
    )
    folder = study_file.named(project.with_name(name or project.stem))
    study_file.create(folder, made)
    study_view.say_new(folder, made, as_json=as_json)


def run(study: StudyFolder, ray: RayAddress = None, ray_cpus: RayCpus = None, as_json: Json = False) -> int:
    """Run a study, or go on with it; every trial is a run of the project."""
    return do(study, ray=ray, ray_cpus=ray_cpus, as_json=as_json)


def do(
    study: Path,
    *,
    as_json: bool,
    ray: str | None = None,
    ray_cpus: int | None = None,
    meter: Meter | None = None,
    prepare: Callable[[RunConfig], None] | None = None,
    options: Sequence[str] = (),
) -> int:
    """Run a study on this terminal; returns the exit code.

    Args:
        ray: Address of the cluster that trains; None for this computer.
        ray_cpus: Processors for each training there.
        meter: Measures trials besides.
        prepare: Has measured what a trial's run needs first.
        options: Of the command, besides those for the cluster, with which one goes on after Ctrl-C.
    """
    from pqv_core.cli import app as cli_app
    from pqv_core.cli import study_view
    from pqv_core.cli.signals import ending
    from pqv_core.process.events import Event, encode
    from pqv_core.study.runner import Said, StudyRunner

    with study_view.Progress() as view:

        def heard(event: Said) -> None:
            if as_json:
                print(encode(event) if isinstance(event, Event) else event.model_dump_json(), flush=True)
            view.show(event)

        runner = StudyRunner(study, _executor(study, ray, ray_cpus), heard=heard, meter=meter, prepare=prepare)
        with ending(runner.cancel, force=runner.kill, notice=_ENDING):
            end = runner.run()
    if end.outcome == "cancelled":
        cluster = [*(["--ray", ray] if ray else []), *(["--ray-cpus", str(ray_cpus)] if ray_cpus else [])]
        again = shlex.join(["pqv", "study", "run", str(study), *cluster, *options])
        print(f"Cancelled; finished trials and stages are kept. Continue with: {again}", file=sys.stderr)
        return cli_app.CANCELLED
    study_view.say(study, as_json=as_json)
    return cli_app.DONE


def _executor(study: Path, ray: str | None, ray_cpus: int | None) -> Executor:
    """Where the runs of trials are done."""
    from pqv_core.errors import UsageError
    from pqv_core.study import study_file
    from pqv_core.study.executors import LocalExecutor

    if ray is None:
        if ray_cpus is not None:
            raise UsageError("--ray-cpus is for a Ray cluster.", action="Add --ray ADDRESS, or leave it out.")
        return LocalExecutor()
    settings = study_file.load(study).space.base
    try:
        from pqv_core.study.ray_nodes import RayNodes
    except ImportError as error:
        raise UsageError(
            "Ray is not installed.", action="Install it with: pip install 'pqv-mobile[cluster]'.", details=str(error)
        ) from error
    from pqv_core.study.cluster_executor import ClusterExecutor

    return ClusterExecutor(RayNodes(ray, config=settings, cpus=ray_cpus))


def show(study: StudyFolder, as_json: Json = False) -> None:
    """A study so far: its front, what decides, and how to use what it found."""
    from pqv_core.cli import study_view

    if as_json:
        for line in study_view.lines(study):
            print(json.dumps(line))
    else:
        study_view.say(study, as_json=False)


def use(
    study: StudyFolder,
    trial: Annotated[int, typer.Argument(help="Number of the trial.", metavar="TRIAL")],
    to: Annotated[
        Path | None, typer.Option(help="Make a new project instead of changing the study's.", metavar="PROJECT")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the settings of a trial into the project, or into a new one."""
    from pqv_core.cli import study_view
    from pqv_core.study import use_trial

    chosen, project = use_trial.write(study, trial, to=to)
    study_view.say_used(chosen, project, as_json=as_json)
