"""A study from its first trial to its last: what is run, what is told, and what happens when it is ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.errors import Cancelled, DeviceAwayError, DeviceError, ErrorInfo, ProjectError, StorageError, WorkerError
from pqv_core.files.fsio import write_json
from pqv_core.project import project_file as projects
from pqv_core.project import run_label
from pqv_core.results import record as results
from pqv_core.study import new_study, storage, study_file
from pqv_core.study.events import StudyFinished, TrialFinished, TrialStarted
from pqv_core.study.executors import Executor
from pqv_core.study.runner import Said, StudyRunner
from pqv_core.study.view import StudyView, StudyWatch
from tests.fakes.study_runs import RunsAtOnce
from tests.fakes.training import image_folder

Ask = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("train", "val"):
        image_folder(tmp_path / name, each=1)
    settings = {"data.train": "train", "data.val": "val", "prune.importance": "l2", "finetune.epochs": 4}
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project(config=with_settings(RunConfig(), settings)))
    return path


@pytest.fixture
def ask(project: Path) -> Ask:
    def make(*vary: str, **more: Any) -> Path:
        study = new_study.build(new_study.Choices(project=project, vary=vary or ("prune.ratio=0.1:0.4:0.1",), **more))
        folder = project.with_suffix(".study")
        study_file.create(folder, study)
        return folder

    return make


def run(folder: Path, executor: Executor, **more: Any) -> list[Said]:
    said: list[Said] = []
    StudyRunner(folder, executor, heard=said.append, **more).run()
    return said


def look(folder: Path) -> StudyView:
    return StudyWatch(folder).look()


def test_every_trial_is_a_run_that_is_named_after_what_differs(ask: Ask, project: Path) -> None:
    folder, executor = ask("prune.ratio=0.1,0.3", sampler="grid"), RunsAtOnce()
    said = run(folder, executor)
    assert executor.closed
    assert [event.trial for event in said if isinstance(event, TrialStarted)] == [0, 1]
    view = look(folder)
    assert [(trial.params["prune.ratio"], trial.figures and trial.figures["latency"]) for trial in view.trials] == [
        (0.1, 90.0),
        (0.3, 70.0),
    ]
    directory = projects.runs_directory(project) / view.trials[1].run
    label = run_label.load(directory)
    assert (label.name, label.note) == ("ratio 0.3", "Trial 1 of the study some.")
    assert results.load(directory).config["prune"]["ratio"] == 0.3
    assert view.is_over
    assert view.seconds == 20
    assert view.seconds_left == 0


def test_trials_leave_out_what_they_are_not_compared_with(ask: Ask) -> None:
    executor = RunsAtOnce()
    run(ask(sampler="grid"), executor)
    assert not any(job.config.export.baselines or job.config.measure.profile for job in executor.begun)


def test_what_is_set_for_all_trials_counts_more(ask: Ask) -> None:
    executor = RunsAtOnce()
    run(ask(sampler="grid", settings=("export.baselines=true", "measure.iterations=7")), executor)
    assert all(job.config.export.baselines and job.config.measure.iterations == 7 for job in executor.begun)


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2", "grid"])
def test_every_sampler_tries_each_combination_once_and_ends(ask: Ask, sampler: str) -> None:
    folder, executor = ask("prune.ratio=0.1:0.4:0.1", "finetune.epochs=2,4", sampler=sampler), RunsAtOnce()
    said = run(folder, executor)
    assert said[-1].model_dump()["reason"] == "Every combination was tried: 8."
    tried = [(job.config.prune.ratio, job.config.finetune.epochs) for job in executor.begun]
    assert sorted(tried) == [(ratio / 10, epochs) for ratio in (1, 2, 3, 4) for epochs in (2, 4)]


def test_a_grid_that_is_larger_than_its_limit_is_tried_all_over(ask: Ask) -> None:
    executor = RunsAtOnce()
    run(ask("prune.ratio=0.1:0.8:0.01", sampler="grid", trials=9), executor)
    ratios = [job.config.prune.ratio for job in executor.begun]
    assert len(set(ratios)) == 9
    assert ratios == sorted(ratios)
    assert ratios[-1] - ratios[0] > 0.3


def test_the_front_is_of_trials_that_keep_to_the_constraints(ask: Ask) -> None:
    folder = ask(sampler="grid", constraints=("top1_drop<=25", "size<=85MB"))
    run(folder, RunsAtOnce())
    view = look(folder)
    assert [trial.keeps for trial in view.trials] == [False, True, False, False]
    assert view.front == (1,)


def test_a_trial_that_fails_says_why_and_ends_nothing(ask: Ask) -> None:
    error = WorkerError("The job’s process was killed.", action="Close other programs.").info()
    folder = ask(sampler="grid")
    executor = RunsAtOnce(fails=lambda config: error if config.prune.ratio == 0.2 else None)
    said = run(folder, executor)
    assert [trial.state for trial in look(folder).trials] == ["done", "failed", "done", "done"]
    (told,) = [event for event in said if isinstance(event, TrialFinished) and event.state == "failed"]
    assert told.words == "The job’s process was killed. Close other programs."


def test_settings_that_do_not_go_together_are_a_failed_trial_without_a_run(ask: Ask) -> None:
    folder, executor = ask("quantize.precision=fp32,int4", sampler="grid"), RunsAtOnce()
    run(folder, executor)
    trials = look(folder).trials
    assert [(trial.state, bool(trial.run)) for trial in trials] == [("done", True), ("failed", False)]
    assert "INT4" in trials[1].words
    assert len(executor.begun) == 1


def test_a_study_of_which_nothing_can_be_done_ends(ask: Ask) -> None:
    died = WorkerError("It died.").info()
    folder = ask("prune.ratio=0.1:0.4", hours=1.0)
    said = run(folder, RunsAtOnce(fails=lambda config: died))
    assert said[-1].model_dump()["reason"] == "None of 50 trials could be done."
    assert {trial.state for trial in look(folder).trials} == {"failed"}


def test_a_figure_that_was_not_measured_is_said(ask: Ask) -> None:
    folder = ask(sampler="grid", objectives=("top1", "memory"))

    class Forgetful(RunsAtOnce):
        def next(self, timeout: float) -> Any:
            event = super().next(timeout)
            for job in self.begun:
                directory = self._directory(job)
                if (directory / results.RUN_FILE).exists():
                    record = results.load(directory)
                    results.save(directory, record.model_copy(update={"variants": ()}))
            return event

    run(folder, Forgetful())
    assert {trial.words for trial in look(folder).trials} == {"The run gives no figure for top-1."}


@pytest.mark.parametrize("leaves", ["before the run", "after it"])
def test_a_phone_that_leaves_ends_the_study_and_its_trial_goes_on_once_it_is_back(ask: Ask, leaves: str) -> None:
    def gone(*_: object) -> None:
        raise DeviceAwayError("The connection to the device was lost.", action="Check the cable.")

    class Meter:
        def measure(self, directory: Path) -> None:
            if leaves == "after it":
                gone()

    folder = ask("prune.ratio=0.1,0.3", sampler="grid")
    with pytest.raises(DeviceAwayError, match="connection to the device was lost"):
        run(folder, RunsAtOnce(), meter=Meter(), prepare=gone if leaves == "before the run" else None)
    assert [trial.state for trial in look(folder).trials] == ["interrupted"]
    run(folder, RunsAtOnce())
    assert [trial.state for trial in look(folder).trials] == ["done", "done"]


def test_a_full_disk_ends_the_study_and_not_the_trial(ask: Ask) -> None:
    full = StorageError("The disk is full: /somewhere.", action="Free some space.").info()
    folder = ask(sampler="grid")
    with pytest.raises(StorageError, match="The disk is full"):
        run(folder, RunsAtOnce(fails=lambda config: full))
    assert [trial.state for trial in look(folder).trials] == ["interrupted"]
    executor = RunsAtOnce()
    said = run(folder, executor)
    assert [event.resumed for event in said if isinstance(event, TrialStarted)] == [True, False, False, False]
    assert len(look(folder).trials) == 4


def test_a_cancelled_study_goes_on_with_the_same_run(ask: Ask) -> None:
    folder, first = ask(sampler="grid"), RunsAtOnce()
    runner = StudyRunner(folder, first, heard=lambda event: None)
    first.after = lambda: runner.cancel() if len(first.begun) == 2 else None
    assert runner.run().outcome == "cancelled"
    assert [trial.state for trial in look(folder).trials] == ["done", "interrupted"]
    second = RunsAtOnce()
    run(folder, second)
    assert second.begun[0].run == first.begun[1].run
    assert [trial.state for trial in look(folder).trials] == ["done"] * 4


@pytest.mark.parametrize("lost", range(1, 200, 20))
def test_a_journal_that_lost_its_end_goes_on(ask: Ask, lost: int) -> None:
    """As a kill, or a power cut, leaves it: any number of bytes short."""
    folder = ask(sampler="grid")
    run(folder, RunsAtOnce())
    journal = folder / study_file.JOURNAL_FILE
    content = journal.read_bytes()
    journal.write_bytes(content[:-lost])
    before = look(folder)
    run(folder, RunsAtOnce())
    after = look(folder)
    assert [trial.state for trial in after.trials] == ["done"] * 4
    assert [trial.params for trial in after.trials[: len(before.trials)]] == [trial.params for trial in before.trials]
    assert sorted(trial.params["prune.ratio"] for trial in after.trials) == [0.1, 0.2, 0.3, 0.4]  # type: ignore[type-var]


@pytest.mark.parametrize("torn", [b'{"op_code', b"\0\0\0\0", b"\xff\xfe\n", b"17\n"])
def test_half_a_line_at_the_end_is_cut_off(ask: Ask, torn: bytes) -> None:
    folder = ask(sampler="grid")
    run(folder, RunsAtOnce())
    with (folder / study_file.JOURNAL_FILE).open("ab") as file:
        file.write(torn)
    executor = RunsAtOnce()
    run(folder, executor)
    assert executor.begun == []
    assert len(look(folder).trials) == 4


def test_a_damaged_journal_is_a_sentence(ask: Ask) -> None:
    folder = ask(sampler="grid")
    run(folder, RunsAtOnce())
    journal = folder / study_file.JOURNAL_FILE
    first, *others = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([first, b"this is no line\n", *others]))
    with pytest.raises(ProjectError, match="The journal of the study some is damaged"):
        look(folder)
    with pytest.raises(ProjectError, match="The journal of the study some is damaged"):
        run(folder, RunsAtOnce())


def test_a_writer_that_was_killed_holds_up_nobody(ask: Ask) -> None:
    folder = ask(sampler="grid")
    run(folder, RunsAtOnce())
    (folder / f"{study_file.JOURNAL_FILE}.lock").touch()
    executor = RunsAtOnce()
    run(folder, executor)


def test_a_study_is_run_by_one_process(ask: Ask) -> None:
    folder = ask()
    with storage.held(folder), pytest.raises(ProjectError, match="Another process runs the study some"):
        run(folder, RunsAtOnce())


def test_hopeless_trials_are_stopped_while_they_are_trained(ask: Ask) -> None:
    folder = ask("prune.ratio=0.1:0.6:0.1", sampler="grid", objectives=("top1",))
    executor = RunsAtOnce()
    run(folder, executor)
    trials = look(folder).trials
    assert [trial.state for trial in trials] == ["done"] * 4 + ["stopped"] * 2
    assert "below half of the trials" in trials[4].words
    assert executor.stopped == {trials[4].run, trials[5].run}


def test_none_is_stopped_where_that_is_not_wanted(ask: Ask) -> None:
    folder = ask("prune.ratio=0.1:0.6:0.1", sampler="grid", objectives=("top1",), early_stop=False)
    run(folder, RunsAtOnce())
    assert [trial.state for trial in look(folder).trials] == ["done"] * 6


def test_several_trials_are_at_work_where_there_is_room(ask: Ask) -> None:
    folder, executor = ask("prune.ratio=0.1:0.6:0.1", sampler="tpe"), RunsAtOnce(slots=3)
    said = run(folder, executor)
    order = [type(event).__name__ for event in said if isinstance(event, TrialStarted | TrialFinished)]
    assert order[:3] == ["TrialStarted"] * 3
    assert sorted(job.config.prune.ratio for job in executor.begun) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert [trial.state for trial in look(folder).trials] == ["done"] * 6


def test_what_is_measured_elsewhere_is_measured_before_a_trial_is_judged(ask: Ask, project: Path) -> None:
    class Meter:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def measure(self, directory: Path) -> None:
            self.asked.append(directory.name)
            if len(self.asked) == 2:
                raise ProjectError("The phone is gone.", action="Connect it.")

    folder, meter = ask("prune.ratio=0.1:0.3:0.1", sampler="grid"), Meter()
    run(folder, RunsAtOnce(), meter=meter)
    trials = look(folder).trials
    assert meter.asked == [trial.run for trial in trials]
    assert [trial.state for trial in trials] == ["done", "failed", "done"]
    assert trials[1].words == "The phone is gone. Connect it."


def test_what_a_run_needs_is_measured_before_it_begins(ask: Ask) -> None:
    folder, executor = ask("prune.ratio=0.1:0.3:0.1", sampler="grid"), RunsAtOnce()
    asked: list[tuple[float, int]] = []

    def prepare(settings: RunConfig) -> None:
        asked.append((settings.prune.ratio, len(executor.begun)))
        if len(asked) == 2:
            raise DeviceError("The phone is gone.", action="Connect it.")

    run(folder, executor, prepare=prepare)
    assert asked == [(0.1, 0), (0.2, 1), (0.3, 1)]
    trials = look(folder).trials
    assert [trial.state for trial in trials] == ["done", "failed", "done"]
    assert trials[1].words == "The phone is gone. Connect it."


def test_a_study_that_is_ended_while_a_phone_measures_goes_on_with_the_same_trial(ask: Ask) -> None:
    def prepare(settings: RunConfig) -> None:
        raise Cancelled

    folder, executor = ask("prune.ratio=0.1,0.3", sampler="grid"), RunsAtOnce()
    said = run(folder, executor, prepare=prepare)
    assert isinstance(said[-1], StudyFinished)
    assert said[-1].outcome == "cancelled"
    assert executor.begun == []
    assert [trial.state for trial in look(folder).trials] == ["interrupted"]
    run(folder, RunsAtOnce())
    assert [trial.state for trial in look(folder).trials] == ["done", "done"]


def test_a_full_disk_ends_the_study_wherever_it_is_met(ask: Ask) -> None:
    class Meter:
        def measure(self, directory: Path) -> None:
            raise StorageError("The disk is full.", action="Make room.")

    folder = ask("prune.ratio=0.1,0.3", sampler="grid")
    with pytest.raises(StorageError, match="The disk is full"):
        run(folder, RunsAtOnce(), meter=Meter())
    run(folder, RunsAtOnce())
    assert [trial.state for trial in look(folder).trials] == ["done", "done"]


def test_a_run_that_was_there_before_is_not_work_of_the_study(ask: Ask, project: Path) -> None:
    folder = ask("prune.ratio=0.1,0.3", sampler="grid")
    run(folder, RunsAtOnce())
    (folder / study_file.JOURNAL_FILE).unlink()
    executor = RunsAtOnce()
    run(folder, executor)
    assert len(list(projects.runs_directory(project).glob("*/run.json"))) == 2  # they are done by the same runs
    assert look(folder).seconds == 0


def test_more_trials_may_be_asked_for_later_but_nothing_else(ask: Ask) -> None:
    folder = ask("prune.ratio=0.1:0.4:0.1", trials=2)
    run(folder, RunsAtOnce())
    asked = study_file.load(folder)
    write_json(folder / study_file.STUDY_FILE, asked.changed(trials=3, sampler="random").model_dump(mode="json"))
    run(folder, RunsAtOnce())
    assert len(look(folder).trials) == 3
    for other in ({"objectives": ("size",)}, {"vary": {"prune.ratio": "0.1,0.2"}}, {"constraints": ("size<=1MB",)}):
        write_json(folder / study_file.STUDY_FILE, asked.changed(trials=4, **other).model_dump(mode="json"))
        with pytest.raises(ProjectError, match="asks for something else than when it began"):
            run(folder, RunsAtOnce())
        with pytest.raises(ProjectError, match="asks for something else than when it began"):
            look(folder)


def test_a_run_that_a_person_has_named_keeps_its_name(ask: Ask, project: Path) -> None:
    folder, executor = ask("prune.ratio=0.1,0.3", sampler="grid"), RunsAtOnce()
    begin = executor.begin

    def begin_named(job: Any) -> None:
        begin(job)
        run_label.save(projects.runs_directory(project) / job.run, name="Mine", note="")

    executor.begin = begin_named  # type: ignore[method-assign]
    run(folder, executor)
    names = {run_label.load(path).name for path in projects.runs_directory(project).iterdir() if path.is_dir()}
    assert names == {"Mine"}


def test_an_unexpected_end_of_a_run_is_a_failed_trial(ask: Ask) -> None:
    folder = ask("prune.ratio=0.1,0.3", sampler="grid")
    run(folder, RunsAtOnce(fails=lambda config: ErrorInfo(kind="WorkerError", message="It died.")))
    assert [trial.words for trial in look(folder).trials] == ["It died.", "It died."]
