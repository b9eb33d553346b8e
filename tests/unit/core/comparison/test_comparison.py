"""Runs side by side: rows on each device, the Pareto front, speed-ups over both baselines, and the paper's figures."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core import comparison
from pqv_core.comparison import Comparison, pareto, stored_runs, views
from pqv_core.comparison.charts import BarChart, ScatterChart
from pqv_core.comparison.columns import COLUMNS, footnotes, varied
from pqv_core.comparison.figures import Figure, figures
from pqv_core.comparison.stored_runs import THIS_COMPUTER, StoredRun
from pqv_core.formats.delegation import Delegation
from pqv_core.project import project_file as projects
from pqv_core.project import run_label
from pqv_core.results import artifacts
from pqv_core.results import record as results
from pqv_core.results.record import Candidate, OperatorTime, RunRecord
from tests.fakes.records import MS, in_two_formats, measurement, record

PHONE = "Fakesung Phone One (A1)"
POINTS = st.lists(st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float)), max_size=12)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project())
    return path


def keep(project: Path, run: RunRecord) -> Path:
    folder = projects.runs_directory(project) / run.id
    results.save(folder, run)
    return folder


def made(
    run: str,
    *,
    prune: dict[str, Any] | None = None,
    tokens: dict[str, Any] | None = None,
    model: str | None = None,
    **changed: Any,
) -> RunRecord:
    """A run with another config; ``changed`` are fields of the compressed artefact."""
    plain = record(run).model_dump(mode="json")
    plain["config"]["prune"].update(prune or {})
    plain["config"]["tokens"] = tokens or {}
    if model:
        plain["config"]["model"]["name"] = model
    plain["variants"][3].update(changed)
    return RunRecord.model_validate(plain)


def with_phone(run: RunRecord, **factors: int) -> RunRecord:
    """The run measured on a phone, too: so many milliseconds by role."""
    variants = tuple(
        variant.model_copy(
            update={"measurements": (*variant.measurements, measurement(factors[variant.key], target=PHONE))}
        )
        if variant.key in factors
        else variant
        for variant in run.variants
    )
    return run.model_copy(update={"variants": variants})


def figure(project: Path, number: int, device: str = THIS_COMPUTER) -> Figure:
    found = figures(comparison.load(project), device=device)
    return next(item for item in found if item.number == number)


def bars(chart: object) -> dict[str, dict[str, float | None]]:
    """A chart's values by series and category."""
    assert isinstance(chart, BarChart)
    return {series.name: dict(zip(chart.categories, series.values, strict=True)) for series in chart.series}


# rows --------------------------------------------------------------------------------------------------------


def test_a_project_without_runs_compares_nothing(project: Path) -> None:
    assert comparison.load(project) == Comparison()


def test_files_in_groups_of_weights_are_told_apart_and_name_no_engine(project: Path) -> None:
    for run, group in (("r1", 32), ("r2", 128)):
        plain = made(run, prune={"enabled": False}, engine="none").model_dump(mode="json")
        plain["config"]["quantize"]["group"] = group
        plain["variants"][3]["artifact"]["scheme"] = "int4"
        keep(project, RunRecord.model_validate(plain))
    found = [row.made for row in comparison.load(project).rows if row.is_result]
    assert sorted(found) == ["INT4, groups of 128", "INT4, groups of 32"]
    others = {row.precision_words for row in comparison.load(project).rows if not row.is_result}
    assert others == {"FP32"}


def test_each_artifact_is_a_row_on_each_device(project: Path) -> None:
    keep(project, with_phone(record("r1"), fast_fp32=60, compressed=20))
    found = comparison.load(project)
    assert found.devices == (THIS_COMPUTER, PHONE)
    assert [(row.artifact.key, row.device) for row in found.rows] == [
        ("paper_fp32", THIS_COMPUTER),
        ("fast_fp32", THIS_COMPUTER),
        ("fast_fp32", PHONE),
        ("pruned_fp32", THIS_COMPUTER),
        ("compressed", THIS_COMPUTER),
        ("compressed", PHONE),
    ]
    here, phone = found.rows[-2:]
    assert (here.model, here.importance, here.ratio) == ("deit_small_patch16_224", "taylor", 0.25)
    assert (here.precision, here.engine, here.size_bytes) == ("int8-dynamic", "onednn", 8_000_000)
    assert (here.median_ms, here.p90_ms, here.top1) == (10, 12, 0.885)
    assert here.speedups == {"paper_fp32": 8, "fast_fp32": 2}
    assert phone.speedups == {"paper_fp32": None, "fast_fp32": 3}
    assert (phone.top1, phone.accuracy_elsewhere) == (0.885, True)
    assert not here.accuracy_elsewhere
    assert len({row.key for row in found.rows}) == len(found.rows)


def test_what_was_not_pruned_has_neither_ratio_nor_importance(project: Path) -> None:
    keep(project, made("r1", prune={"enabled": False}))
    assert {(row.importance, row.ratio) for row in comparison.load(project).rows} == {("", 0.0)}


def test_how_many_tokens_are_merged_is_said_of_what_merges_them(project: Path) -> None:
    keep(project, made("r1", tokens={"merge": 8}))
    keep(project, made("r2", tokens={"per_block": [5, 3]}))
    keep(project, made("r3", tokens={"merge": "of another version"}))
    found = {(row.run, row.artifact.is_dense): row.merged for row in comparison.load(project).rows}
    assert found == {
        ("r1", True): "",
        ("r1", False): "8 tokens a block",
        ("r2", True): "",
        ("r2", False): "8 tokens in 2 blocks",
        ("r3", True): "",
        ("r3", False): "",
    }


@pytest.mark.parametrize(
    ("merged", "words"), [((), "as many tokens as pay"), ((5, 3), "8 tokens in 2 blocks"), ((0, 0), "")]
)
def test_what_a_budget_chose_is_said_once_it_is_known(project: Path, merged: tuple[int, ...], words: str) -> None:
    keep(project, made("r1", tokens={"by_budget": True}).model_copy(update={"merged": merged}))
    assert {row.merged for row in comparison.load(project).rows if not row.artifact.is_dense} == {words}


def test_only_measurements_with_as_many_threads_are_compared(project: Path) -> None:
    run = record("r1")
    four = measurement(5).model_copy(update={"threads": 4})
    slow = measurement(100).model_copy(update={"threads": 4})
    variants = [
        variant.model_copy(update={"measurements": (*variant.measurements, more)})
        for variant, more in ((run.variants[1], slow), (run.variants[3], four))
    ]
    keep(project, run.model_copy(update={"variants": tuple(variants)}))
    rows = [row for row in comparison.load(project).rows if row.artifact.key == "compressed"]
    assert [(row.threads, row.speedups["fast_fp32"]) for row in rows] == [(2, 2), (4, 20)]


def test_files_of_several_formats_are_compared_with_the_quickest_fp32_file_of_all(project: Path) -> None:
    keep(project, in_two_formats())
    found = {row.artifact.key: row.speedups for row in comparison.load(project).rows if row.is_result}
    assert found == {
        "compressed": {"paper_fp32": 8.0, "fast_fp32": 0.5},  # 10 ms, where the second format takes 5 in fp32
        "compressed_pte": {"paper_fp32": 40.0, "fast_fp32": 2.5},
    }


def test_batches_are_rows_of_their_own_and_in_no_chart(project: Path) -> None:
    eight = measurement(40).model_copy(update={"batch": 8})
    run = record("r1")
    compressed = run.variants[3].model_copy(update={"measurements": (*run.variants[3].measurements, eight)})
    keep(project, run.model_copy(update={"variants": (*run.variants[:3], compressed)}))
    loaded = comparison.load(project)
    one, many = loaded.rows[-2:]
    assert (one.batch, one.speedups["fast_fp32"], many.batch, many.speedups["fast_fp32"]) == (1, 2, 8, None)
    assert one.key != many.key
    assert len(chart(views.views(loaded.rows, device=THIS_COMPUTER), "pareto").points) == 4


def test_unsteady_samples_are_remarked(project: Path) -> None:
    keep(project, made("r1", measurements=[measurement(*range(10, 40)).model_dump()]))
    rows = comparison.load(project).rows
    assert "the machine slowed down" in rows[-1].spread
    median = next(column for column in COLUMNS if column.key == "median_ms")
    assert [median.text(row) for row in rows[-2:]] == ["15.0 ms", "24.5 ms ⚠"]
    assert len(footnotes(rows)) == 1
    assert footnotes(rows[:-1]) == []


def test_the_latest_measurement_counts_and_one_loop_is_preferred(project: Path) -> None:
    run = record("r1")
    compressed = tuple(measurement(ms).model_copy(update={"loop": loop}) for ms, loop in ((50, "b"), (10, "a")))
    base = tuple(measurement(ms).model_copy(update={"loop": loop}) for ms, loop in ((30, "a"), (900, "b")))
    variants = (
        run.variants[1].model_copy(update={"measurements": base}),
        run.variants[3].model_copy(update={"measurements": compressed}),
    )
    keep(project, run.model_copy(update={"variants": variants}))
    row = comparison.load(project).rows[-1]
    assert row.median_ms == 10
    assert row.speedups["fast_fp32"] == 3


def test_an_artifact_that_was_never_measured_has_its_accuracy_and_size(project: Path) -> None:
    keep(project, made("r1", measurements=[]))
    row = comparison.load(project).rows[-1]
    assert (row.median_ms, row.p90_ms, row.memory_bytes, row.threads) == (None, None, None, None)
    assert (row.top1, row.device, row.speedups["fast_fp32"]) == (0.885, THIS_COMPUTER, None)


def test_two_computers_are_told_apart(project: Path) -> None:
    keep(project, record("r1"))
    other = record("r2").model_dump(mode="json")
    other["environment"]["processor"] = "Other CPU"
    keep(project, RunRecord.model_validate(other))
    assert comparison.load(project).devices == ("Some CPU, 2 cores", "Other CPU, 2 cores")


@pytest.mark.parametrize("text", ["{", "[]", "\x00", '{"schema_version": 99}', "[" * 50_000])
def test_a_run_that_cannot_be_read_is_named_and_hides_no_other(project: Path, text: str) -> None:
    keep(project, record("r1"))
    broken = projects.runs_directory(project) / "broken"
    broken.mkdir()
    (broken / results.RUN_FILE).write_text(text)
    found = comparison.load(project)
    assert [run.directory.name for run in found.runs] == ["r1"]
    assert len(found.problems) == 1
    assert "broken" in found.problems[0]


@pytest.mark.parametrize(
    ("part", "value"), [("samples_ns", [10**400, 10**400]), ("samples_ns", [-5]), ("peak_rss_bytes", 10**30)]
)
def test_figures_beyond_all_measure_are_named_and_hide_no_other_run(project: Path, part: str, value: Any) -> None:
    keep(project, record("r1"))
    plain = record("r2").model_dump(mode="json")
    plain["variants"][3]["measurements"][0][part] = value
    folder = projects.runs_directory(project) / "r2"
    folder.mkdir()
    (folder / results.RUN_FILE).write_text(json.dumps(plain))
    found = comparison.load(project)
    assert [run.directory.name for run in found.runs] == ["r1"]
    assert found.problems == ("The run r2 contains invalid figures.",)


@pytest.mark.parametrize("config", [{}, {"model": 1, "prune": []}, {"prune": {"enabled": True, "ratio": "much"}}])
def test_a_config_of_another_version_is_read_as_far_as_it_can_be(project: Path, config: dict[str, Any]) -> None:
    keep(project, record("r1").model_copy(update={"config": config}))
    assert {(row.model, row.ratio) for row in comparison.load(project).rows} == {("", 0.0)}


def test_samples_of_no_time_have_no_speed_up(project: Path) -> None:
    run = made("r1", measurements=[measurement(0).model_dump(mode="json")])
    keep(project, run)
    assert comparison.load(project).rows[-1].speedups == {"paper_fp32": None, "fast_fp32": None}


def test_a_run_is_known_by_its_folder(project: Path) -> None:
    results.save(projects.runs_directory(project) / "copied", record("../../elsewhere"))
    (run,) = comparison.load(project).runs
    assert run.directory == projects.runs_directory(project) / "copied"
    assert run.directory.name == "copied"


# the Pareto front --------------------------------------------------------------------------------------------


def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@given(POINTS)
def test_the_front_is_what_no_other_point_beats(points: list[tuple[float, float]]) -> None:
    chosen = pareto.front(points)
    expected = {index for index, point in enumerate(points) if not any(beats(other, point) for other in points)}
    assert set(chosen) == expected
    assert len(chosen) == len(expected)
    assert bool(chosen) == bool(points)
    assert [points[index][0] for index in chosen] == sorted(points[index][0] for index in chosen)


@given(POINTS, st.randoms())
def test_the_front_does_not_depend_on_the_order(points: list[tuple[float, float]], random: Any) -> None:
    shuffled = list(points)
    random.shuffle(shuffled)
    assert sorted(points[i] for i in pareto.front(points)) == sorted(shuffled[i] for i in pareto.front(shuffled))


# charts ------------------------------------------------------------------------------------------------------


def chart(found: list[Any], key: str) -> Any:
    return next(item for item in found if item.key == key)


def test_the_views_of_a_device(project: Path) -> None:
    times = [{"name": "aten::linear", "calls": 2, "ns": 6 * MS}, {"name": "aten::gelu", "calls": 1, "ns": 2 * MS}]
    keep(project, with_phone(made("r1", operators=times), fast_fp32=60, compressed=20))
    loaded = comparison.load(project)
    found = views.views(loaded.rows, device=THIS_COMPUTER)
    front = chart(found, "pareto")
    assert isinstance(front, ScatterChart)
    assert [(point.x, point.y, point.front) for point in front.points] == [
        (80, 90.0, False),
        (20, 90.0, True),
        (15, 89.0, True),
        (10, 88.5, True),
    ]
    assert [point.x for point in front.front] == [10, 15, 20]
    name = "INT8 dynamic, 25.0 % pruned (ONEDNN)"
    assert bars(chart(found, "speedup")) == {
        "over FP32, paper’s baseline": {name: 8},
        "over FP32, fastest": {name: 2},
    }
    assert bars(chart(found, "size"))["Compressed"] == {name: 8}
    assert bars(chart(found, "memory")) == {
        "FP32, fastest": {name: 60},
        "Pruned FP32": {name: 60},
        "Compressed": {name: 20},
    }
    assert bars(chart(found, "operators")) == {"Linear": {name: 6}, "Activation": {name: 2}}
    phone = views.views(loaded.rows, device=PHONE)
    assert [item.key for item in phone] == ["pareto", "speedup", "size", "memory"]
    assert bars(chart(phone, "speedup"))["over FP32, fastest"] == {name: 3}


def test_runs_are_told_apart_by_name_else_by_what_varies_else_by_their_order(project: Path) -> None:
    keep(project, record("r1"))
    assert views.run_names(comparison.load(project).rows) == {"r1": "INT8 dynamic, 25.0 % pruned (ONEDNN)"}
    keep(project, record("r2"))
    assert views.run_names(comparison.load(project).rows) == {
        "r1": "25 % Taylor · INT8 dynamic · ONEDNN · run 1",
        "r2": "25 % Taylor · INT8 dynamic · ONEDNN · run 2",
    }
    run_label.save(projects.runs_directory(project) / "r1", name="First", note="")
    keep(project, made("r3", engine="fbgemm", prune={"ratio": 0.5}))
    keep(project, made("r4", engine="fbgemm", prune={"enabled": False}))
    keep(project, made("r5", engine="fbgemm", prune={"enabled": False}))
    assert views.run_names(comparison.load(project).rows) == {
        "r1": "First",
        "r2": "25.0 % pruned · Taylor · ONEDNN",
        "r3": "50.0 % pruned · Taylor · FBGEMM",
        "r4": "not pruned · INT8 dynamic · FBGEMM · run 4",
        "r5": "not pruned · INT8 dynamic · FBGEMM · run 5",
    }
    assert views.run_names([]) == {}


def test_how_much_of_a_file_is_delegated_and_what_the_rest_costs(project: Path) -> None:
    found = Delegation(parts={"XnnpackBackend": 2}, outside={"aten::sin.out": 3})
    times = (OperatorTime(name="Softmax", calls=1, ns=9 * MS), OperatorTime(name="aten::sin.out", calls=3, ns=MS))
    keep(project, made("r1", delegation=found.model_dump(), operators=[item.model_dump() for item in times]))
    whole = Delegation(parts={"XnnpackBackend": 1})
    keep(project, made("r2", delegation=whole.model_dump()))
    rows = {row.run: row for row in comparison.load(project).rows if row.is_result}
    texts = {run: [column.text(row) for column in COLUMNS[-2:]] for run, row in rows.items()}
    assert texts == {"r1": ["2", "3 (10.0 %)"], "r2": ["1", "0"]}
    assert footnotes(list(rows.values())) == [
        f"{rows['r1'].words}: 3 operators: aten::sin.out 3 × outside of delegates."
    ]


def test_a_table_leaves_out_what_all_rows_share_and_what_none_has(project: Path) -> None:
    keep(project, record("r1"))
    keep(project, made("r2", engine="fbgemm", peak_rss_bytes=None))
    rows = [row for row in comparison.load(project).rows if row.artifact.key == "compressed"]
    shown, shared = varied(COLUMNS, rows)
    assert [column.key for column in shown] == [
        "run", "state", "artefact", "engine", "device", "top1", "median_ms", "p90_ms", "over_paper", "over_fastest",
        "size_bytes", "memory_bytes", "params",
    ]  # fmt: skip
    assert shared == [
        ("Model", "deit_small_patch16_224"),
        ("Precision", "INT8 dynamic"),
        ("Pruned", "25.0 %"),
        ("Importance", "Taylor"),
        ("Threads", "2"),
        ("Images", "100"),
    ]
    alone, shared = varied(COLUMNS, rows[:1])
    assert {column.key for column in COLUMNS} - {column.key for column in alone} == {
        "batch",
        "delegates",
        "merged",
        "outside",
    }
    assert shared == []


@given(st.floats(-1e18, 1e18))
def test_every_value_can_be_said(value: float) -> None:
    for unit in ("ms", "×", "MB", "%"):
        assert BarChart("k", "t", unit, (), ()).say(value)


# the paper's figures -----------------------------------------------------------------------------------------


def test_without_runs_every_figure_says_what_would_fill_it(project: Path) -> None:
    found = figures(comparison.load(project), device=THIS_COMPUTER)
    assert [item.number for item in found] == [2, 3, 4, 5, 6, 7]
    assert all(item.missing and not item.charts for item in found)


def test_figure_2_is_latency_and_size_by_pruning_and_precision(project: Path) -> None:
    keep(project, made("r1", prune={"ratio": 0.5}))
    assert "other pruning ratios" in figure(project, 2).missing
    keep(project, made("r2", prune={"ratio": 0.25}))
    keep(project, made("r3", prune={"enabled": False}))
    found = figure(project, 2)
    assert found.missing == ""
    latency, size, memory = found.charts
    assert bars(latency) == {
        "deit_small_patch16_224": {
            "FP32, paper’s baseline": 80,
            "FP32, fastest": 20,
            "FP32": 15,
            "INT8 dynamic": 10,
            "FP32, 25.0 % pruned": 15,
            "INT8 dynamic, 25.0 % pruned": 10,
            "FP32, 50.0 % pruned": 15,
            "INT8 dynamic, 50.0 % pruned": 10,
        }
    }
    assert bars(size)["deit_small_patch16_224"]["INT8 dynamic, 50.0 % pruned"] == 8
    assert bars(memory)["deit_small_patch16_224"]["INT8 dynamic, 50.0 % pruned"] == 20


def test_the_newest_of_several_equal_runs_counts(project: Path) -> None:
    keep(project, made("r1", measurements=[measurement(10).model_dump()]))
    keep(project, made("r2", measurements=[measurement(7).model_dump()]))
    latency = figure(project, 2).charts[0]
    assert bars(latency)["deit_small_patch16_224"]["INT8 dynamic, 25.0 % pruned"] == 7


def test_several_importances_are_curves_of_their_own(project: Path) -> None:
    keep(project, made("r1"))
    keep(project, made("r2", prune={"importance": "l1"}))
    assert set(bars(figure(project, 2).charts[0])) == {"deit_small_patch16_224, L1", "deit_small_patch16_224, Taylor"}


def test_figure_3_is_the_share_of_operators(project: Path) -> None:
    assert "Profile operators" in figure(project, 3).missing
    times = [OperatorTime(name="aten::linear", calls=2, ns=3 * MS), OperatorTime(name="aten::gelu", calls=1, ns=MS)]
    keep(project, made("r1", operators=times))
    (found,) = figure(project, 3).charts
    assert list(bars(found).values()) == [{"aten::linear": 75, "aten::gelu": 25}]
    assert found.series[0].detail(0) == "3.00 ms in 2 calls"


def test_figure_3_has_the_eight_longest_operators_and_their_share_of_all(project: Path) -> None:
    times = [OperatorTime(name=f"op{number}", calls=1, ns=number * MS) for number in range(1, 10)]
    keep(project, made("r1", operators=times))
    (found,) = figure(project, 3).charts
    (series,) = found.series
    assert found.categories == tuple(f"op{number}" for number in range(9, 1, -1))
    assert series.values == pytest.approx([100 * number / 45 for number in range(9, 1, -1)])


def test_figure_4_is_accuracy_by_pruning_and_precision(project: Path) -> None:
    keep(project, made("r1", accuracy=None))
    assert bars(figure(project, 4).charts[0])["deit_small_patch16_224"] == {
        "FP32, paper’s baseline": 90.0,
        "FP32, 25.0 % pruned": 89.0,
    }
    keep(project, made("r2"))
    assert bars(figure(project, 4).charts[0])["deit_small_patch16_224"]["INT8 dynamic, 25.0 % pruned"] == 88.5


def test_figure_5_is_accuracy_by_importance(project: Path) -> None:
    keep(project, made("r1"))
    assert "several importances" in figure(project, 5).missing
    keep(project, made("r2", prune={"importance": "l1"}, accuracy={"top1": 0.5, "top5": 1, "loss": 1, "images": 9}))
    found = figure(project, 5)
    assert found.missing == ""
    assert bars(found.charts[0]) == {
        "deit_small_patch16_224, 25.0 % pruned, FP32": {"L1": 89.0, "Taylor": 89.0},
        "deit_small_patch16_224, 25.0 % pruned, INT8 dynamic": {"L1": 50.0, "Taylor": 88.5},
    }


def test_figure_6_is_two_models_at_the_same_pruning(project: Path) -> None:
    keep(project, made("r1"))
    assert "second model" in figure(project, 6).missing
    keep(project, made("r2", model="deit3_medium", measurements=[measurement(5).model_dump()]))
    found = figure(project, 6)
    assert found.missing == ""
    latency, accuracy = found.charts
    step = "INT8 dynamic, 25.0 % pruned"
    assert bars(latency) == {"deit3_medium": {step: 5}, "deit_small_patch16_224": {step: 10}}
    assert bars(accuracy) == {"deit3_medium": {step: 88.5}, "deit_small_patch16_224": {step: 88.5}}


def test_figure_7_is_latency_by_engine_from_runs_and_from_what_auto_measured(project: Path) -> None:
    tried = [
        Candidate(name="fbgemm", engine="fbgemm", median_ns=14 * MS),
        Candidate(name="onednn", engine="onednn", median_ns=11 * MS, chosen=True),
        Candidate(name="x86", engine="x86", error="It is not here."),
    ]
    keep(project, made("r1", candidates=[item.model_dump() for item in tried]))
    keep(project, made("r2", engine="qnnpack", measurements=[measurement(90).model_dump()]))
    found = figure(project, 7)
    assert found.missing == ""
    name = "deit_small_patch16_224, INT8 dynamic, 25.0 % pruned"
    assert bars(found.charts[0]) == {name: {"FBGEMM": 14, "ONEDNN": 10, "QNNPACK": 90}}


def test_on_a_phone_the_engines_that_this_computer_tried_do_not_count(project: Path) -> None:
    tried = [Candidate(name="fbgemm", engine="fbgemm", median_ns=14 * MS).model_dump()]
    keep(project, with_phone(made("r1", candidates=tried), compressed=20))
    (chart,) = figure(project, 7, PHONE).charts
    assert chart.categories == ("ONEDNN",)


def test_every_chart_is_a_table(project: Path) -> None:
    keep(project, record("r1"))
    loaded = comparison.load(project)
    drawn = [*views.views(loaded.rows, device=THIS_COMPUTER)]
    drawn += [item for found in figures(loaded, device=THIS_COMPUTER) for item in found.charts]
    for item in drawn:
        heads, rows = item.table()
        assert rows
        for row in rows:
            assert len(row) == len(heads)
            assert all(math.isfinite(value) for value in row if isinstance(value, float))


def test_an_artifact_has_one_colour_in_every_chart(project: Path) -> None:
    keep(project, in_two_formats())
    found = comparison.load(project)
    colours: dict[str, set[int]] = {}
    for key in ("pareto", "speedup", "size", "memory"):
        chart = views.view(key, found.rows, device=THIS_COMPUTER)
        assert chart is not None
        names = chart.series if isinstance(chart, ScatterChart) else tuple(series.name for series in chart.series)
        for name, colour in zip(names, chart.colours, strict=True):
            artefact = name.removeprefix("over ").replace("INT8 dynamic", "Compressed")
            colours.setdefault(artefact, set()).add(colour)
    assert colours["Compressed"] == {artifacts.colour("compressed")} == {0}
    assert colours["Compressed (pte)"] == {artifacts.colour("compressed_pte")}
    assert colours["FP32, fastest"] == {artifacts.colour("fast_fp32")}
    assert all(len(each) == 1 for each in colours.values())


def test_files_of_a_run_in_two_formats_have_names_of_their_own(project: Path) -> None:
    keep(project, in_two_formats())
    chart = views.view("pareto", comparison.load(project).rows, device=THIS_COMPUTER)
    assert isinstance(chart, ScatterChart)
    assert len({point.name for point in chart.points}) == len(chart.points)


def test_a_group_of_operators_has_one_colour_whichever_others_there_are(project: Path) -> None:
    times = [OperatorTime(name=name, calls=1, ns=MS).model_dump() for name in ("aten::gelu", "aten::linear")]
    found = {}
    for run, shown in (("r1", times), ("r2", times[:1])):
        keep(project, made(run, operators=shown))
        rows = [row for row in comparison.load(project).rows if row.run == run]
        chart = views.view("operators", rows, device=THIS_COMPUTER)
        assert isinstance(chart, BarChart)
        found[run] = dict(zip((series.name for series in chart.series), chart.colours, strict=True))
    assert found["r2"].items() < found["r1"].items()


def test_a_stamp_is_another_one_whenever_a_run_is_added_named_written_or_taken_away(project: Path) -> None:
    stamps = [stored_runs.stamp(project)]
    folder = keep(project, made("r1"))
    stamps.append(stored_runs.stamp(project))
    run_label.save(folder, name="Mine", note="")
    stamps.append(stored_runs.stamp(project))
    keep(project, made("r1", size_bytes=12_345_678))
    stamps.append(stored_runs.stamp(project))
    assert stored_runs.stamp(project) == stamps[-1]
    shutil.rmtree(folder)
    assert stored_runs.stamp(project) == stamps[0]
    assert len(set(stamps)) == 4


@pytest.mark.parametrize(("state", "settled"), [("succeeded", True), ("failed", True), ("running", False)])
def test_what_is_at_work_is_not_settled(state: str, settled: bool) -> None:
    run = record("r1").model_copy(update={"state": state})
    found = Comparison(runs=(StoredRun(Path("r1"), run, run_label.RunLabel()),))
    assert found.is_settled == settled
