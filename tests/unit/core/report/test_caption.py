"""A picture of a chart says by itself on which device, of which run, when and with which versions it was made."""

from __future__ import annotations

from pathlib import Path

from pqv_core import formatting
from pqv_core.comparison.stored_runs import THIS_COMPUTER, StoredRun
from pqv_core.project.run_label import RunLabel
from pqv_core.report import caption
from tests.fakes.records import record


def stored(name: str, *, created: str = "2026-03-02T09:05:00+00:00", pqv: str = "1.0") -> StoredRun:
    made = record(name)
    environment = made.environment.model_copy(update={"pqv": pqv})
    made = made.model_copy(update={"created": created, "environment": environment})
    return StoredRun(Path(name), made, RunLabel(name=name))


def date(text: str) -> str:
    moment = formatting.moment(text)
    assert moment is not None
    return formatting.date(moment)


def test_a_caption_tells_device_run_date_and_versions() -> None:
    began = date("2026-03-02T09:05:00+00:00")
    assert caption.of_runs([stored("a")], device="Phone") == f"Phone; a; {began}; PQV-Mobile 1.0, torch 2.12.1"
    assert caption.of_runs([stored("a")], device=THIS_COMPUTER).startswith("Some CPU, 2 cores; a; ")


def test_many_runs_are_counted_and_each_version_is_told_once() -> None:
    runs = [stored(name, created=f"2026-03-0{day}T09:05:00+00:00") for day, name in enumerate("abcd", start=2)]
    runs.append(stored("e", created="no time", pqv="2.0"))
    ends = f"{date('2026-03-02T09:05:00+00:00')} to {date('2026-03-05T09:05:00+00:00')}"
    assert caption.of_runs(runs, device="Phone") == (
        f"Phone; 5 runs; {ends}; PQV-Mobile 1.0, torch 2.12.1; PQV-Mobile 2.0, torch 2.12.1"
    )
    assert caption.of_runs(runs[:2], device="Phone").startswith("Phone; a; b; ")
