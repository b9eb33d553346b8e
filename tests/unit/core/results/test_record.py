"""What a run measured is kept raw, and what follows from it is derived."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pqv_core.errors import ProjectError
from pqv_core.files.resource_files import resource
from pqv_core.results import record as results
from tests.fakes.records import artifact

ENVIRONMENT = results.Environment(
    pqv="0.1.0",
    python="3.11.7",
    system="Linux",
    processor="a processor",
    cores=2,
    memory_bytes=2**33,
    threads=2,
    versions={"torch": "2.12.1"},
)
WORDS = st.text(max_size=20)
SAMPLES = st.lists(st.integers(1, 10**12), min_size=1, max_size=30).map(tuple)
FIGURES = st.floats(allow_nan=False, allow_infinity=False)


def _measured(*samples: int, loop: str = "a", target: str = "local") -> results.Measurement:
    return results.Measurement(threads=2, warmup=1, samples_ns=samples, loop=loop, target=target)


def _variant(key: str, *measurements: results.Measurement) -> results.Variant:
    return results.Variant(
        artifact=artifact(key),
        file=f"{key}.ptl",
        size_bytes=1,
        params=1,
        macs=1,
        engine="none",
        measurements=measurements,
    )


def _record(*variants: results.Variant, **values: Any) -> results.RunRecord:
    plain = {"id": "r", "created": "2026-01-01T00:00:00+00:00", "state": "succeeded", "config": {}, **values}
    return results.RunRecord(environment=ENVIRONMENT, variants=variants, **plain)


@given(
    samples=SAMPLES,
    accuracy=st.none() | st.builds(results.Accuracy, top1=FIGURES, top5=FIGURES, loss=FIGURES, images=st.integers(0)),
    heat=st.none() | st.dictionaries(WORDS, FIGURES | WORDS | st.none(), max_size=3),
    warnings=st.lists(WORDS, max_size=3).map(tuple),
)
def test_a_run_comes_back(
    samples: tuple[int, ...],
    accuracy: results.Accuracy | None,
    heat: dict[str, Any] | None,
    warnings: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    measurement = results.Measurement(threads=1, warmup=0, samples_ns=samples, heat=heat)
    variant = results.Variant.model_validate(
        {**_variant("compressed").model_dump(), "accuracy": accuracy, "measurements": (measurement,)}
    )
    record = _record(variant, warnings=warnings)
    directory = tmp_path_factory.getbasetemp() / "run"
    results.save(directory, record)
    assert results.load(directory) == record


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    plain = _record(_variant("compressed", _measured(1))).model_dump(mode="json")
    plain["later"] = {"a": 1}
    plain["variants"][0]["measurements"][0]["fan"] = 900
    (tmp_path / results.RUN_FILE).write_text(json.dumps(plain))
    results.save(tmp_path, results.load(tmp_path))
    assert json.loads((tmp_path / results.RUN_FILE).read_text()) == plain


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("field", ["top1", "loss"])
def test_a_figure_that_is_none_is_refused(field: str, value: float) -> None:
    figures = {"top1": 0.9, "top5": 1.0, "loss": 0.1, "images": 10}
    with pytest.raises(ValidationError):
        results.Accuracy.model_validate({**figures, field: value})


def test_a_measurement_without_samples_is_refused() -> None:
    with pytest.raises(ValidationError):
        _measured()


def test_a_file_cut_at_any_byte_is_damaged_in_words(tmp_path: Path) -> None:
    results.save(tmp_path, _record(_variant("compressed", _measured(1, 2))))
    whole = (tmp_path / results.RUN_FILE).read_bytes()
    for length in range(len(whole.rstrip())):
        (tmp_path / results.RUN_FILE).write_bytes(whole[:length])
        with pytest.raises(ProjectError, match="damaged"):
            results.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "damaged"),
        ("{}", "damaged"),
        ('{"schema_version": 3}', "newer"),
        ("[" * 100_000, "damaged"),
        ('{"later": NaN}', "damaged"),
    ],
)
def test_what_is_no_run_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / results.RUN_FILE).write_text(text)
    with pytest.raises(ProjectError, match=words) as caught:
        results.load(tmp_path)
    assert caught.value.action


def test_a_missing_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="does not exist"):
        results.load(tmp_path)


def test_all_runs_come_oldest_first_and_damaged_ones_are_named(tmp_path: Path) -> None:
    for name, created, number in (("b", "2026-01-01", 0), ("a", "2026-01-02", 0), ("c", "2025-01-01", 1)):
        results.save(tmp_path / name, _record(id=name, created=created, number=number))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / results.RUN_FILE).write_text("{")
    (tmp_path / "not a run").mkdir()
    (tmp_path / "stray file").touch()
    records, problems = results.load_all(tmp_path)
    assert [record.id for record in records] == ["b", "a", "c"]  # c after the clock was set back
    assert problems == ["The run broken is damaged."]
    assert results.load_all(tmp_path / "missing") == ([], [])


@given(SAMPLES)
def test_the_median_and_percentiles_lie_among_the_samples(samples: tuple[int, ...]) -> None:
    measurement = _measured(*samples)
    assert measurement.median_ns == statistics.median(samples)
    assert measurement.percentile_ms(0) == min(samples) / 1e6
    assert measurement.percentile_ms(1) == max(samples) / 1e6
    ordered = [measurement.percentile_ms(share / 20) for share in range(21)]
    assert ordered == sorted(ordered)
    assert all(value * 1e6 == pytest.approx(min(samples, key=lambda ns: abs(ns - value * 1e6))) for value in ordered)


@pytest.mark.parametrize(
    ("count", "share", "rank"), [(10, 0.9, 9), (10, 0.91, 10), (100, 0.07, 7), (5, 0.3, 2), (4, 0.5, 2), (1, 0.9, 1)]
)
def test_percentiles_are_nearest_rank(count: int, share: float, rank: int) -> None:
    measurement = _measured(*(number * 1_000_000 for number in range(count, 0, -1)))
    assert measurement.percentile_ms(share) == rank


def test_the_published_schema_is_up_to_date() -> None:
    published = json.loads(resource("schema", "run.schema.json").read_text(encoding="utf-8"))
    assert published == results.json_schema(), "run: python -m scripts.make_schema"
