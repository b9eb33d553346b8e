"""Which studies lie beside a project."""

from __future__ import annotations

from pathlib import Path

from pqv_core.config import RunConfig
from pqv_core.study import study_file
from pqv_core.study.study_file import StudyFile


def study(project: str) -> StudyFile:
    return StudyFile(
        project=project, config=RunConfig(), vary={"prune.ratio": "0.1:0.6"}, objectives=("size", "latency")
    )


def test_the_studies_of_a_project_are_those_that_name_it_and_those_that_cannot_be_read(tmp_path: Path) -> None:
    study_file.create(tmp_path / "b.study", study("some.pqv"))
    study_file.create(tmp_path / "a.study", study("some.pqv"))
    study_file.create(tmp_path / "c.study", study("other.pqv"))
    (tmp_path / "broken.study").mkdir()
    (tmp_path / "broken.study" / study_file.STUDY_FILE).write_text("{")
    (tmp_path / "no-folder.study").write_text("")

    found = study_file.beside(tmp_path / "some.pqv")

    assert [folder.name for folder in found] == ["a.study", "b.study", "broken.study"]
