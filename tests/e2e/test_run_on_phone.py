"""A run for Android, then its files on a phone: the figures stand beside this computer's and stay there."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cli import run as cli_run
from deploy.kit import programs as runners
from deploy.kit import runtimes
from deploy.measure.steps import PhoneConfig
from pqv_core.config.export import ExportConfig
from pqv_core.project import project_file as projects
from pqv_core.project.project_file import Project
from pqv_core.results import select
from tests.e2e.test_run import SMALL, only_record, pqv
from tests.fakes.adbd import Adbd, Faults
from tests.fakes.phone import Phone

SCRIPT = Path(__file__).parents[1] / "fakes" / "pqv_bench.sh"
CONFIG = PhoneConfig(threads=(1, 2), iterations=12, watch_s=0, cool_down=False, profile=True)


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where a phone listens that has the fake benchmark program's processor; no adb server runs."""
    program = tmp_path / "pqv_bench"
    program.write_text(SCRIPT.read_text().replace("BODY", ""))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    library = tmp_path / "libpytorch.so"
    library.write_bytes(b"library")
    monkeypatch.setattr(runners, "abis", lambda name: ("x86_64",))
    monkeypatch.setattr(runners, "verified", lambda name, abi: program)
    monkeypatch.setattr(runtimes, "archives", lambda *_, **__: (tmp_path,))
    monkeypatch.setattr(runtimes, "libraries", lambda *_, **__: [library])
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    phone = Phone(tmp_path / "phone", cores=(2_000_000,) * 2)
    phone.set_property("ro.product.cpu.abilist", "x86_64")
    with Adbd(phone, Faults(auth="accept")) as daemon:
        yield daemon.address
    assert phone.left_behind() == []


def project_for(target: str, folder: Path) -> Path:
    settings = [f"model.arguments.{key}={value}" for key, value in {**SMALL, "num_classes": 3}.items()]
    settings += ["measure.iterations=5", "measure.warmup=1", "measure.threads=1"]
    more = [word for setting in settings for word in ("--set", setting)]
    made = pqv(
        *("new", "phone.pqv", "--model", "vit_tiny_patch16_224", "--random", "--target", target, *more), folder=folder
    )
    assert made.returncode == 0, made.stderr
    return folder / "phone.pqv"


@pytest.mark.slow
def test_what_a_phone_measures_is_added_to_the_run(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = project_for("android", tmp_path)
    assert pqv("run", project, folder=tmp_path).returncode == 0

    assert cli_run.measure(project, projects.load(project).config, [address], CONFIG, as_json=False) == 0
    said = capsys.readouterr()
    assert "Phone One" in said.out
    record = only_record(project)
    for role in ("paper_fp32", "fast_fp32", "compressed"):
        variant = record.variant(role)
        assert variant is not None
        here, first, second = variant.measurements
        assert (here.target, first.threads, second.threads) == ("local", 1, 2)
        assert address in first.target
        assert first.parity is not None
        assert first.parity.inputs == 1
        assert first.operators
        # Two different files take turns, and the fake program begins anew in each of them.
        assert first.samples_ns == tuple(1_000_000 + index for count in (5, 5, 2) for index in range(count))
        assert first.loop == second.loop != ""
    assert select.speedup(record, over="paper_fp32", target=first.target) == 1.0

    again = pqv("run", project, "--json", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert only_record(project).variants == record.variants
    shown = pqv("show", project, "--json", folder=tmp_path)
    run = json.loads(shown.stdout.splitlines()[1])
    assert list(run["phones"]) == [first.target]


def test_files_for_this_computer_are_not_sent_to_phones(tmp_path: Path) -> None:
    project = tmp_path / "here.pqv"
    projects.save(project, Project())
    done = pqv("run", project, "--target", "FAKE0001", folder=tmp_path)
    assert done.returncode == 2
    assert "--target android" in done.stderr
    config = Project().config.changed(export=ExportConfig(target="android").model_dump())
    projects.save(project, Project(config=config))
    cli_run.check(project, config, [])


def test_a_phone_that_is_not_there_is_said_before_the_run(address: str, tmp_path: Path) -> None:
    project = project_for("android", tmp_path)
    done = pqv("run", project, "--target", "NOPHONE", folder=tmp_path)
    assert done.returncode == 1
    assert "The phone NOPHONE is not connected." in done.stderr
    assert not projects.runs_directory(project).exists()
