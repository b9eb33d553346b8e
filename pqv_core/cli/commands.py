"""The commands of ``pqv`` that need neither a phone nor a window: demo, new, run, study, show, …

What a command needs is imported inside it, so that ``pqv --version`` and ``pqv --help`` are quick.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from pqv_core.cli import study
from pqv_core.cli.absolute_path import absolute
from pqv_core.cli.help_names import naming

if TYPE_CHECKING:
    from pqv_core.config import RunConfig
    from pqv_core.process.events import Finished

ProjectFile = Annotated[Path, typer.Argument(help="The project file, NAME.pqv.", metavar="PROJECT")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines only.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start a new run without reusing earlier ones.")]

Formats = Annotated[
    str | None,
    typer.Option("--format", help="Formats of this run's files, for example ptl,pte.", metavar="FORMAT,..."),
]
MeasureAgain = Annotated[bool, typer.Option("--measure-again", help="Repeat only the measurements.")]

LatencySource = Annotated[
    Path | None,
    typer.Argument(help="A project; or a table that somebody else has measured.", metavar="[PROJECT|TABLE]"),
]
LatencyFormat = Annotated[str | None, typer.Option("--format", help="One of its formats. Default: the first.")]
LatencyThreads = Annotated[int | None, typer.Option(help="Threads. Default: those of the project.", min=1, max=256)]
LatencyOut = Annotated[Path | None, typer.Option(help="Write the table, as JSON, into this file.", metavar="FILE")]

DEMO_FOLDER = Path("demo")


def register(app: typer.Typer) -> None:
    """Add this room's commands to ``pqv``."""
    app.callback()(_version_option)
    app.command()(demo)
    app.command(cls=naming(_choices))(new)
    for command in (run, latency, show, diff, lost, report, models, plugins, info):
        app.command()(command)
    app.command("try")(try_images)
    app.add_typer(study.group(), name="study")


def _choices() -> dict[str, object]:
    """What the help of ``pqv new`` names."""
    from pqv_core.config.export import Target
    from pqv_core.config.prune import MAX_RATIO
    from pqv_core.config.quantize import ENGINES
    from pqv_core.criteria import CRITERIA
    from pqv_core.formats import FORMATS
    from pqv_core.project.presets import PRESETS
    from pqv_core.schemes import SCHEMES

    return {
        "importances": ", ".join(CRITERIA),
        "precisions": ", ".join(SCHEMES),
        "engines": ", ".join(ENGINES),
        "targets": ", ".join(get_args(Target)),
        "formats": ", ".join(FORMATS),
        "max_ratio": MAX_RATIO,
        "presets": ", ".join(PRESETS),
    }


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pqv {importlib.metadata.version('pqv-mobile')}")
        raise typer.Exit


def _version_option(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Prune, quantize, export and measure Vision Transformers for phones."""


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for the demo project.", metavar="[DIR]")] = DEMO_FOLDER,
    fresh: Fresh = False,
    as_json: Json = False,
) -> int:
    """Make the demo project (handwritten digits, no network needed) and run it."""
    from pqv_core.project import demo as demos

    return _run(demos.create(folder), fresh=fresh, as_json=as_json)


def new(
    project: Annotated[Path, typer.Argument(help="The project file to create, NAME.pqv.", metavar="PROJECT")],
    model: Annotated[str, typer.Option(help="timm model name; see: pqv models.", metavar="NAME")],
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Use the published weights.")] = False,
    weights: Annotated[Path | None, typer.Option(help="Use weights from a .safetensors or .pth file.")] = None,
    random: Annotated[bool, typer.Option("--random", help="Use random weights (only latency is meaningful).")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Images: DIR/train and DIR/val, one folder per class.", metavar="DIR")
    ] = None,
    importance: Annotated[str | None, typer.Option(help="Importance criterion: {importances}.")] = None,
    ratio: Annotated[float | None, typer.Option(help="Share of each width to remove, up to {max_ratio}.")] = None,
    latency: Annotated[
        str | None,
        typer.Option("--latency", help="Instead of a ratio: cut until an inference takes this.", metavar="30ms"),
    ] = None,
    speedup: Annotated[
        str | None, typer.Option(help="Instead of a ratio: cut until it is this many times as fast.", metavar="2x")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="Whose latency: local, or a phone (serial or name).", metavar="DEVICE")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option(help="Instead of a ratio: cut until the file is at most this large.", metavar="10MB")
    ] = None,
    no_prune: Annotated[bool, typer.Option("--no-prune", help="Cut nothing.")] = False,
    epochs: Annotated[int | None, typer.Option(help="Fine-tuning epochs; 0 to skip.")] = None,
    precision: Annotated[str | None, typer.Option(help="{precisions}.")] = None,
    engine: Annotated[str | None, typer.Option(help="{engines}.")] = None,
    target: Annotated[str | None, typer.Option(help="Target: {targets}.")] = None,
    formats: Annotated[
        str | None, typer.Option("--format", help="File formats, one or more: {formats}.", metavar="FORMAT,...")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Preset: {presets}. Other options override it.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting; repeatable.", metavar="KEY=VALUE")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing project file.")] = False,
) -> None:
    """Make a project: which model, which images, what is cut, in which numbers the result computes."""
    from pqv_core.cli import report as cli_report
    from pqv_core.config.export import named_formats
    from pqv_core.project import new_config
    from pqv_core.project import project_file as projects

    _check_new_path(project, force=force)
    choices = new_config.Choices(
        project=project,
        model=model,
        pretrained=pretrained,
        weights=weights,
        random=random,
        data=data,
        importance=importance,
        ratio=ratio,
        latency=latency,
        speedup=speedup,
        on=on,
        max_size=max_size,
        prune=not no_prune,
        epochs=epochs,
        precision=precision,
        engine=engine,
        target=target,
        formats=tuple(named_formats(formats or "")),
        preset=preset,
        settings=tuple(settings or ()),
    )
    made = new_config.build(choices)
    projects.save(project, projects.Project(config=made.config))
    cli_report.say_new(project, made)


def _check_new_path(project: Path, *, force: bool) -> None:
    from pqv_core.errors import UsageError
    from pqv_core.project.project_file import SUFFIX

    if project.suffix != SUFFIX:
        raise UsageError(
            f"A project file ends in {SUFFIX}, and {project.name} does not.", action=f"Use {project.name}{SUFFIX}."
        )
    if project.exists() and not force:
        raise UsageError(
            f"{project} already exists.", action="Choose another name, or overwrite it with --force; its runs are kept."
        )


def run(
    project: ProjectFile,
    fresh: Fresh = False,
    remeasure: MeasureAgain = False,
    formats: Formats = None,
    as_json: Json = False,
) -> int:
    """Do what a project says. What an earlier run has finished is taken over; a run that was stopped goes on."""
    return _run(project, fresh=fresh, remeasure=remeasure, formats=formats, as_json=as_json)


def run_config(project: Path, formats: str | None) -> RunConfig:
    """What a run of a project does; in the formats that are named, where some are.

    Raises:
        ProjectError: The project cannot be read.
        ConfigError: There is no such format.
    """
    from pqv_core.config import with_settings
    from pqv_core.config.export import named_formats
    from pqv_core.project import project_file as projects

    config = projects.load(project).config
    return config if formats is None else with_settings(config, {"export.formats": named_formats(formats)})


def _run(project: Path, *, fresh: bool, remeasure: bool = False, formats: str | None = None, as_json: bool) -> int:
    from pqv_core.cli import report as cli_report
    from pqv_core.cli import run_job as cli_job
    from pqv_core.project import new_config, runs

    config = run_config(project, formats)
    new_config.check(config, project=project)
    job = runs.job(Path(absolute(project)), config=config, fresh=fresh, remeasure=remeasure)
    finished = cli_job.do(job, as_json=as_json)
    if finished.outcome == "succeeded":
        cli_report.say_run(project, job.run, as_json=as_json)
    again = f" --format {formats}" if formats else ""
    return exit_code(finished, f"Continue with: pqv run {project}{again}")


def latency(
    source: LatencySource = None,
    form: LatencyFormat = None,
    threads: LatencyThreads = None,
    out: LatencyOut = None,
    as_json: Json = False,
) -> int:
    """What each part of a project's model takes at each width that it could be cut to: measured on this computer.

    With the file of a table, that is kept; with nothing, the tables that are kept are listed.
    """
    from pqv_core.cli import latency as cli_latency

    if form is None and threads is None and out is None and (source is None or not cli_latency.is_project(source)):
        if source is None:
            cli_latency.show_kept(as_json=as_json)
        else:
            cli_latency.take_in(source, as_json=as_json)
        return 0
    project = cli_latency.project_of(source)
    finished = cli_latency.run(run_config(project, form), threads=threads, out=out, as_json=as_json)
    return exit_code(finished, f"Go on with: pqv latency {project}")


def exit_code(finished: Finished, go_on: str) -> int:
    """The exit code of a job; a failure is said, a cancelled job says how to go on."""
    import sys

    from pqv_core import labels
    from pqv_core.cli import app as cli_app

    if finished.outcome == "cancelled":
        print(f"Cancelled; finished work is kept. {go_on}".strip(), file=sys.stderr)
        return cli_app.CANCELLED
    if finished.error is not None:
        if finished.stage:
            print(f"Stage “{labels.stage(finished.stage)}” failed.", file=sys.stderr)
        cli_app.report(finished.error, as_json=False)  # a reader of JSON has it in the last event
        return cli_app.WRONG_USAGE if finished.error.kind in ("UsageError", "ConfigError") else cli_app.FAILED
    return cli_app.DONE


def show(
    file: Annotated[
        Path, typer.Argument(help="A project (.pqv), an exported model, weights, or any other file.", metavar="FILE")
    ],
    as_json: Json = False,
) -> None:
    """A project with its runs, or what any other file is and what stands in it; it is read and not run."""
    from pqv_core.cli import report as cli_report
    from pqv_core.cli import show_file as cli_file
    from pqv_core.files.kind import Kind, kind
    from pqv_core.project.project_file import SUFFIX

    if file.suffix == SUFFIX or (file.exists() and kind(file) is Kind.PROJECT):
        cli_report.show(file, as_json=as_json)
    else:
        cli_file.show_any(file, as_json=as_json)


def diff(
    project: ProjectFile,
    one: Annotated[
        str | None, typer.Argument(help="A run, by id or name. Default: the newest but one.", metavar="[RUN]")
    ] = None,
    other: Annotated[
        str | None, typer.Argument(help="The run to compare with it. Default: the newest.", metavar="[OTHER]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Two runs of a project: the settings in which they differ, and by how much each figure changed."""
    from pqv_core.cli import diff as cli_diff

    cli_diff.show(project, one, other, as_json=as_json)


def lost(
    project: ProjectFile,
    run: Annotated[
        str | None, typer.Argument(help="A run, by id or name. Default: the newest with answers.", metavar="[RUN]")
    ] = None,
    before: Annotated[
        str, typer.Option(help="Model or file to start from. Default: the uncut model.", metavar="KEY")
    ] = "",
    after: Annotated[
        str, typer.Option(help="Model or file to compare with it. Default: the result.", metavar="KEY")
    ] = "",
    as_json: Json = False,
) -> None:
    """What a run lost: accuracy by class before and after, new confusions, and the images whose answer changed."""
    from pqv_core.cli import lost as cli_lost

    cli_lost.show(project, run, before=before, after=after, as_json=as_json)


def try_images(
    project: ProjectFile,
    images: Annotated[list[Path], typer.Argument(help="Images, or folders of images.", metavar="IMAGE...")],
    run: Annotated[
        str | None, typer.Option(help="A run, by id or name. Default: the newest with a file.", metavar="RUN")
    ] = None,
    before: Annotated[str, typer.Option(help="File to ask first. Default: the uncut one.", metavar="KEY")] = "",
    after: Annotated[str, typer.Option(help="File to ask beside it. Default: the result.", metavar="KEY")] = "",
    as_json: Json = False,
) -> int:
    """Ask the uncut and the compressed file of a run about images of your own: five classes each, side by side."""
    from pqv_core.cli import try_images as cli_try

    finished = cli_try.show(project, images, run=run, before=before, after=after, as_json=as_json)
    return exit_code(finished, "")


def report(
    project: ProjectFile,
    out: Annotated[Path | None, typer.Option(help="Output file. Default: next to the project.")] = None,
    form: Annotated[str, typer.Option("--format", help="html, csv, json or netron (operator times).")] = "html",
    run: Annotated[list[str] | None, typer.Option(help="Only this run; repeatable.", metavar="ID")] = None,
    as_json: Json = False,
) -> None:
    """Compare the runs of a project in one file: table, charts, the paper's figures, raw figures, versions."""
    from pqv_core.cli import report as cli_report

    cli_report.write(project, out, form, runs=run or (), as_json=as_json)


def models(
    text: Annotated[list[str] | None, typer.Argument(help="Words in the name.", metavar="[TEXT]")] = None,
    family: Annotated[str | None, typer.Option(help="Only this family, for example DeiT.")] = None,
    sort: Annotated[str | None, typer.Option(help="By accuracy, params or macs, the best first.")] = None,
    as_json: Json = False,
) -> None:
    """The models that timm offers: published top-1, parameters, multiply-accumulates, input size, weights."""
    from pqv_core.cli import models as cli_models

    cli_models.show(" ".join(text or ()), family=family, sort=sort, as_json=as_json)


def plugins(as_json: Json = False) -> None:
    """What other packages add: criteria, schemes, formats, model sources. docs/plugins.md says how to write one."""
    from pqv_core.cli import plugins as cli_plugins

    cli_plugins.show(as_json=as_json)


def info(as_json: Json = False) -> int:
    """This computer: its processor, PyTorch, and which engines work, each tried with a small layer."""
    from pqv_core.cli import report as cli_report
    from pqv_core.cli import run_job as cli_job
    from pqv_core.process import machine
    from pqv_core.process.job import ProbeJob
    from pqv_core.project import runs

    finished = cli_job.do(ProbeJob(run=runs.new_id()), as_json=as_json)
    if finished.result is not None:
        found = machine.Machine.model_validate(finished.result)
        machine.remember(found)
        cli_report.say_machine(found, as_json=as_json)
    return exit_code(finished, "")
