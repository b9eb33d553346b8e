"""``pqv latency`` without measuring: tables that are kept, and those of somebody else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pqv_core.latency import store
from pqv_core.latency import table as tables
from pqv_core.latency.table import LatencyTable, Narrower, Part, Point, Subject
from pqv_gui import cli

SUBJECT = Subject(
    model="some_vit",
    input_shape=(1, 3, 32, 32),
    unit="width",
    format="pte",
    scheme="int8-dynamic",
    device="Maker Phone, Android 14, a chip, arm64-v8a",
    runtime="ExecuTorch 0.9.3",
    threads=4,
)


def table(*, days: int = 3, serial: str = "SERIAL", loops: tuple[int, ...] = (10_000_000, 11_000_000)) -> LatencyTable:
    created = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S%z")
    spread = (90_000, 100_000, 100_000, 110_000)
    points = tuple(Point(units=units, copies=1, samples_ns=spread, loop=0) for units in (8, 16))
    return LatencyTable(
        subject=SUBJECT,
        device="Maker Phone",
        serial=serial,
        created=created,
        parts=(Part(name="blocks.0.mlp.fc2", kind="mlp", units=16, curve=0),),
        curves=(points,),
        loops=tuple((ns,) for ns in loops),
    )


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "folder", lambda: tmp_path / "kept")


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert cli.main(["latency", *words]) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


def test_where_none_is_kept_it_says_how_to_measure_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No latency tables yet. Measure one: pqv latency PROJECT." in said(capsys)
    assert said(capsys, "--json") == ""


def test_the_tables_that_are_kept_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    store.keep(table())
    (_, row) = said(capsys).splitlines()
    assert row.split() == [
        "some_vit",
        "pte",
        "int8-dynamic",
        "Maker",
        "Phone",
        "SERIAL",
        "4",
        "3",
        "days",
        "10.5",
        "ms",
    ]
    (plain,) = map(json.loads, said(capsys, "--json").splitlines())
    assert (plain["type"], plain["serial"], plain["dense_ns"]) == ("latency_table", "SERIAL", 10_500_000)


def test_somebody_elses_table_is_kept_beside_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = table()
    store.keep(own)
    tables.save(tmp_path / "theirs.json", table(days=9, serial="THEIRS"))
    text = said(capsys, str(tmp_path / "theirs.json"))
    assert "Kept: a budget on “Maker Phone” uses it." in text
    assert [(found.serial, found.device) for found in store.kept()] == [("SERIAL", "Maker Phone"), ("", "Maker Phone")]
    assert not any(store.is_of(found, "THEIRS") for found in store.kept())


def test_what_the_model_takes_with_narrower_embeddings_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = table()
    narrower = Narrower(units=288, samples_ns=whole.loops[0], loop=0, curves=whole.curves)
    more = whole.model_copy(update={"embedding": 384, "embeddings": (narrower,)})
    tables.save(tmp_path / "some.json", more)
    assert "With 288 of the 384 channels of its embedding it takes 10.5 ms." in said(
        capsys, str(tmp_path / "some.json")
    )


def test_how_certain_a_table_is_stands_below_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables.save(tmp_path / "some.json", table())
    text = said(capsys, str(tmp_path / "some.json"))
    assert "the middle half of a part’s times lies within 15.0 %" in text
    assert "the whole model’s least time differs by 10.0 % between 2 loops" in text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"Maker Phone"', '"\\u001b[2J"'),
        ('"Maker Phone"', f'"{"x" * 501}"'),
        ('"units":8', '"units":-8'),
        ('"units":8', f'"units":1{"0" * 400}'),
        ("90000", f"1{'0' * 400}"),
        ("90000", "-1"),
        ("90000", "NaN"),
        ("[10000000]", "[0]"),
        ('"threads":4', '"threads":0'),
        ('"parts":[', '"parts":[' + "[" * 5_000),
        ('"schema_version":1', '"schema_version":2'),
    ],
)
def test_what_a_stranger_made_up_is_refused(
    before: str, after: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = table().model_dump_json()
    assert before in text
    (tmp_path / "some.json").write_text(text.replace(before, after))
    refused = said(capsys, str(tmp_path / "some.json"), code=1)
    assert "is not a latency table" in refused or "newer PQV-Mobile" in refused
    assert list(store.kept()) == []


@pytest.mark.parametrize("created", ["", "yesterday", "9999-99-99", "2026-01-01"])
def test_a_table_that_does_not_tell_its_age_is_listed(created: str, capsys: pytest.CaptureFixture[str]) -> None:
    store.keep(table().model_copy(update={"created": created}))
    assert "–" in said(capsys)


def test_options_for_measuring_need_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables.save(tmp_path / "some.json", table())
    for words in (
        ["--threads", "2"],
        ["--on", "PHONE"],
        ["--out", "a.json"],
        [str(tmp_path / "some.json"), "--on", "local"],
    ):
        assert "project" in said(capsys, *words, code=2)
    assert "does not exist" in said(capsys, str(tmp_path / "none.json"), code=1)
