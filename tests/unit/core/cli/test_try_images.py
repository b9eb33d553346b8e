"""``pqv try``: what two files answer to a person's images, in a terminal and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from pqv_core.cli import run_job, try_images
from pqv_core.errors import ErrorInfo, UsageError
from pqv_core.process.events import Finished
from pqv_core.process.job import Guess, Job, Tried, TryJob
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from tests.fakes.records import record


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project())
    results.save(projects.runs_directory(path) / "r1", record("r1"))
    results.save(projects.runs_directory(path) / "r2", record("r2").model_copy(update={"variants": ()}))
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (4, 4)).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> list[TryJob]:
    """Answers in the worker's place; ``b.png`` cannot be read."""
    jobs: list[TryJob] = []

    def do(job: Job, *, as_json: bool) -> Finished:
        assert isinstance(job, TryJob)
        jobs.append(job)
        answers = [("cat", "dog"), ("dog", "cat")]
        shares = (0.75, 0.25)
        guesses = {
            file: {
                image: tuple(Guess(name=name, share=share) for name, share in zip(names, shares, strict=True))
                for image in job.images
                if not image.endswith("b.png")
            }
            for file, names in zip(job.files, answers, strict=True)
        }
        problems = {image: "it is cut" for image in job.images if image.endswith("b.png")}
        tried = Tried(guesses=guesses, problems=problems)
        return Finished(run=job.run, outcome="succeeded", result=tried.model_dump(mode="json"))

    monkeypatch.setattr(run_job, "do", do)
    return jobs


def test_both_files_of_the_newest_run_with_files_are_asked(
    project: Path, pictures: Path, worker: list[TryJob], capsys: pytest.CaptureFixture[str]
) -> None:
    try_images.show(project, [pictures], run=None, before="", after="", as_json=False)
    [job] = worker
    assert [Path(file).name for file in job.files] == ["fast_fp32.ptl", "compressed.ptl"]
    assert [Path(image).name for image in job.images] == ["a.png", "b.png"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(": FP32, fastest → Compressed")
    assert ["cat", "75.0", "%", "dog", "75.0", "%"] in [line.split() for line in lines]
    assert any(line.endswith("b.png cannot be read: it is cut.") for line in lines)
    assert "0 of 1 image answered with the same class." in lines
    assert lines[-1] == "Latency, median on this computer when the run measured it: 20.0 ms → 10.0 ms."


def test_json_has_every_guess(
    project: Path, pictures: Path, worker: list[TryJob], capsys: pytest.CaptureFixture[str]
) -> None:
    try_images.show(project, [pictures], run="r1", before="", after="", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["type"], found["run"], found["before"], found["after"]) == ("tried", "r1", "fast_fp32", "compressed")
    first, second = found["images"]
    assert first["before"] == [["cat", 0.75], ["dog", 0.25]]
    assert first["same"] is False
    assert second["problem"] == "it is cut"


def test_a_failure_of_the_worker_is_handed_on(
    project: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ErrorInfo(kind="ModelError", message="Not finite.", action="Export again.")
    failed = Finished(run="x", outcome="failed", error=error)
    monkeypatch.setattr(run_job, "do", lambda job, *, as_json: failed)
    found = try_images.show(project, [pictures / "a.png"], run=None, before="", after="", as_json=False)
    assert found is failed
    assert not capsys.readouterr().out


def test_images_are_named_once_however_often_they_are_given(pictures: Path) -> None:
    found = try_images.images_in([pictures / "a.png", pictures])
    assert [path.name for path in found] == ["a.png", "b.png"]


def test_a_folder_without_images_and_too_many_images_are_refused(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no images in this folder"):
        try_images.images_in([tmp_path / "empty"])
    monkeypatch.setattr(try_images, "MOST_IMAGES", 1)
    with pytest.raises(UsageError, match="2 images, more than 1") as caught:
        try_images.images_in([pictures])
    assert "pqv lost" in caught.value.action


def test_a_project_without_files_says_how_it_gets_some(tmp_path: Path, pictures: Path) -> None:
    path = tmp_path / "new.pqv"
    projects.save(path, projects.Project())
    with pytest.raises(UsageError, match="No run of the project has made a file"):
        try_images.show(path, [pictures], run=None, before="", after="", as_json=False)
