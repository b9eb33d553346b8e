"""The project file: whole, versioned, forgiving towards what it does not know, strict towards damage."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.config import DataConfig, RunConfig
from pqv_core.data import dataset
from pqv_core.errors import ConfigError, PqvError, ProjectError, StorageError
from pqv_core.project import migrations
from pqv_core.project import project_file as projects

WORDS = st.text(max_size=20)
PROJECTS = st.builds(
    projects.Project,
    note=WORDS,
    config=st.builds(
        RunConfig,
        seed=st.integers(0, 2**31 - 1),
        model=st.fixed_dictionaries(
            {"name": st.text(min_size=1, max_size=20)},
            optional={
                "arguments": st.dictionaries(
                    WORDS, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
                )
            },
        ),
        prune=st.fixed_dictionaries({"ratio": st.floats(min_value=0.001, max_value=0.9)}),
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work.pqv"


@given(project=PROJECTS)
def test_a_project_comes_back(project: projects.Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.pqv"
    projects.save(path, project)
    assert projects.load(path) == project


def test_unknown_keys_are_kept(path: Path) -> None:
    plain = projects.Project().model_dump(mode="json")
    plain["cloud"] = {"on": True}
    plain["config"]["prune"]["later"] = [1, None, "x"]
    path.write_text(json.dumps(plain))
    projects.save(path, projects.load(path).changed(note="changed"))
    assert json.loads(path.read_text()) == {**plain, "note": "changed"}


def test_a_file_cut_at_any_byte_is_damaged_in_words(path: Path) -> None:
    projects.save(path, projects.Project(note="Grüße"))
    whole = path.read_bytes()
    for length in range(len(whole.rstrip())):
        path.write_bytes(whole[:length])
        with pytest.raises(ProjectError) as caught:
            projects.load(path)
        assert "work.pqv is damaged" in caught.value.message
        assert caught.value.action


@given(content=st.binary(max_size=80))
def test_any_other_file_is_refused_in_words(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "other.pqv"
    path.write_bytes(content)
    with pytest.raises(ProjectError):
        projects.load(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "not a PQV-Mobile project"),
        ('{"schema_version": 1}', "not a PQV-Mobile project"),
        ('{"config": {}}', "does not state its version"),
        ('{"config": {}, "schema_version": true}', "does not state its version"),
        ('{"config": {}, "schema_version": "1"}', "does not state its version"),
        ('{"config": {}, "schema_version": 0}', "does not state its version"),
        ('{"config": {}, "schema_version": 999}', "newer PQV-Mobile"),
        ('{"config": [], "schema_version": 1}', "an invalid value"),
        ('{"config": {"prune": {"ratio": 2}}, "schema_version": 1}', "config.prune.ratio"),
        ('{"config": {"prune": {"ratio": NaN}}, "schema_version": 1}', "damaged"),
        ('{"config": {}, "schema_version": 1, "later": Infinity}', "damaged"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_what_is_no_project_is_refused_in_a_sentence(path: Path, text: str, words: str) -> None:
    path.write_text(text)
    with pytest.raises(ProjectError) as caught:
        projects.load(path)
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.action


def test_a_file_that_is_not_there_or_too_large(path: Path) -> None:
    with pytest.raises(ProjectError, match="does not exist"):
        projects.load(path)
    with pytest.raises(ProjectError, match="is a folder"):
        projects.load(path.parent)
    path.touch()
    os.truncate(path, 17 * 2**20)
    with pytest.raises(ProjectError, match="too large"):
        projects.load(path)


def test_a_save_that_fails_keeps_the_project(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    projects.save(path, projects.Project(note="before"))

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        projects.save(path, projects.Project(note="after"))
    assert projects.load(path).note == "before"
    assert os.listdir(path.parent) == ["work.pqv"]  # noqa: PTH208


def test_an_older_project_takes_every_step(path: Path) -> None:
    def to_2(plain: dict[str, Any]) -> dict[str, Any]:
        return {**plain, "order": [*plain["order"], 2]}

    def to_3(plain: dict[str, Any]) -> dict[str, Any]:
        return {**plain, "order": [*plain["order"], 3]}

    old = {"schema_version": 1, "order": [], "kept": "yes"}
    new = migrations.migrate(old, to=3, path=path, steps={1: to_2, 2: to_3})
    assert new == {"schema_version": 3, "order": [2, 3], "kept": "yes"}
    assert old == {"schema_version": 1, "order": [], "kept": "yes"}
    assert migrations.migrate(new, to=3, path=path, steps={}) == new


def test_there_is_a_step_from_every_older_version() -> None:
    assert sorted(migrations.STEPS) == list(range(1, projects.SCHEMA_VERSION))


def test_the_kept_file_of_version_1_opens() -> None:
    path = Path(__file__).parents[3] / "data" / "project_v1.pqv"
    project = projects.load(path)
    assert project.config.model.name == "vit_tiny_patch16_224"
    assert project.config.prune.ratio == 0.09375
    assert project.note == "Kept to prove that projects of this version open."


def test_a_project_that_names_one_runtime_for_all_formats_opens(path: Path) -> None:
    """Versions before there were several formats wrote ``export.runtime``."""
    path.write_text(json.dumps({"schema_version": 1, "config": {"export": {"target": "android", "runtime": "1.12.2"}}}))
    export = projects.load(path).config.export
    assert (export.target, export.formats) == ("android", ("ptl",))


@pytest.mark.parametrize("place", ["images", "sub/images", "../beside/images", "with space/Bilder ü"])
def test_paths_are_kept_relative_and_lead_back(path: Path, place: str) -> None:
    target = (path.parent / place).resolve()
    stored = projects.stored_path(target, project=path)
    assert stored == place
    assert projects.resolved_path(stored, project=path) == target


def test_an_absolute_path_and_a_home_are_understood(path: Path, tmp_path: Path) -> None:
    assert projects.resolved_path(str(tmp_path / "x"), project=path) == (tmp_path / "x").resolve()
    assert projects.resolved_path("~/x", project=path) == (Path.home() / "x").resolve()
    nobody = projects.resolved_path("~nobody_of_this_name/x", project=path)
    assert nobody == (tmp_path / "~nobody_of_this_name" / "x").resolve()


def test_a_path_that_cannot_be_one_is_refused(path: Path) -> None:
    with pytest.raises(ProjectError, match="an invalid path"):
        projects.resolved_path("images\0", project=path)


def test_links_in_a_circle_are_left_to_whoever_opens_them(path: Path) -> None:
    circle = path.parent / "circle"
    circle.symlink_to(circle)
    assert projects.resolved_path("circle/images", project=path) == circle / "images"
    with pytest.raises(PqvError, match="circle"):
        dataset.scan(circle)


@pytest.mark.parametrize("key", ["train", "val", "root"])
def test_a_setting_that_cannot_be_a_path_is_named(key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: a path holds no NUL"):
        DataConfig.parse({key: "images\0"})


def test_runs_lie_beside_the_project(path: Path) -> None:
    assert projects.runs_directory(path) == path.parent / "work.runs"
