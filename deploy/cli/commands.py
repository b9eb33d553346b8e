"""The commands of ``pqv`` for devices: devices, run, bench, study run and study measure (with --target), latency (with
--on), export-kit, plugins, runner.

What a command needs is imported inside it, so that ``pqv --help`` is quick.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pqv_core.cli import commands as core
from pqv_core.cli import study as core_study

if TYPE_CHECKING:
    from deploy.measure.steps import PhoneConfig
    from pqv_core.config import RunConfig

Json = Annotated[bool, typer.Option("--json", help="Print JSON lines only.")]
Archives = Annotated[
    list[Path] | None,
    typer.Option(
        "--file",
        "--aar",
        help="Downloaded archive of the runtime (.aar, .tgz) instead of fetching it; repeatable.",
        metavar="FILE",
    ),
]
Version = Annotated[
    str, typer.Option("--runtime", help="Android runtime version; the usual one if not given.", metavar="VERSION")
]

RunnerFormat = Annotated[
    list[str] | None,
    typer.Option("--format", help="Format of the files that it runs, for example pte. Default: all.", metavar="FORMAT"),
]
LOCAL = "local"
RUNTIME = ""


def register(app: typer.Typer) -> None:
    """Add this room's commands; those of a name that is there take the place of one that knows this computer only."""
    for command in (devices, run, latency, bench, export_kit, plugins):
        app.command()(command)
    study = core_study.group()
    study.command("run")(study_run)
    study.command("measure")(study_measure)
    app.add_typer(study, name="study")
    runner = typer.Typer(help="Manage the phone benchmark program and the Android runtime's libraries.")
    runner.command("info")(runner_info)
    runner.command("fetch")(runner_fetch)
    runner.command("build")(runner_build)
    app.add_typer(runner, name="runner")


def devices(as_json: Json = False) -> int:
    """The phones that are connected, their state, and what to do where one is not ready."""
    from deploy.cli import phones as cli_phones

    return cli_phones.show(as_json=as_json)


def run(
    project: Annotated[Path, typer.Argument(help="The project file, NAME.pqv.", metavar="PROJECT")],
    fresh: Annotated[bool, typer.Option("--fresh", help="Start a new run without reusing earlier ones.")] = False,
    remeasure: Annotated[
        bool,
        typer.Option("--measure-again", help="Repeat only the measurements."),
    ] = False,
    formats: Annotated[
        str | None,
        typer.Option("--format", help="Formats of this run's files, for example ptl,pte.", metavar="FORMAT,..."),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="Then measure on a phone (serial or HOST:PORT); repeatable.", metavar="PHONE"),
    ] = None,
    threads: Annotated[str | None, typer.Option(help="Phones: threads, one or more, for example 1,2,4.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Phones: profile operators too.")] = False,
    archives: Archives = None,
    as_json: Json = False,
) -> int:
    """Do what a project says. What an earlier run has finished is taken over; a run that was stopped goes on."""
    settings, phones = core.run_config(project, formats), _phones(target or ())
    if not phones and settings.budget.on == LOCAL:
        return core.run(project, fresh=fresh, remeasure=remeasure, formats=formats, as_json=as_json)
    from deploy.cli import run as cli_run

    if phones:
        cli_run.check(project, settings, phones)
    counts, files = _threads(threads), tuple(archives or ())
    first = next(iter(counts), None)
    table = cli_run.measure_table(settings, phones, threads=first, archives=files, as_json=as_json)
    if table is not None and (code := core.exit_code(table, f"Go on with: pqv run {project}")):
        return code
    code = core.run(project, fresh=fresh, remeasure=remeasure, formats=formats, as_json=as_json)
    if code or not phones:
        return code
    config = _measured_as(settings, counts, profile=profile)
    return cli_run.measure(project, settings, phones, config, archives=files, as_json=as_json)


def _phones(targets: Iterable[str]) -> list[str]:
    """Of what runs are measured on, that which is not this computer, which measures every run."""
    return [target for target in targets if target != LOCAL]


def _measured_as(settings: RunConfig, threads: tuple[int, ...], *, profile: bool = False) -> PhoneConfig:
    """How a project's files are measured on a phone.

    Args:
        threads: As they are asked for; none for the usual ones.
    """
    from deploy.measure.steps import PhoneConfig

    measure = settings.measure
    usual = (measure.threads or 4,) if settings.budget.on != LOCAL else (4,)
    return PhoneConfig.parse(
        {
            "threads": threads or usual,
            "iterations": measure.iterations,
            "warmup": measure.warmup,
            "max_seconds": measure.max_seconds,
            "profile": profile,
        }
    )


def latency(
    source: core.LatencySource = None,
    on: Annotated[
        str | None, typer.Option("--on", help="local, or a phone (serial or HOST:PORT).", metavar="DEVICE")
    ] = None,
    form: core.LatencyFormat = None,
    threads: core.LatencyThreads = None,
    out: core.LatencyOut = None,
    archives: Archives = None,
    runtime: Version = RUNTIME,
    as_json: Json = False,
) -> int:
    """What each part of a project's model takes at each width that it could be cut to, here or on a phone.

    With the file of a table, that is kept; with nothing, the tables that are kept are listed.
    """
    if on is None:
        return core.latency(source, form, threads, out, as_json)
    from pqv_core.cli import latency as core_latency

    project = core_latency.project_of(source)
    if on == LOCAL:
        return core.latency(project, form, threads, out, as_json)
    from deploy.cli import latency as cli_latency
    from deploy.kit.kit import KitChoice

    choice = KitChoice(runtime, tuple(archives or ()))
    settings = core.run_config(project, form)
    finished = cli_latency.run(project, settings, on=on, threads=threads, choice=choice, out=out, as_json=as_json)
    return core.exit_code(finished, f"Go on with: pqv latency {project} --on {on}")


def study_run(
    study: core_study.StudyFolder,
    target: Annotated[
        str, typer.Option(help="Whose latency counts: local, or a phone (serial or HOST:PORT).", metavar="DEVICE")
    ] = LOCAL,
    threads: Annotated[int | None, typer.Option(help="Phones: threads. Default: as pqv run.", min=1, max=256)] = None,
    archives: Archives = None,
    ray: core_study.RayAddress = None,
    ray_cpus: core_study.RayCpus = None,
    as_json: Json = False,
) -> int:
    """Run a study, or go on with it; every trial is a run of the project."""
    from deploy.cli import study as cli_study
    from pqv_core.study import study_file

    settings, phones, files = study_file.load(study).space.base, _phones([target]), tuple(archives or ())
    counts = (threads,) if threads is not None else ()
    config = _measured_as(settings, counts)
    meter = cli_study.meter(study, phones[0], config, archives=files, as_json=as_json) if phones else None
    tables = cli_study.Tables(phones=phones, threads=threads, archives=files, as_json=as_json)
    options = [*(["--target", *phones] if phones else []), *(["--threads", str(threads)] if threads else [])]
    options += [word for file in files for word in ("--file", str(file))]
    return core_study.do(
        study,
        ray=ray,
        ray_cpus=ray_cpus,
        as_json=as_json,
        meter=meter,
        prepare=tables.measure,
        options=options,
    )


def study_measure(
    study: core_study.StudyFolder,
    target: Annotated[
        list[str] | None,
        typer.Option(help="local, a phone's serial, or HOST:PORT; repeatable. Default: local.", metavar="DEVICE"),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads. Default: as trials.", min=1, max=256)] = None,
    archives: Archives = None,
    as_json: Json = False,
) -> int:
    """Measure the results of all trials on the front together, in turns, so that their latencies can be compared."""
    from deploy.cli import study_front
    from pqv_core.study import study_file

    wanted, code = target or [LOCAL], 0
    if phones := _phones(wanted):
        config = _measured_as(study_file.load(study).space.base, (threads,) if threads else ())
        code = study_front.on_phones(study, phones, config, archives=tuple(archives or ()), as_json=as_json)
    if LOCAL in wanted and not code:
        code = study_front.here(study, threads=threads, as_json=as_json)
    return code


def bench(
    files: Annotated[list[Path], typer.Argument(help="The exported files.", metavar="FILE...")],
    target: Annotated[
        list[str] | None,
        typer.Option(help="local, a phone's serial, or HOST:PORT; repeatable.", metavar="TARGET"),
    ] = None,
    threads: Annotated[str | None, typer.Option(help="Threads, one or more, for example 1,2,4.")] = None,
    batch: Annotated[str | None, typer.Option(help="Images per inference, one or more, for example 1,4,16.")] = None,
    iterations: Annotated[int, typer.Option(help="Timed inferences per file.")] = 50,
    warmup: Annotated[int, typer.Option(help="Untimed inferences per file.")] = 5,
    max_seconds: Annotated[float, typer.Option(help="Time limit of a loop in seconds.")] = 60.0,
    engine: Annotated[list[str] | None, typer.Option(help="Engine to load with. Default: auto.")] = None,
    shape: Annotated[str | None, typer.Option(help="Input shape, for example 1,3,224,224.")] = None,
    pin: Annotated[bool, typer.Option(help="Phones: run on the big cores.")] = True,
    cool_down: Annotated[bool, typer.Option(help="Phones: wait until the phone no longer throttles.")] = True,
    fixed_performance: Annotated[
        bool, typer.Option("--fixed-performance", help="Phones: request a sustained clock.")
    ] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Profile operators too.")] = False,
    compare: Annotated[bool, typer.Option(help="Phones: compare outputs with this computer's.")] = True,
    keep: Annotated[bool, typer.Option("--keep", help="Phones: keep the files there for the next push.")] = False,
    archives: Archives = None,
    runtime: Version = RUNTIME,
    as_json: Json = False,
) -> int:
    """Measure exported files on this computer or on phones."""
    wanted = target or [LOCAL]
    if wanted == [LOCAL]:
        asked = {
            "files": _existing(files),
            "engines": engine or ["auto"],
            "threads": _threads(threads),
            "batches": _batches(batch),
            "iterations": iterations,
            "warmup": warmup,
            "max_seconds": max_seconds,
            "input_shape": _shape(shape),
            "profile": profile,
        }
        return _bench_here(asked, as_json=as_json)
    from deploy.cli import bench as cli_bench
    from deploy.measure.steps import PhoneConfig
    from pqv_core.errors import UsageError

    if LOCAL in wanted or len(engine or []) > 1:
        raise UsageError(
            "This computer and phones are measured separately.", action="Use one kind of target and engine."
        )
    if batch:
        raise UsageError("--batch is for this computer.", action="For phones, give the shape: --shape 4,3,224,224.")
    config = PhoneConfig.parse(
        {
            "threads": _threads(threads) or (4,),
            "engine": "" if not engine or engine[0] == "auto" else engine[0],
            "iterations": iterations,
            "warmup": warmup,
            "max_seconds": max_seconds,
            "pin": pin,
            "cool_down": cool_down,
            "fixed_performance": fixed_performance,
            "profile": profile,
            "keep": keep,
        }
    )
    plan = cli_bench.BenchPlan(
        files=tuple(files),
        targets=tuple(wanted),
        config=config,
        shape=_shape(shape),
        version=runtime,
        archives=tuple(archives or ()),
        compare=compare,
    )
    return cli_bench.run(plan, as_json=as_json)


def _bench_here(asked: dict[str, Any], *, as_json: bool) -> int:
    from pqv_core.cli import bench as cli_bench
    from pqv_core.cli import commands as cli

    return cli.exit_code(cli_bench.run(asked, as_json=as_json), "")


def _existing(files: list[Path]) -> list[str]:
    from pqv_core import formats
    from pqv_core.cli.absolute_path import absolute
    from pqv_core.errors import UsageError

    for file in files:
        if not file.is_file():
            problem = "The path is a folder, not a file" if file.is_dir() else "The file does not exist"
            raise UsageError(f"{problem}: {file}.", action=f"Give the path of a {formats.described()}.")
    return [absolute(file) for file in files]


def _threads(text: str | None) -> tuple[int, ...]:
    numbers = _numbers(text)
    if numbers is None or any(not 1 <= number <= 256 for number in numbers):
        from pqv_core.errors import UsageError

        raise UsageError(f"{text!r} is not a thread count.", action="Give for example: --threads 4, or 1,2,4.")
    return numbers


def _batches(text: str | None) -> tuple[int, ...]:
    numbers = _numbers(text)
    if numbers is None or any(not 1 <= number <= 4096 for number in numbers):
        from pqv_core.errors import UsageError

        raise UsageError(f"{text!r} is not an image count.", action="Give for example: --batch 4, or 1,4,16.")
    return numbers


def _shape(text: str | None) -> tuple[int, ...] | None:
    numbers = _numbers(text)
    if numbers is None or any(number < 1 for number in numbers):
        from pqv_core.errors import UsageError

        raise UsageError(f"{text!r} is not a shape.", action="Give for example: --shape 1,3,224,224.")
    return numbers or None


def _numbers(text: str | None) -> tuple[int, ...] | None:
    """Whole numbers between commas; empty for no text, None for another text."""
    if text is None:
        return ()
    parts = text.split(",")
    return tuple(map(int, parts)) if all(part.isdecimal() and len(part) < 10 for part in parts) else None


def export_kit(
    run: Annotated[Path, typer.Argument(help="A run's folder, or a project for its newest run.", metavar="RUN")],
    folder: Annotated[Path, typer.Argument(help="The folder to make.", metavar="DIR")],
    as_json: Json = False,
) -> int:
    """Write what an app needs of a run: files, labels, preprocessing, Kotlin and C++ code, and an example to check."""
    from deploy.cli import app_kit as cli_kit

    return cli_kit.export(run, folder, as_json=as_json)


def plugins(as_json: Json = False) -> None:
    """What other packages add: criteria, schemes, formats, sources of models, kinds of devices; see docs/plugins.md."""
    from deploy.plugins import REGISTRIES
    from pqv_core.cli import plugins as cli_plugins

    cli_plugins.show(REGISTRIES, as_json=as_json)


def runner_info(as_json: Json = False) -> int:
    """The programs and runtimes that are there."""
    from deploy.cli import runner as cli_runner

    return cli_runner.info(as_json=as_json)


def runner_fetch(format: RunnerFormat = None, archives: Archives = None, runtime: Version = RUNTIME) -> int:
    """Fetch the Android runtimes' libraries now, so that no network is needed later."""
    from deploy.cli import runner as cli_runner

    return cli_runner.fetch(format or (), runtime, tuple(archives or ()))


def runner_build(
    abi: Annotated[
        list[str] | None,
        typer.Option(help="arm64-v8a (default), armeabi-v7a or x86_64; repeatable.", metavar="ABI"),
    ] = None,
    toolchain: Annotated[
        Path | None, typer.Option(help="CMake toolchain file for Android instead of the NDK's.", metavar="FILE")
    ] = None,
    ndk: Annotated[
        Path | None,
        typer.Option(help="NDK folder. Default: ANDROID_NDK_HOME or the Android SDK's.", metavar="DIR"),
    ] = None,
    sources: Annotated[Path | None, typer.Option(help="The android_runner folder.", metavar="DIR")] = None,
    format: Annotated[
        str, typer.Option("--format", help="Format of the files that it is to run.", metavar="FORMAT")
    ] = "",
    archives: Archives = None,
    runtime: Version = RUNTIME,
) -> int:
    """Build the benchmark program with an installed NDK or another toolchain; it is used from then on."""
    from deploy.cli import runner as cli_runner

    wanted = list(dict.fromkeys(abi or ["arm64-v8a"]))
    return cli_runner.build(
        wanted,
        format=format,
        version=runtime,
        archives=tuple(archives or ()),
        toolchain=toolchain,
        ndk=ndk,
        sources=sources,
    )
