"""Tables that are kept for all projects: which of them a run finds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.config.budget import LOCAL
from pqv_core.errors import Cancelled, StorageError
from pqv_core.latency import store
from pqv_core.latency.table import LatencyTable
from pqv_core.process import machine
from tests.unit.core.latency.test_latency_table import table as made
from tests.unit.core.latency.test_latency_table import with_embeddings

CONFIG = with_settings(RunConfig(), {"model.name": "some_vit", "export.formats": ["ptl"], "measure.threads": 1})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_, **__: tmp_path)


def table(*, device: str, serial: str, created: str = "2026-01-01", **subject: object) -> LatencyTable:
    about = made().subject.model_copy(update={"device": device, **subject})
    return made().model_copy(
        update={"subject": about, "device": device, "serial": serial, "created": created, "versions": store.versions()}
    )


def found(on: str, config: RunConfig = CONFIG, *, threads: int = 1) -> LatencyTable | None:
    return store.find(config, "ptl", on=on, threads=threads)


def test_a_table_is_found_by_serial_name_or_kind_of_its_device() -> None:
    store.keep(table(device="Pixel 8", serial="XYZ"))
    assert found("XYZ") == found("Pixel 8") != None  # noqa: E711
    assert found("Pixel 9") is None and found(LOCAL) is None


def test_this_computers_table_is_good_for_what_is_installed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep(table(device="A processor", serial=machine.node()))
    assert found(LOCAL) is not None
    monkeypatch.setattr(store, "versions", lambda: {"torch": "3.0"})
    assert found(LOCAL) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"model.name": "another"},
        {"model.arguments.img_size": 64},
        {"quantize.precision": "fp32"},
        {"quantize.engine": "qnnpack"},
        {"prune.attention_unit": "heads"},
        {"export.target": "android"},
    ],
)
def test_a_run_of_other_files_does_not_find_it(settings: dict[str, object]) -> None:
    store.keep(table(device="Pixel 8", serial="XYZ", engine="x86", target="host"))
    assert found("XYZ") is not None
    assert found("XYZ", with_settings(CONFIG, settings)) is None
    assert found("XYZ", threads=2) is None


BUDGETED = with_settings(CONFIG, {"budget.speedup": 2.0, "prune.embedding": True})


def test_a_budget_that_cuts_the_embedding_needs_a_table_that_knows_it_at_others() -> None:
    plain = table(device="Pixel 8", serial="XYZ")
    store.keep(plain)
    assert found("XYZ") is not None and found("XYZ", BUDGETED) is None
    assert found("XYZ", with_settings(CONFIG, {"prune.embedding": True})) is not None  # by ratio
    more = with_embeddings().model_copy(
        update={name: getattr(plain, name) for name in ("subject", "device", "serial", "versions")}
    )
    store.keep(more)
    store.keep(plain)
    assert len(list(store.kept())) == 2
    assert found("XYZ", BUDGETED) == more
    assert store.probes_folder(BUDGETED, "ptl", on=LOCAL) != store.probes_folder(CONFIG, "ptl", on=LOCAL)


@pytest.mark.parametrize("known_at_half", ["2026-01-01", "2026-03-01"])
def test_of_those_that_know_narrower_embeddings_the_newest_counts_that_knows_all(known_at_half: str) -> None:
    plain = table(device="Pixel 8", serial="XYZ")
    about = {name: getattr(plain, name) for name in ("subject", "device", "serial", "versions")}
    whole = with_embeddings().model_copy(update={**about, "created": known_at_half})
    some = whole.model_copy(update={"embeddings": whole.embeddings[1:], "created": "2026-02-01"})
    for each in (whole, some):
        store.keep(each)
    assert found("XYZ", BUDGETED) == whole, "a budget may choose half of it, which the other does not know"
    newest = found("XYZ")
    assert newest is not None and newest.created == max(known_at_half, "2026-02-01")


def test_the_newest_one_counts_and_a_damaged_one_is_passed_over() -> None:
    store.keep(table(device="Pixel 8", serial="XYZ", created="2026-01-01"))
    store.keep(table(device="Pixel 8 Pro", serial="XYZ", created="2026-02-01"))
    (store.folder() / "damaged.json").write_text("{")
    newest = found("XYZ")
    assert newest is not None and newest.device == "Pixel 8 Pro"


def test_one_of_the_same_subject_takes_the_place_of_the_earlier() -> None:
    assert store.keep(table(device="Pixel 8", serial="XYZ")) == store.keep(table(device="Pixel 8", serial="XYZ"))
    assert len(list(store.kept())) == 1


HOLDING = """
import sys
from pqv_core.config import RunConfig
from pqv_core.latency import store
work = dict(work="the run 7 of trees", say=print, warn=print, check=lambda: None)
with store.at_work(RunConfig(), "ptl", on="local", **work):
    print("holds", flush=True)
    sys.stdin.read()
"""


def test_a_table_is_measured_by_one_process_at_a_time() -> None:
    said: list[str] = []

    def at_work(form: str, check: Callable[[], None]) -> Path:
        turn = store.at_work(RunConfig(), form, on=LOCAL, work="a test", say=said.append, warn=pytest.fail, check=check)
        with turn as folder:
            assert folder.path.is_dir()
        return folder.path

    with subprocess.Popen(
        [sys.executable, "-c", HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "holds\n"

        def end() -> None:
            if said:
                process.communicate()

        at_work("pte", lambda: None)
        assert said == [], "another table is nobody's business"
        place = at_work("ptl", end)
    assert "the run 7 of trees" in said[0] and said[-1].startswith("Measuring starts after waiting")
    assert not place.exists(), "what was written is gone once the table is kept"


def test_what_was_written_stays_where_measuring_fails() -> None:
    turn = store.at_work(
        RunConfig(), "ptl", on=LOCAL, work="a test", say=pytest.fail, warn=pytest.fail, check=lambda: None
    )
    with pytest.raises(Cancelled), turn as folder:
        raise Cancelled
    assert folder.path.is_dir()


def test_that_a_table_cannot_be_kept_is_told_before_it_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(store, "folder", lambda: tmp_path / "file" / "latency")
    turn = store.at_work(
        RunConfig(), "ptl", on=LOCAL, work="a test", say=pytest.fail, warn=pytest.fail, check=lambda: None
    )
    with pytest.raises(StorageError), turn:
        pytest.fail("it is measured")


def test_files_at_work_lie_apart_for_each_question() -> None:
    places = {
        store.probes_folder(CONFIG, "ptl", on=LOCAL),
        store.probes_folder(CONFIG, "ptl", on="XYZ"),
        store.probes_folder(CONFIG, "pte", on=LOCAL),
        store.probes_folder(with_settings(CONFIG, {"model.arguments.img_size": 64}), "ptl", on=LOCAL),
    }
    assert len(places) == 4
    assert store.probes_folder(CONFIG, "ptl", on=LOCAL) in places
    assert all(place.is_relative_to(platformdirs.user_cache_path("pqv-mobile", appauthor=False)) for place in places)


def test_what_another_computer_with_the_same_home_has_begun_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    here, phone = (store.probes_folder(CONFIG, "ptl", on=on) for on in (LOCAL, "XYZ"))
    monkeypatch.setattr(machine, "node", lambda: "another")
    assert store.probes_folder(CONFIG, "ptl", on=LOCAL) != here
    assert store.probes_folder(CONFIG, "ptl", on="XYZ") == phone
