"""Words that only a newer version knows are named in a sentence, or shown as they are: never an error of Python, never
"damaged", never taken for something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.measure import record as phone_record
from pqv_core import comparison
from pqv_core.cli import report as cli_report
from pqv_core.config import ExportConfig, QuantizeConfig, RunConfig
from pqv_core.config import export as export_config
from pqv_core.config.base import look_up
from pqv_core.errors import ConfigError, ProjectError, UsageError
from pqv_core.formats.ptl.size import file_bytes
from pqv_core.models.vit_shape import Cost
from pqv_core.process import events, job
from pqv_core.project import migrations
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from tests.fakes.records import artifact

SETTINGS = [
    ("prune", "importance", "wisdom"),
    ("prune", "distribution", "by-depth"),
    ("prune", "attention_unit", "tokens"),
    ("quantize", "precision", "int3"),
    ("quantize", "engine", "npu"),
    ("quantize", "observer", "entropy"),
    ("export", "target", "ios"),
    ("model", "weights", "hub"),
    ("finetune", "device", "tpu"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "later.pqv"
    projects.save(path, projects.Project())
    return path


def changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(("section", "name", "word"), SETTINGS)
def test_a_project_with_an_unknown_word_names_it(section: str, name: str, word: str, project: Path) -> None:
    config = projects.load(project).config.model_dump(mode="json")
    config[section][name] = word
    changed(project, config=config)
    with pytest.raises(ProjectError) as caught:
        projects.load(project)
    assert f"{section}.{name}: '{word}' is not known to this PQV-Mobile" in caught.value.message
    assert "a newer version or a plug-in may support it" in caught.value.message
    assert "Update PQV-Mobile" in caught.value.action
    assert "damaged" not in str(caught.value)


def test_a_run_that_waits_with_an_unknown_word_names_it(project: Path) -> None:
    config = {"quantize": {"precision": "int3"}}
    changed(project, queue=[{"config": config}])
    with pytest.raises(ProjectError, match=r"queue\.0\.config\.quantize\.precision: 'int3' is not known"):
        projects.load(project)


def test_a_missing_step_of_the_project_file_is_said() -> None:
    plain = {"schema_version": 1, "config": {}}
    with pytest.raises(ProjectError, match=r"old\.pqv has the old format 1") as caught:
        migrations.migrate(plain, to=3, path=Path("old.pqv"), steps={2: dict})
    assert caught.value.action
    assert "from format 1 to 2" in caught.value.details


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"kind": "sing", "run": "r"}, "no job of the kind 'sing'; a newer version may"),
        ({"kind": "x" * 1000, "run": "r"}, "no job of the kind 'xxx"),
        (
            {"kind": "run", "run": "r", "project": "p", "config": {"quantize": {"precision": "int3"}}},
            r"^quantize\.precision: 'int3' is not known",
        ),
        ({"kind": "run", "run": "r"}, "not a job"),
        ([], "not a job"),
    ],
)
def test_a_job_with_an_unknown_word_names_it(line: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        job.decode(json.dumps(line))
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"run": "r", "type": "dance", "step": 1}', "dance"),
        ('{"run": "r", "type": "log", "text": "known"}', ""),
        ('{"run": "r", "type": 1}', ""),
        ('{"type": "a line of a library"}', ""),
        ("[]", ""),
        ("plain text", ""),
        ("[" * 100_000, ""),
        (b"\xff", ""),
    ],
)
def test_an_event_of_an_unknown_type_is_told_from_stray_output(line: str | bytes, named: str) -> None:
    assert events.unknown_type(line) == named


def test_no_unknown_precision_is_taken_for_int8() -> None:
    cost = Cost(params=10, macs=10, linear_weights=5, linear_outputs=1, linears=1, conv_weights=0)
    with pytest.raises(ConfigError, match=r"quantize\.precision: 'int3' is not known"):
        file_bytes(cost, None, scheme="int3")
    with pytest.raises(ConfigError, match=r"quantize\.precision: 'int3' is not known"):
        ExportConfig().tolerance("int3")
    assert ExportConfig().tolerance("int8-static") == ExportConfig().int8_tolerance
    assert not QuantizeConfig.model_construct(precision="int3").uses_engine  # type: ignore[arg-type]


def test_no_unknown_target_or_engine_is_taken_for_another() -> None:
    with pytest.raises(ConfigError, match=r"export\.target: 'ios' is not known"):
        export_config.engines("ios")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"quantize\.engine: 'npu' is not known"):
        export_config.engine_problem("npu", "host")  # type: ignore[arg-type]


def test_a_long_word_is_not_repeated_whole() -> None:
    with pytest.raises(ConfigError) as caught:
        look_up({"a": 1}, "x" * 10_000, field="some.setting")
    assert len(caught.value.message) < 200


# runs of a newer version -------------------------------------------------------------------------------------


@pytest.fixture
def run(project: Path) -> Path:
    """A run with an artefact, a state, a stage and a precision that this version does not know."""
    environment = results.Environment(
        pqv="9", python="3", system="Linux", processor="CPU", cores=2, memory_bytes=1, threads=1, versions={}
    )
    measured = results.Measurement(threads=1, warmup=0, samples_ns=(2_000_000,))
    figures = {"file": "m.ptl", "size_bytes": 7_000_000, "params": 1, "macs": 1, "engine": ""}
    config = RunConfig().model_dump(mode="json")
    config["quantize"]["precision"] = "int3"
    other = artifact("compressed").model_copy(
        update={"key": "distilled_int3", "label": "Distilled int3", "purpose": "teacher", "scheme": "int3"}
    )
    record = results.RunRecord(
        id="r",
        number=1,
        created="2027-01-01",
        state="paused",
        config=config,
        environment=environment,
        stages=(results.StageRecord(name="distil", state="postponed"),),
        variants=(
            results.Variant(artifact=artifact("compressed"), measurements=(measured,), **figures),
            results.Variant(artifact=other, measurements=(measured,), **figures),
        ),
    )
    folder = projects.runs_directory(project) / "r"
    results.save(folder, record)
    (folder / "m.ptl").write_bytes(b"file")
    return folder


def test_a_run_with_unknown_words_is_read_and_kept_as_it_is(run: Path) -> None:
    before = (run / results.RUN_FILE).read_bytes()
    results.save(run, results.load(run))
    assert (run / results.RUN_FILE).read_bytes() == before


def test_an_unknown_artifact_is_shown_by_its_name(
    run: Path, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    rows = comparison.load(project).rows
    assert [row.artifact.key for row in rows] == ["compressed", "distilled_int3"]
    assert rows[1].made == "Distilled int3"
    assert rows[1].median_ms == 2.0
    cli_report.say_run(project, "r", as_json=False)
    cli_report.show(project, as_json=False)
    said = capsys.readouterr()
    assert "Distilled int3" in said.out + said.err
    assert "paused" in said.out + said.err
    assert "damaged" not in said.out + said.err


def test_what_a_phone_measures_of_an_unknown_artifact_is_kept(run: Path) -> None:
    assert phone_record.files(run) == {run / "m.ptl": ("compressed", "distilled_int3")}
    measured = results.Measurement(target="phone", threads=1, warmup=0, samples_ns=(1,))
    kept = phone_record.add(run, {"distilled_int3": [measured]}).variant("distilled_int3")
    assert kept is not None
    assert [item.target for item in kept.measurements] == ["local", "phone"]
