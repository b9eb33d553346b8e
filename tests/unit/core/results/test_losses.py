"""What was lost between two models: held against an independent count, image by image."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.errors import UsageError
from pqv_core.results import answers, losses
from pqv_core.results.answers import NONE, Judged, RunAnswers
from tests.fakes.answered import keep_run

OUTPUTS = 6


@st.composite
def runs(draw: st.DrawFn) -> RunAnswers:
    """Answers of two models to up to 40 images of up to 4 classes; there are more outputs than classes."""
    classes = draw(st.integers(1, 4))
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, classes - 1), st.integers(NONE, OUTPUTS - 1), st.integers(NONE, OUTPUTS - 1)),
            max_size=40,
        )
    )
    labels, before, after = (tuple(row[place] for row in rows) for place in range(3))
    return RunAnswers(
        classes=tuple(f"class {index}" for index in range(classes)),
        images=tuple(f"{label}/{index}.png" for index, label in enumerate(labels)),
        labels=labels,
        judged=(Judged("dense", "Before", before), Judged("compressed", "After", after)),
    )


@given(runs())
def test_every_figure_is_that_of_an_independent_count(run: RunAnswers) -> None:
    found = losses.between(run)
    before, after = (each.answers for each in run.judged)
    both = [index for index in range(len(run.images)) if before[index] >= 0 and after[index] >= 0]

    assert found.images == len(both)
    assert {each.label for each in found.classes} == {run.labels[index] for index in both}
    for each in found.classes:
        own = [index for index in both if run.labels[index] == each.label]
        assert each.name == f"class {each.label}"
        assert each.images == len(own)
        assert each.before == len([index for index in own if before[index] == each.label])
        assert each.after == len([index for index in own if after[index] == each.label])
        assert each.lost == len([index for index in own if before[index] == each.label != after[index]])
        assert each.won == len([index for index in own if after[index] == each.label != before[index]])
    for label in range(len(run.classes)):
        for output in range(OUTPUTS):
            for confusion, answered in ((found.confusion_before, before), (found.confusion_after, after)):
                counted = sum(1 for index in both if (run.labels[index], answered[index]) == (label, output))
                assert confusion.get((label, output), 0) == counted
    assert [each.index for each in found.changed] == [index for index in both if before[index] != after[index]]


@given(runs())
def test_the_sums_agree_with_each_other(run: RunAnswers) -> None:
    found = losses.between(run)
    assert sum(each.images for each in found.classes) == found.images
    assert sum(found.confusion_before.values()) == sum(found.confusion_after.values()) == found.images
    assert sum(each.change for each in found.classes) == found.count("won") - found.count("lost")
    assert sum(each.lost for each in found.classes) == found.count("lost")
    assert sum(map(found.count, losses.KINDS)) == len(found.changed)
    assert sum(pair.before for pair in found.pairs) == found.images


@given(runs())
def test_the_class_that_lost_most_comes_first(run: RunAnswers) -> None:
    changes = [each.change for each in losses.between(run).classes]
    assert changes == sorted(changes)


@given(runs())
def test_the_way_back_wins_what_was_lost(run: RunAnswers) -> None:
    there, back = losses.between(run, "dense", "compressed"), losses.between(run, "compressed", "dense")
    assert {each.label: (each.lost, each.won) for each in there.classes} == {
        each.label: (each.won, each.lost) for each in back.classes
    }
    assert there.count("other") == back.count("other")


@pytest.fixture
def run(tmp_path: Path) -> RunAnswers:
    found = answers.load(tmp_path, keep_run(tmp_path))
    assert found is not None
    return found


def test_the_uncut_model_is_compared_with_the_result(run: RunAnswers) -> None:
    found = losses.between(run)
    assert (found.before.key, found.after.key) == ("dense", "compressed")
    assert [(each.name, each.images, each.before, each.after) for each in found.classes] == [
        ("cat", 3, 3, 1),
        ("dog", 1, 0, 0),
        ("cow", 2, 1, 2),
    ]
    assert [(each.image, each.kind) for each in found.changed] == [
        ("cat/1.png", "lost"),
        ("cat/2.png", "lost"),
        ("cow/4.png", "won"),
        ("dog/5.png", "other"),
    ]
    assert found.sentence == (
        "Of 6 images 66.7 % were right before and 50.0 % after: 2 lost, 1 won, 1 wrong in another way."
    )


def test_any_two_can_be_compared(run: RunAnswers) -> None:
    found = losses.between(run, "final", "compressed")
    assert [(each.image, each.kind) for each in found.changed] == [
        ("cat/1.png", "lost"),
        ("cat/2.png", "other"),
        ("dog/5.png", "other"),
    ]


def test_confusions_that_have_grown_are_told_apart(run: RunAnswers) -> None:
    grown = losses.between(run).new_confusions
    assert [(run.name(pair.label), run.name(pair.answer), pair.before, pair.after) for pair in grown] == [
        ("cat", "cow", 0, 1),
        ("cat", "dog", 0, 1),
        ("dog", "cat", 0, 1),
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"), [("other", "", "no answers of 'other'"), ("dense", "dense", "Both are 'dense'")]
)
def test_what_cannot_be_compared_is_said(before: str, after: str, said: str, run: RunAnswers) -> None:
    with pytest.raises(UsageError, match=said):
        losses.between(run, before, after)
