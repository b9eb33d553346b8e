"""``pqv`` from a shell, with a real worker and a very small Vision Transformer."""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from pqv_core.files.fsio import sha256_file
from pqv_core.process import events
from pqv_core.project import project_file as projects
from pqv_core.results import record as results

PQV = (sys.executable, "-P", "-c", "import sys; from pqv_gui.cli import main; sys.exit(main())")
SMALL = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def pqv(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``pqv`` to its end."""
    command = [*PQV, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=500)


def make_images(folder: Path) -> None:
    """Noise, brighter in one class than in the other."""
    noise = random.Random(0)
    for split, count in (("train", 12), ("val", 6)):
        for name, light in (("dark", 0), ("light", 120)):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = bytes(light + noise.randrange(130) for _ in range(32 * 32))
                Image.frombytes("L", (32, 32), pixels).save(folder / split / name / f"{number}.png")


def make_project(folder: Path) -> Path:
    """A project with images, Taylor pruning and fine-tuning that takes seconds."""
    make_images(folder / "images")
    settings = [f"model.arguments.{key}={value}" for key, value in SMALL.items()]
    settings += ["finetune.batch_size=8", "measure.iterations=5", "measure.warmup=1", "measure.threads=1"]
    more = [word for setting in settings for word in ("--set", setting)]
    made = pqv(
        *("new", "small.pqv", "--model", "vit_tiny_patch16_224", "--random", "--data", "images"),
        *("--epochs", "2", "--engine", "onednn", *more),
        folder=folder,
    )
    assert made.returncode == 0, made.stderr
    return folder / "small.pqv"


def said(text: str) -> list[events.AnyEvent]:
    """The events of JSON lines; every line must be one."""
    found = [events.decode(line) for line in text.splitlines()]
    assert all(event is not None for event in found)
    return [event for event in found if event is not None]


def only_record(project: Path) -> results.RunRecord:
    """The one run of a project."""
    (record,), problems = results.load_all(projects.runs_directory(project))
    assert problems == []
    return record


def lasting(project: Path) -> dict[str, Any]:
    """What must be the same however often the run was stopped: all that is not measured or chosen by measuring.

    Of the int8 files that a processor with bfloat16 tries, the faster one is kept; their answers differ a little.
    """
    record = only_record(project)
    assert record.state == "succeeded"
    folder = projects.runs_directory(project) / record.id
    leftovers = [path.name for path in folder.rglob("*.part")]
    assert leftovers == []
    return {
        "dense": record.dense_accuracy,
        "pruned": record.pruned_accuracy,
        "stages": [(stage.name, stage.state) for stage in record.stages],
        "variants": {
            variant.key: (variant.params, variant.macs, variant.key == "compressed" or variant.accuracy)
            for variant in record.variants
        },
        "weights": {
            str(path.relative_to(folder)): sha256_file(path)
            for path in sorted(folder.glob("stages/*/model.safetensors"))
        },
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was run to its end without being stopped. Not to be changed."""
    project = make_project(tmp_path_factory.mktemp("whole"))
    done = pqv("run", project, "--json", folder=project.parent)
    assert done.returncode == 0, done.stderr
    project.with_suffix(".jsonl").write_text(done.stdout)
    project.with_suffix(".txt").write_text(done.stderr)
    return project


@pytest.fixture
def untouched(whole: Path, tmp_path: Path) -> Path:
    """The same project before it was run."""
    shutil.copytree(whole.parent / "images", tmp_path / "images")
    shutil.copy2(whole, tmp_path / whole.name)
    return tmp_path / whole.name


def test_json_is_nothing_but_events_and_ends_in_one_finished(whole: Path) -> None:
    heard = said(whole.with_suffix(".jsonl").read_text())
    assert isinstance(heard[0], events.Progress)
    assert (heard[0].stage, heard[0].part) == ("start", "torch")  # said before it is loaded
    begun = next(event for event in heard if isinstance(event, events.JobStarted))
    started = [event for event in heard if isinstance(event, events.StageStarted)]
    assert [event.stage for event in started] == list(begun.stages)
    assert [(event.index, event.total) for event in started] == [(at, len(started)) for at in range(len(started))]
    results_said = {event.stage: event.said for event in heard if isinstance(event, events.StageFinished)}
    assert "images correct" in results_said["evaluate"]
    assert "Compressed" in results_said["benchmark"]
    assert [event.type for event in heard].count("finished") == 1
    assert isinstance(heard[-1], events.Finished)
    assert heard[-1].outcome == "succeeded"
    assert len({event.run for event in heard}) == 1
    names = {event.name for event in heard if isinstance(event, events.Metric)}
    assert {"train_loss", "val_top1"} <= names
    timed = {event.role for event in heard if isinstance(event, events.LatencySample)}
    assert {"paper_fp32", "fast_fp32", "pruned_fp32", "compressed"} <= timed


def test_a_person_reads_before_and_after_on_standard_error(whole: Path) -> None:
    text = whole.with_suffix(".txt").read_text()
    for words in ("Top-1 accuracy", "Latency, median", "File size", "Gain over FP32, paper’s baseline", "Fine-tune"):
        assert words in text


def test_what_a_run_leaves_is_whole(whole: Path) -> None:
    record = only_record(whole)
    folder = projects.runs_directory(whole) / record.id
    assert {variant.key for variant in record.variants} == {"paper_fp32", "fast_fp32", "pruned_fp32", "compressed"}
    for variant in record.variants:
        assert (folder / variant.file).stat().st_size == variant.size_bytes
        (measured,) = variant.measurements
        assert len(measured.samples_ns) == 5
        total = sum(operator.ns for operator in variant.operators)
        assert total == pytest.approx(measured.median_ns, rel=0.01)
    assert len({variant.measurements[0].loop for variant in record.variants}) == 1
    compressed = record.variant("compressed")
    assert compressed is not None and compressed.parity is not None
    assert compressed.parity.relative <= 0.1
    assert (folder / results.HISTORY_FILE).read_text().strip()


def test_what_was_lost_agrees_with_the_accuracies(whole: Path) -> None:
    record = only_record(whole)
    for before, after in (("dense", "compressed"), ("final", "compressed"), ("dense", "final")):
        told = pqv("lost", whole, "--before", before, "--after", after, "--json", folder=whole.parent)
        found = json.loads(told.stdout)
        accuracies = {"dense": record.dense_accuracy, "final": record.pruned_accuracy}
        compressed = record.variant("compressed")
        assert compressed is not None
        accuracies["compressed"] = compressed.accuracy
        assert found["images"] == 12
        for when, key in (("before", before), ("after", after)):
            accuracy = accuracies[key]
            assert accuracy is not None
            assert sum(each[when] for each in found["classes"]) == round(accuracy.top1 * accuracy.images)
        assert found["names"] == ["dark", "light"]
        assert all((whole.parent / "images" / "val" / each["image"]).is_file() for each in found["changed"])


def test_images_that_are_tried_get_the_answers_that_the_run_has_kept(whole: Path) -> None:
    told = pqv("lost", whole, "--json", folder=whole.parent)
    changed = {each["image"]: each for each in json.loads(told.stdout)["changed"]}
    names = json.loads(told.stdout)["names"]
    tried = pqv("try", whole, "images/val", "--json", folder=whole.parent)
    assert tried.returncode == 0, tried.stderr
    found = json.loads(tried.stdout.splitlines()[-1])
    assert (found["before"], found["after"], len(found["images"])) == ("fast_fp32", "compressed", 12)
    for image in found["images"]:
        kept = changed.get("/".join(Path(image["image"]).parts[-2:]))
        assert image["same"] == (kept is None)
        if kept is not None:
            assert [image[when][0][0] for when in ("before", "after")] == [names[kept[w]] for w in ("before", "after")]


def test_show_tells_the_same_for_people_and_programs(whole: Path) -> None:
    table = pqv("show", whole, folder=whole.parent)
    assert table.returncode == 0
    assert only_record(whole).id in table.stdout
    assert "Latency, median" in table.stdout
    lines = [json.loads(line) for line in pqv("show", whole, "--json", folder=whole.parent).stdout.splitlines()]
    assert [line["type"] for line in lines] == ["project", "run"]
    assert lines[1]["record"]["id"] == only_record(whole).id
    assert lines[1]["speedup_over"]["paper_fp32"] > 0


def test_a_second_run_takes_everything_over(whole: Path) -> None:
    before = lasting(whole)
    again = pqv("run", whole, "--json", folder=whole.parent)
    assert again.returncode == 0
    finished = [event for event in said(again.stdout) if isinstance(event, events.StageFinished)]
    assert finished
    assert all(event.cached for event in finished)
    assert lasting(whole) == before


def test_measuring_again_repeats_nothing_else(whole: Path) -> None:
    before, first = lasting(whole), only_record(whole).variants[0].measurements[0].loop
    again = pqv("run", whole, "--measure-again", "--json", folder=whole.parent)
    assert again.returncode == 0, again.stderr
    finished = [event for event in said(again.stdout) if isinstance(event, events.StageFinished)]
    assert {event.stage for event in finished if not event.cached} == {"benchmark", "profile"}
    assert lasting(whole) == before
    loops = {item.loop for variant in only_record(whole).variants for item in variant.measurements}
    assert len(loops) == 1
    assert loops != {first}


def test_bench_measures_the_files_of_a_run(whole: Path) -> None:
    folder = projects.runs_directory(whole) / only_record(whole).id
    files = sorted(folder.glob("*.ptl"))[:1]
    several = ("--threads", "1,2", "--batch", "3", "--profile")
    done = pqv("bench", *files, "--iterations", "7", *several, "--json", folder=whole.parent)
    assert done.returncode == 0, done.stderr
    last = said(done.stdout)[-1]
    assert isinstance(last, events.Finished) and last.result is not None
    measured: Any = last.result["measurements"]
    assert set(measured) == {str(file.resolve()) for file in files}
    for items in measured.values():
        assert [(item["threads"], item["batch"]) for item in items] == [(1, 3), (2, 3)]
        assert all(len(item["samples_ns"]) == 7 for item in items)
        assert all(any("linear" in operator["name"] for operator in item["operators"]) for item in items)
        for item in items:
            total = sum(operator["ns"] for operator in item["operators"])
            assert total == pytest.approx(statistics.median(item["samples_ns"]), rel=0.01)


@posix
@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_comes_to_the_same_result(whole: Path, untouched: Path) -> None:
    for stage in ("load", "prune", "finetune", "export", "verify", "benchmark"):
        kill_in_stage(untouched, stage)
    again = pqv("run", untouched, "--json", folder=untouched.parent)
    assert again.returncode == 0, again.stderr
    assert lasting(untouched) == lasting(whole)


def kill_in_stage(project: Path, stage: str) -> None:
    """kill -9 ``pqv`` as soon as it says that a stage begins, and see that its worker goes too."""
    with started(project) as running:
        wait_for_stage(running, stage)
        family = psutil.Process(running.pid).children(recursive=True)
        running.kill()
        _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []


def started(project: Path) -> subprocess.Popen[str]:
    """``pqv run --json`` at work."""
    return subprocess.Popen(
        [*PQV, "run", str(project), "--json"],
        cwd=project.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def wait_for_stage(running: subprocess.Popen[str], stage: str) -> None:
    """Read events until a stage begins."""
    assert running.stdout is not None
    for line in running.stdout:
        event = events.decode(line)
        if isinstance(event, events.StageStarted) and event.stage == stage:
            return
    pytest.fail(f"the stage {stage} never began")


@posix
def test_ctrl_c_cancels_and_keeps_what_is_finished(untouched: Path) -> None:
    cancel_in_stage(untouched, "prune")
    record = only_record(untouched)
    assert record.state == "cancelled"
    states = {stage.name: stage.state for stage in record.stages}
    assert (states["load"], states["prune"], states["export"]) == ("done", "cancelled", "waiting")


def cancel_in_stage(project: Path, stage: str) -> None:
    """Ctrl-C as soon as a stage begins: exit code 130 and one cancelled end."""
    with started(project) as running:
        wait_for_stage(running, stage)
        running.send_signal(signal.SIGINT)
        assert running.stdout is not None
        last = said(running.stdout.read())[-1]
        assert running.wait() == 130
    assert isinstance(last, events.Finished)
    assert last.outcome == "cancelled"


def test_an_image_that_cannot_be_read_is_named(untouched: Path) -> None:
    for path in (untouched.parent / "images").rglob("*.png"):
        path.write_bytes(b"this is no image")
    done = pqv("run", untouched, folder=untouched.parent)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert ".png" in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes, where the system lets us have one."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs the right to mount")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", bytes(place), b"tmpfs", 0, b"size=2m"):
        pytest.skip(f"cannot mount: {os.strerror(ctypes.get_errno())}")
    yield place
    libc.umount2(bytes(place), 2)


def test_a_full_disk_is_told_and_the_next_run_goes_on(small_disk: Path, whole: Path) -> None:
    project = small_disk / whole.name
    content = projects.load(whole)
    stored = {name: str(whole.parent / "images" / name) for name in ("train", "val")}
    data = content.config.data.changed(**stored)
    projects.save(project, content.changed(config=content.config.changed(data=data)))
    filler = small_disk / "filler"
    free = shutil.disk_usage(small_disk).free
    filler.write_bytes(bytes(free - 200_000))

    full = pqv("run", project, folder=whole.parent)
    assert full.returncode == 1
    assert "disk is full" in full.stderr
    assert "Traceback" not in full.stderr

    filler.unlink()
    ctypes.CDLL(None).mount(b"tmpfs", bytes(small_disk), b"tmpfs", 32, b"size=100m")  # 32: MS_REMOUNT
    cancel_in_stage(project, "prune")  # so what failed before, loading the model, is done by now
