"""``pqv bench``: measurements of this computer in a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pqv_core.cli import bench as cli_bench
from pqv_core.cli import run_job
from pqv_core.process.events import Finished
from pqv_core.process.job import BenchJob
from pqv_core.project import run_lock
from pqv_core.results import record as results
from tests.fakes.records import MS, record


def item(ms: int, loop: str, **more: Any) -> dict[str, Any]:
    return {"loop": loop, "threads": 1, "batch": 1, "warmup": 1, "samples_ns": [ms * MS], **more}


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, **measured: list[dict[str, Any]]) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    environment = record().environment.model_dump(mode="json")
    cli_bench.say({"environment": environment, "measurements": measured}, as_json=False)
    return capsys.readouterr().out


def test_each_is_compared_with_the_fastest_of_its_own_loop(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    four = {"threads": 4, "batch": 8}
    text = said(
        capsys, monkeypatch, first=[item(30, "a"), item(80, "b", **four)], second=[item(20, "a"), item(40, "b", **four)]
    )
    lines = [line for line in text.splitlines() if line.startswith(("first", "second"))]
    assert [line.split("ms")[-1].split()[-5] for line in lines] == ["1.50×", "2.00×", "1.00×", "1.00×"]
    assert ["10.0 ms" in line for line in lines] == [False, True, False, False], "80 ms for eight images"


def test_notes_carry_threads_and_batch(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    slowing = [10 * MS] * 6 + [20 * MS] * 6
    text = said(capsys, monkeypatch, one=[item(1, "a", samples_ns=slowing)])
    assert "Note: one, 1 thread, batch 1: the last third took 100 % longer" in text


def test_a_run_stays_while_its_files_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "some.runs" / "r1"
    results.save(folder, record("r1"))
    file = folder / "compressed.ptl"
    file.touch()
    seen: list[bool] = []

    def do(job: BenchJob, **_: object) -> Finished:
        seen.append(run_lock.is_measured(folder))
        return Finished(run=job.run, outcome="cancelled")

    monkeypatch.setattr(run_job, "do", do)
    cli_bench.run({"files": [str(file)]}, as_json=True)
    assert (seen, run_lock.is_measured(folder)) == ([True], False)
