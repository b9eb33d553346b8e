"""A study whose trials are measured on a phone: its figures are the phone's."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.cli import study as cli_study
from deploy.cli import study_front
from deploy.errors import NoDeviceError
from pqv_core.errors import UsageError
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study.executors import LocalExecutor
from pqv_core.study.runner import Said, StudyRunner
from pqv_core.study.view import StudyWatch
from tests.e2e.test_run import pqv
from tests.e2e.test_run_on_phone import CONFIG, address, project_for

__all__ = ["address"]


def make_study(project: Path) -> Path:
    varied = ("--vary", "prune.ratio=0.2,0.6", "--sampler", "grid", "--objective", "latency", "--objective", "size")
    made = pqv("study", "new", project, *varied, folder=project.parent)
    assert made.returncode == 0, made.stderr
    return project.with_suffix(".study")


@pytest.mark.slow
def test_trials_are_judged_by_what_the_phone_measured(address: str, tmp_path: Path) -> None:
    folder = make_study(project_for("android", tmp_path))
    said: list[Said] = []
    meter = cli_study.meter(folder, address, CONFIG, as_json=False)
    StudyRunner(folder, LocalExecutor(), heard=said.append, meter=meter).run()

    view = StudyWatch(folder).look()
    assert [trial.state for trial in view.trials] == ["done", "done"]
    for trial in view.trials:
        record = results.load(projects.runs_directory(view.project) / trial.run)
        assert all(variant.artifact.is_result for variant in record.variants)
        items = [item for variant in record.variants for item in variant.measurements]
        phone = [item.median_ms for item in items if item.target != results.LOCAL]
        assert len(phone) >= len(record.variants)
        assert trial.figures is not None
        assert trial.figures["latency"] in phone

    assert study_front.on_phones(folder, [address], CONFIG, archives=(), as_json=False) == 0
    loops = set()
    for number in view.front:
        trial = view.trials[number]
        for result in results.load(projects.runs_directory(view.project) / trial.run).results:
            loops.add(result.measurements[-1].loop)
    assert len(loops) == 1  # one session


def test_a_study_for_this_computer_has_no_use_for_a_phone(tmp_path: Path) -> None:
    folder = make_study(project_for("host", tmp_path))
    with pytest.raises(UsageError, match="phones cannot run its files"):
        cli_study.meter(folder, "PHONE", CONFIG, as_json=False)


def test_a_phone_that_is_not_there_is_said_before_any_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    folder = make_study(project_for("android", tmp_path))
    with pytest.raises(NoDeviceError):
        cli_study.meter(folder, "NO-SUCH-PHONE", CONFIG, as_json=False)
