"""What a run's models and files answered is kept image by image, and read with the caution that any file deserves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pqv_core.errors import ProjectError
from pqv_core.results import answers
from tests.fakes.answered import CLASSES, DENSE, FILE, FINAL, IMAGES, LABELS, answered_record, keep, keep_run


def test_a_run_has_the_answers_of_its_models_and_its_file(tmp_path: Path) -> None:
    found = answers.load(tmp_path, keep_run(tmp_path))
    assert found is not None
    assert (found.classes, found.images, found.labels) == (CLASSES, IMAGES, LABELS)
    assert [(each.key, each.label, each.answers) for each in found.judged] == [
        ("dense", "FP32 model, uncut", DENSE),
        ("final", "FP32 model, pruned", FINAL),
        ("compressed", "Compressed", FILE),
    ]
    assert [each.is_file for each in found.judged] == [False, False, True]


def test_an_image_that_could_not_be_read_has_no_answer(tmp_path: Path) -> None:
    place = keep(tmp_path, "evaluate", {"dense": (0, -1, 0, 1, 1, 2)})
    assert json.loads(place.read_text())["answers"] == {"dense": [0, answers.NONE, 0, 1, 1, 2]}


def test_names_that_are_no_unicode_come_back_as_they_were(tmp_path: Path) -> None:
    names = ("cat/\udcff.png", *IMAGES[1:])
    keep(tmp_path, "evaluate", {"dense": DENSE}, images=names)
    keep(tmp_path, "verify", {"compressed": FILE}, images=names)
    found = answers.load(tmp_path, answered_record())
    assert found is not None
    assert found.images == names


def test_a_run_with_one_model_judged_has_nothing_to_compare(tmp_path: Path) -> None:
    keep(tmp_path, "evaluate", {"dense": DENSE})
    assert answers.load(tmp_path, answered_record()) is None


def test_stages_that_are_not_done_do_not_count(tmp_path: Path) -> None:
    made = keep_run(tmp_path)
    waiting = tuple(stage.model_copy(update={"state": "waiting"}) for stage in made.stages)
    assert answers.load(tmp_path, made.model_copy(update={"stages": waiting})) is None


def test_a_stage_that_was_asked_about_other_images_does_not_count(tmp_path: Path) -> None:
    made = keep_run(tmp_path)
    keep(tmp_path, "verify", {"compressed": FILE}, images=("cat/9.png", *IMAGES[1:]))
    found = answers.load(tmp_path, made)
    assert found is not None
    assert [each.key for each in found.judged] == ["dense", "final"]


def test_answers_of_something_that_the_run_has_not_made_do_not_count(tmp_path: Path) -> None:
    made = keep_run(tmp_path)
    keep(tmp_path, "verify", {"compressed": FILE, "paper_fp32": FILE, "foreign": FILE})
    found = answers.load(tmp_path, made)
    assert found is not None
    assert [each.key for each in found.judged] == ["dense", "final", "compressed"]


@pytest.mark.parametrize(
    "change",
    [
        {"labels": [0, 0, 0, 1, 1]},
        {"labels": [0, 0, 0, 1, 1, 3]},
        {"labels": [0, 0, 0, 1, 1, -1]},
        {"answers": {"compressed": [0, 0]}},
        {"answers": {"compressed": [0, 0, 0, 0, 0, -2]}},
        {"answers": {"compressed": [0, 0, 0, 0, 0, 1 << 40]}},
        {"answers": {f"k{number}": [0] * 6 for number in range(65)}},
        {"images": ["../../etc/passwd", *IMAGES[1:]]},
        {"images": ["/etc/passwd", *IMAGES[1:]]},
        pytest.param(
            {"images": ["C:\\Windows\\a.png", *IMAGES[1:]]},
            marks=pytest.mark.skipif(os.name != "nt", reason="elsewhere that is a file's name"),
        ),
        {"images": ["\\\\server\\a.png", *IMAGES[1:]]},
        {"images": ["cat/\0.png", *IMAGES[1:]]},
        {"images": ["cat\\..\\..\\a.png", *IMAGES[1:]]},
        {"images": 3},
        {"schema_version": "one"},
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    made = keep_run(tmp_path)
    place = tmp_path / "stages" / "verify" / answers.ANSWERS_FILE
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    with pytest.raises(ProjectError, match="are damaged"):
        answers.load(tmp_path, made)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"answers": NaN}', "[" * 100_000])
def test_a_damaged_file_is_named(content: str, tmp_path: Path) -> None:
    made = keep_run(tmp_path)
    (tmp_path / "stages" / "evaluate" / answers.ANSWERS_FILE).write_text(content)
    with pytest.raises(ProjectError, match="are damaged") as caught:
        answers.load(tmp_path, made)
    assert str(tmp_path / "stages" / "evaluate") in caught.value.action


def test_a_file_of_a_newer_version_is_said_to_be_one(tmp_path: Path) -> None:
    made = keep_run(tmp_path)
    place = tmp_path / "stages" / "verify" / answers.ANSWERS_FILE
    place.write_text(json.dumps({"schema_version": answers.SCHEMA_VERSION + 1, "answers": "otherwise"}))
    with pytest.raises(ProjectError, match="newer PQV-Mobile"):
        answers.load(tmp_path, made)


def test_of_very_many_images_no_answers_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_IMAGES", 5)
    kept = answers.save(tmp_path, classes=CLASSES, images=IMAGES, labels=LABELS, answers={"dense": {}})
    assert not kept
    assert not list(tmp_path.iterdir())


def test_an_output_without_a_name_is_told_by_its_number(tmp_path: Path) -> None:
    found = answers.load(tmp_path, keep_run(tmp_path))
    assert found is not None
    assert (found.name(2), found.name(7)) == ("dog", "output 7")
