"""What the Study page shows of a study: the table, the charts, how far it is, and how it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pqv_core.config import RunConfig
from pqv_core.study.study_file import StudyFile
from pqv_core.study.trials import Trial
from pqv_core.study.view import StudyView
from pqv_gui.pages.study import study_picture
from pqv_gui.pages.study.study_picture import NUMBER, PictureMaker
from pqv_gui.pages.study.study_state import BAR_LENGTH, StudyState


def study(**asked: object) -> StudyFile:
    plain = RunConfig().model_dump()
    plain["data"]["val"] = "val"
    return StudyFile.parse(
        {
            "project": "some.pqv",
            "config": plain,
            "vary": {"prune.ratio": "0.1:0.5:0.1", "quantize.precision": "fp32,int8-dynamic"},
            "objectives": ["top1", "latency"],
            "constraints": ["size<=10MB"],
            "trials": 10,
            **asked,
        }
    )


def done(number: int, top1: float, ms: float, *, keeps: bool = True, ratio: float = 0.2) -> Trial:
    return Trial(
        number,
        "done",
        {"prune.ratio": ratio, "quantize.precision": "fp32"},
        run=f"r{number}",
        run_number=number + 1,
        figures={"top1": top1, "latency": ms, "size": 5.0 if keeps else 50.0},
        values=(top1, ms),
        keeps=keeps,
        seconds=60.0,
    )


def seen(
    *trials: Trial, front: tuple[int, ...] = (), at_work: bool = False, asked: StudyFile | None = None
) -> StudyView:
    return StudyView(
        Path("/p/some.study"), asked or study(), Path("/p/some.pqv"), trials, front, at_work, 60.0 * len(trials), 480.0
    )


FAILED = Trial(2, "failed", {"prune.ratio": 0.5, "quantize.precision": "fp32"}, words="It cannot be pruned.")
VIEW = seen(done(0, 0.9, 8.0), done(1, 0.8, 4.0, keeps=False), FAILED, front=(0,), at_work=True)


def test_a_trial_is_a_line_with_what_was_varied_and_what_came_of_it() -> None:
    picture = PictureMaker().make(VIEW, {})
    heads = [head.words for head in picture.heads]
    assert heads == ["Trial", "State", "Pruning ratio", "Precision", "Top-1", "Latency", "Size", "Run", "Time"]
    assert picture.lines[0].cells == ("★ 0", "✓ Done", "0.2", "FP32", "90.0 %", "8.00 ms", "5.00 MB", "#1", "1 min")
    assert picture.lines[2].cells[:2] == ("2", "✖ Failed")
    assert picture.lines[2].cells[4:] == ("–",) * 5
    assert picture.lines[2].details == "It cannot be pruned."
    assert picture.lines[1].details == "Breaks a constraint."


def test_what_is_over_is_written_once_and_the_front_moves_on() -> None:
    maker = PictureMaker()
    before = maker.make(seen(done_0 := done(0, 0.9, 8.0), front=(0,)), {})
    after = maker.make(seen(done_0, done(1, 0.95, 7.0), front=(1,)), {})
    assert before.lines[0].cells[0] == "★ 0"
    assert [line.cells[0] for line in after.lines] == ["0", "★ 1"]
    again = maker.make(seen(*(line.trial for line in after.lines), front=(1,)), {})
    assert again.lines[1] is after.lines[1]


def test_the_chart_has_the_trials_that_are_done_and_marks_front_and_broken_constraints() -> None:
    picture = PictureMaker().make(VIEW, {})
    chart = study_picture.scatter(picture, *study_picture.axes_of(VIEW.study))
    assert [(point.x, point.y, point.front) for point in chart.points] == [(8.0, 90.0, True), (4.0, 80.0, False)]
    assert chart.series == ("Trial", "Breaks a constraint")
    assert (chart.x_name, chart.x_unit, chart.y_name, chart.y_unit) == ("Latency", "ms", "Top-1", "%")
    assert chart.line
    assert not study_picture.scatter(picture, "size", "top1").line


def test_with_one_objective_the_trials_come_one_after_another() -> None:
    asked = study(objectives=["latency"])
    view = seen(replace(done(0, 0.9, 8.0), values=(8.0,)), asked=asked)
    assert study_picture.axes_of(asked) == (NUMBER, "latency")
    chart = study_picture.scatter(PictureMaker().make(view, {}), NUMBER, "latency")
    assert (chart.points[0].x, chart.x_name) == (0, "Trial")


def test_parallel_lines_have_an_axis_a_setting_and_a_figure_whose_better_values_are_above() -> None:
    picture = PictureMaker().make(VIEW, {})
    lines = picture.parallel
    assert lines is not None
    assert [axis.name for axis in lines.axes] == ["Pruning ratio", "Precision", "Top-1", "Latency"]
    assert lines.names == ("Trial 0", "Trial 1")
    assert lines.places[:, 0].tolist() == pytest.approx([0.25, 0.25])
    assert lines.places[0, 2] > lines.places[1, 2]  # more accurate
    assert lines.places[0, 3] < lines.places[1, 3]  # slower
    assert ((lines.places >= 0) & (lines.places <= 1)).all()
    assert lines.front == (0,)
    assert lines.texts[0] == ("0.2", "FP32", "90.0 %", "8.00 ms")
    assert lines.nearest(0.0, 0.25) == (0, pytest.approx(0.0))


def test_a_further_trial_only_adds_a_line_while_the_axes_hold_it() -> None:
    first, second, third = done(0, 0.9, 8.0), done(1, 0.8, 4.0), done(2, 0.85, 6.0)
    one = PictureMaker().make(seen(first, second), {}).parallel
    more = PictureMaker().make(seen(first, second, third), {}).parallel
    other = PictureMaker().make(seen(first, second, replace(third, values=(0.2, 90.0))), {}).parallel
    assert one is not None
    assert more is not None
    assert other is not None
    assert more.begins_with(one)
    assert not other.begins_with(one)


def test_importances_are_shares_by_setting_and_figure() -> None:
    bars = PictureMaker().make(VIEW, {"latency": {"prune.ratio": 0.75, "quantize.precision": 0.25}}).importances
    assert bars is not None
    assert bars.categories == ("Pruning ratio", "Precision")
    assert [(series.name, series.values) for series in bars.series] == [("Latency", (75.0, 25.0))]
    assert PictureMaker().make(VIEW, {}).importances is None


def test_what_a_study_asks_is_said_in_a_line() -> None:
    assert study_picture.asked_words(study(hours=2)) == (
        "Varies Pruning ratio 0.1 to 0.5, step 0.1; Precision FP32 or INT8 dynamic · wants Top-1 ↑, Latency ↓ · "
        "keeps Size ≤ 10.0 MB · 10 trials · 2 h"
    )


def shown(view: StudyView) -> StudyState:
    state = StudyState()
    state.found((view.folder,))
    state.look_at(view.folder)
    state.take(PictureMaker().make(view, {}))
    return state


def test_how_a_study_is_and_how_far() -> None:
    state = StudyState()
    assert state.phase == "filling"
    state.found(())
    assert state.phase == "empty"
    assert shown(seen()).phase == "waiting"
    state = shown(VIEW)
    assert state.phase == "elsewhere"
    assert state.counts == "3 of 10 trials · 2 done, 1 failed · 1 on the front"
    assert state.bar == round(0.3 * BAR_LENGTH)
    assert state.time_left == "8 min left"
    state.began()
    assert state.phase == "running"
    state.stop()
    assert state.phase == "stopping"
    state.ended("")
    assert shown(replace(VIEW, at_work=False)).phase == "stopped"
    assert shown(replace(VIEW, at_work=False)).time_left == ""
    assert shown(seen(done(0, 0.9, 8.0), asked=study(trials=1))).phase == "finished"


def test_where_time_ends_a_study_its_bar_is_the_time() -> None:
    assert shown(seen(done(0, 0.9, 8.0), asked=study(trials=None, hours=1 / 30))).bar == BAR_LENGTH // 2


def test_lines_are_sorted_with_those_last_that_have_nothing_there() -> None:
    state = shown(VIEW)
    assert [line.number for line in state.lines] == [2, 1, 0]
    state.sort(5)
    assert [line.number for line in state.lines] == [1, 0, 2]
    state.sort(5)
    assert [line.number for line in state.lines] == [0, 1, 2]


def test_another_study_forgets_what_was_chosen_in_the_one_before() -> None:
    state = shown(VIEW)
    state.select(1)
    assert state.chosen is not None
    state.look_at(Path("/p/other.study"))
    assert (state.selected, state.picture, state.chart) == (None, None, None)
    state.found(())
    assert state.folder is None
