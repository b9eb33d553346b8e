"""This computer computes the same reference outputs once for a project."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from deploy.job import Job
from deploy.measure import answer_cache
from deploy.measure.reference import Reference, reference_outputs
from pqv_core.process.events import Event, Progress
from pqv_core.process.job import AnswerJob
from pqv_core.process.worker_client import Worker

ROOT = Path(__file__).parents[2]
TINY = ROOT / "data" / "tiny.ptl"
COMMAND = (sys.executable, str(ROOT / "fakes" / "window_worker.py"), "good")


class Asking:
    """Asks a worker that only pretends, and counts how often it was started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache = folder, folder / "small.runs" / ".answers"
        self.file, self.val = folder / "a.ptl", folder / "val"
        self.started: list[AnswerJob] = []
        self.events: list[Event] = []
        shutil.copy(TINY, self.file)
        (self.val / "a").mkdir(parents=True)
        (self.val / "a" / "1.png").touch()

    def ask(self, *, images: int = 64) -> Reference:
        scratch = self.folder / f"scratch-{len(list(self.folder.iterdir()))}"
        scratch.mkdir()
        job = Job(run="r", send=self.events.append)
        found = reference_outputs(
            [self.file],
            folder=scratch,
            val=self.val,
            images=images,
            job=job,
            worker=self._worker,
            cache=self.cache,
        )[self.file]
        assert found.inputs.parent == scratch  # nobody else can take it away meanwhile
        return found

    def _worker(self, job: AnswerJob) -> Worker:
        self.started.append(job)
        return Worker(job, command=COMMAND)


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    return Asking(tmp_path)


def test_the_same_outputs_are_computed_once(asking: Asking) -> None:
    first, second = asking.ask(), asking.ask()
    assert len(asking.started) == 1
    assert second.expected.tolist() == first.expected.tolist() == [[1.0, 2.0, 3.0]]
    assert second.inputs.read_bytes() == first.inputs.read_bytes()
    assert (second.count, second.labels) == (first.count, first.labels)


def test_another_file_other_images_or_more_of_them_are_asked_anew(asking: Asking) -> None:
    asking.ask()
    asking.ask(images=8)
    (asking.val / "a" / "2.png").touch()
    asking.ask()
    asking.file.write_bytes(asking.file.read_bytes() + b"\0")
    asking.ask()
    assert len(asking.started) == 4
    assert len(list(asking.cache.iterdir())) == answer_cache.KEPT


def test_kept_answers_that_are_damaged_are_computed_again(asking: Asking) -> None:
    asking.ask()
    (kept,) = asking.cache.iterdir()
    (kept / "answers.json").write_text("{")
    asking.ask()
    (kept / "inputs.f32").unlink()
    asking.ask()
    assert len(asking.started) == 3


def test_what_the_worker_is_at_is_heard(asking: Asking) -> None:
    asking.ask()
    told = [(event.stage, event.part, event.done) for event in asking.events if isinstance(event, Progress)]
    assert told == [("start", "torch", 0), ("answer", "", 3)]
    assert {event.run for event in asking.events} == {"r"}
