"""A latency table of a phone on which the program that is built for this computer really runs the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from deploy.kit import programs, runtimes
from pqv_core.latency import store
from pqv_core.latency import table as tables
from pqv_core.latency.probe_files import Folder
from pqv_core.latency.table import LatencyTable
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_core.study.view import StudyWatch
from pqv_gui import cli
from tests.e2e.test_run import SMALL, only_record, pqv
from tests.fakes.adbd import Adbd, Faults
from tests.fakes.phone import Phone

NAME = "Fakesung Phone One"


@pytest.fixture
def daemon(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, host_program: Path
) -> Iterator[Adbd]:
    """The phone; tables that are kept and probes are the test's own."""
    monkeypatch.setattr(programs, "abis", lambda name: ("x86_64",))
    monkeypatch.setattr(programs, "verified", lambda name, abi: host_program)
    monkeypatch.setattr(runtimes, "archives", lambda *_, **__: ())
    monkeypatch.setattr(runtimes, "libraries", lambda *_, **__: [])
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    phone = Phone(tmp_path / "phone", cores=(2_000_000,) * 2)
    with Adbd(phone, Faults(auth="accept")) as running:
        yield running
    assert phone.left_behind() == []


def project(folder: Path, *more: str, target: str = "android") -> Path:
    settings = {f"model.arguments.{name}": value for name, value in SMALL.items()}
    settings |= {"measure.iterations": 5, "measure.threads": 1, "prune.attention_unit": "heads"}
    given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    new = ("new", "some.pqv", "--model", "vit_tiny_patch16_224", "--random", "--precision", "fp32", "--target", target)
    given += ["--format", "ptl"]
    made = pqv(*new, *given, *more, folder=folder)
    assert made.returncode == 0, made.stderr
    return folder / "some.pqv"


def only_table() -> LatencyTable:
    (table,) = store.kept()
    return table


@pytest.mark.slow
def test_a_cable_that_is_pulled_costs_the_loop_at_work(
    daemon: Adbd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("latency", str(project(tmp_path)), "--on", daemon.address, "--out", str(tmp_path / "some.json"))
    keep = Folder.add

    def pulled(folder: Folder, samples: Mapping[str, Sequence[int]]) -> None:
        keep(folder, samples)
        daemon.shut_down()

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "add", pulled)
        assert cli.main(words) == 1
    assert not (tmp_path / "some.json").exists()
    assert list(store.kept()) == []
    first = capfd.readouterr().err
    daemon.boot()
    assert cli.main(words) == 0
    said = capfd.readouterr()
    assert "Loop 1 of 5: 1 whole block." in first
    assert "Loop 1 of 4: blocks.0.mlp.fc2" in said.err
    assert "blocks.0.mlp.fc2 (mlp)" in said.out
    assert f"on {NAME}:" in said.out

    table = only_table()
    assert (table.device, table.serial, table.subject.threads) == (NAME, daemon.address, 1)
    assert {part.name for part in table.parts} == {
        f"blocks.{block}.{layer}" for block in range(2) for layer in ("mlp.fc2", "attn.proj")
    }
    assert table.dense_ns > 10_000
    assert tables.load(tmp_path / "some.json") == table.of_its_kind

    assert cli.main(["latency", str(tmp_path / "some.json")]) == 0
    assert f"Kept: a budget on “{NAME}” uses it." in capfd.readouterr().out
    assert cli.main(["latency"]) == 0
    assert capfd.readouterr().out.count(NAME) == 2


@pytest.mark.slow
def test_a_run_with_a_budget_on_a_phone_measures_its_table_and_then_its_result(
    daemon: Adbd, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = project(tmp_path, "--latency", "1s", "--on", NAME)
    assert cli.main(["run", str(path), "--target", daemon.address]) == 0
    table = only_table()
    assert (table.serial, table.subject.threads) == (daemon.address, 1)
    said = capfd.readouterr().out
    assert f"ms on {NAME}: within the budget of 1,000 ms." in said
    record = only_record(path)
    assert record.latency_table is not None
    assert (record.latency_table.device, record.latency_table.threads) == (NAME, 1)
    assert cli.main(["show", str(path)]) == 0
    assert f"ms on {NAME}: within the budget of 1,000 ms." in capfd.readouterr().out


@pytest.mark.slow
def test_a_study_with_a_budget_on_a_phone_measures_its_table_once_and_its_trials_alike(
    daemon: Adbd, tmp_path: Path
) -> None:
    path = project(tmp_path, "--latency", "1s", "--on", NAME)
    varied = ("--vary", "prune.importance=l1,l2", "--sampler", "grid", "--objective", "latency")
    assert cli.main(["study", "new", str(path), *varied]) == 0
    folder = path.with_suffix(".study")
    assert cli.main(["study", "run", str(folder), "--target", daemon.address]) == 0
    table = only_table()
    assert (table.serial, table.subject.threads) == (daemon.address, 1)
    view = StudyWatch(folder).look()
    assert [trial.state for trial in view.trials] == ["done", "done"]
    for trial in view.trials:
        (result,) = results.load(projects.runs_directory(path) / trial.run).results
        assert [item.threads for item in result.measurements if item.target != results.LOCAL] == [1]


def test_what_is_wrong_is_said_before_anything_is_measured(
    daemon: Adbd, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = project(tmp_path)
    assert cli.main(["latency", str(path), "--on", "NOPHONE"]) == 1
    assert "The device NOPHONE is not connected." in capfd.readouterr().err
    assert cli.main(["latency", str(path), "--on", daemon.address, "--out", str(tmp_path)]) == 1
    assert "The path is a folder, not a file" in capfd.readouterr().err
    assert cli.main(["latency", "--on", daemon.address]) == 2
    assert "There is no project" in capfd.readouterr().err
    path.unlink()
    assert cli.main(["latency", str(project(tmp_path, target="host")), "--on", daemon.address]) == 2
    assert "phones cannot run its files" in capfd.readouterr().err
    assert daemon.received == 0
