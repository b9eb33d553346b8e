"""What a phone measured is kept in the runs that its files belong to."""

from __future__ import annotations

from pathlib import Path

from deploy.measure.steps import PhoneConfig
from pqv_core.results import record as results
from pqv_gui.desks import phone_work
from pqv_gui.desks.phone_work import MeasuringOutcome, MeasuringPlan
from pqv_gui.pages.device.phone_files import File, Source, results_of
from tests.fakes.records import measurement, record


def kept_run(folder: Path) -> list[File]:
    made = record(folder.name)
    results.save(folder, made)
    for variant in made.variants:
        (folder / variant.file).write_bytes(b"x")
    return list(results_of(Source(made, folder, folder.name)).values())


def test_files_of_several_runs_are_kept_each_in_its_own(tmp_path: Path) -> None:
    one, other = kept_run(tmp_path / "r1"), kept_run(tmp_path / "r2")
    stranger = File(tmp_path / "x.ptl", 1)
    outcome = MeasuringOutcome()
    plan = MeasuringPlan((*one, *other, stranger), PhoneConfig())
    found = {one[0].path: [measurement(7, 7)], other[0].path: [measurement(9, 9)], stranger.path: [measurement(1, 1)]}

    phone_work.keep(outcome, plan, found)

    assert [each.id for each in outcome.kept] == ["r1", "r2"]
    latest = [each.variants[-1].measurements[-1].median_ms for each in outcome.kept]
    assert latest == [7, 9]
