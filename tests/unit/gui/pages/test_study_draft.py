"""The form of a new study: what it begins with, what it says is wrong, and what it asks the core for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.project import project_file as projects
from pqv_core.study import new_study
from pqv_core.study.figures import FIGURES
from pqv_core.study.variables import variables
from pqv_gui.pages.study.study_draft import Bound, StudyDraft

IMAGES = with_settings(RunConfig(), {"data.val": "val"})


def begun(settings: RunConfig = IMAGES, *, taken: tuple[str, ...] = ()) -> StudyDraft:
    draft = StudyDraft()
    draft.begin(settings, project="small", taken=taken)
    return draft


def test_it_begins_with_what_can_be_made_at_once() -> None:
    draft = begun()
    assert draft.problems == {}
    assert (draft.name, draft.objectives, draft.trials) == ("small", ("top1", "latency"), 30)
    assert draft.combinations == 22
    assert begun(RunConfig()).objectives == ("latency", "size")
    assert begun(taken=("small", "small-2")).name == "small-3"


def test_what_was_entered_is_what_the_study_asks(tmp_path: Path) -> None:
    path = tmp_path / "small.pqv"
    projects.save(path, projects.Project(config=IMAGES))
    draft = begun()
    draft.change(1, name="finetune.learning_rate")
    draft.change(0, values="0.2:0.4:0.1")
    draft.bind()
    draft.bind()
    draft.change_bound(1, Bound("size", at_most=True, value=3.0))
    draft.set("trials", None)
    draft.set("hours", 2.0)
    draft.set("sampler", "random")
    draft.set("early_stop", False)
    study = new_study.build(draft.choices(path))
    assert study.vary == {"prune.ratio": "0.2:0.4:0.1", "finetune.learning_rate": "1e-05:0.001:log"}
    assert [bound.words for bound in study.bounds] == ["Top-1 lost ≤ 1.00 points", "Size ≤ 10.0 MB"]
    assert (study.trials, study.hours, study.sampler, study.early_stop) == (None, 2.0, "random", False)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "taken"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    draft = begun(taken=("taken",))
    draft.set("name", name)
    assert list(draft.problems) == ["name"]


@pytest.mark.parametrize("values", ["", "0.6:0.1", "0.1:2", "a:b", "0.1:", ":"])
def test_values_that_a_setting_cannot_have_are_said_at_its_place(values: str) -> None:
    draft = begun()
    draft.change(0, values=values)
    assert list(draft.problems) == ["varied/0"]
    assert "prune.ratio:" not in draft.problems["varied/0"]
    assert draft.combinations is None


def test_a_study_has_an_end_something_to_vary_and_something_that_is_wanted() -> None:
    draft = begun()
    draft.change(0, values="0.1:0.6")
    draft.set("trials", None)
    assert list(draft.problems) == ["trials"]
    draft.set("sampler", "grid")
    assert list(draft.problems) == ["sampler"]
    draft.set("objectives", [])
    assert "objectives" in draft.problems
    draft.set("objectives", ["top1", "top1_drop", "latency", "size", "memory"])
    assert "objectives" in draft.problems
    draft.keep(0)
    draft.keep(0)
    assert "varied" in draft.problems


def test_figures_that_trials_will_not_have_are_refused_with_their_cure() -> None:
    draft = begun(RunConfig())
    draft.set("objectives", ["top1"])
    assert "Model page" in draft.problems["objectives"]
    draft.set("objectives", ["energy"])
    assert "Export page" in draft.problems["objectives"]


def test_each_setting_is_varied_once_and_each_has_usual_values() -> None:
    draft = begun()
    while draft.unused():
        draft.vary()
    assert sorted(item.name for item in draft.varied) == sorted(variables())
    assert draft.problems == {}


@pytest.mark.parametrize("figure", FIGURES)
def test_a_bound_that_is_added_is_one_that_can_be(figure: str) -> None:
    draft = begun(with_settings(IMAGES, {"export.target": "android"}))
    draft.bind()
    draft.change_bound(0, Bound(figure, at_most=True, value=1.0))
    draft.change_bound(0, draft.bounds[0])
    assert draft.problems == {}
    draft.free(0)
    assert draft.bounds == ()
