"""Names made from what tells runs apart: never an id, and no two the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.comparison import run_names
from pqv_core.results.record import RunRecord
from tests.fakes.records import in_two_formats, record

RATIOS, PRECISIONS = st.sampled_from([0.1, 0.25]), st.sampled_from(["fp32", "int8-static", "int4"])


def made(run: str = "r1", *, variants: bool = True, **sections: dict[str, Any]) -> RunRecord:
    """A run with other settings; without ``variants`` it was stopped before it made a file."""
    plain = record(run).model_dump(mode="json")
    for section, values in sections.items():
        plain["config"][section].update(values)
    if not variants:
        plain["variants"] = []
    return RunRecord.model_validate(plain)


def test_a_name_tells_the_cut_the_precision_and_the_kernels() -> None:
    static = made(quantize={"precision": "int8-static", "engine": "x86"}, variants=False)
    assert run_names.names([static]) == ["25 % Taylor · INT8 static · x86"]
    assert run_names.names([made(prune={"ratio": 0.09375})]) == ["9.375 % Taylor · INT8 dynamic · ONEDNN"]
    plain = made(prune={"enabled": False}, quantize={"precision": "fp32"})
    assert run_names.names([plain]) == ["not pruned · FP32"]
    grouped = made(quantize={"precision": "int4", "group": 64}, tokens={"merge": 8}, variants=False)
    assert run_names.names([grouped]) == ["25 % Taylor · 8 tokens a block merged · INT4, groups of 64"]
    budget = made(budget={"latency_ms": 30.0})
    assert run_names.names([budget]) == ["Taylor, at most 30 ms · INT8 dynamic · ONEDNN"]


def test_the_kernels_are_those_that_were_chosen_by_measuring() -> None:
    assert run_names.words(made(quantize={"engine": "auto"})).endswith("ONEDNN")
    unknown = made(quantize={"engine": "auto"}, variants=False)
    assert run_names.words(unknown) == "25 % Taylor · INT8 dynamic"


def test_the_kernels_of_each_format_are_told() -> None:
    assert run_names.words(in_two_formats()) == "25 % Taylor · INT8 dynamic · .ptl ONEDNN and .pte"


def test_models_are_named_where_there_are_several() -> None:
    names = run_names.names([made(), made(model={"name": "vit_tiny_patch16_224"})])
    assert [name.split(" · ")[0] for name in names] == ["deit_small_patch16_224", "vit_tiny_patch16_224"]


def test_runs_of_the_same_name_are_told_apart_by_their_other_settings() -> None:
    runs = [
        made(),
        made(finetune={"epochs": 3}),
        made(finetune={"epochs": 3, "mixup": 0.8}),
        made(prune={"ratio": 0.5}),
    ]
    names = [name.removeprefix("25 % Taylor · INT8 dynamic · ONEDNN") for name in run_names.names(runs)]
    assert names[:3] == [" · not fine-tuned · mixup 0", " · 3 epochs · mixup 0", " · 3 epochs · mixup 0.8"]
    assert names[3] == "50 % Taylor · INT8 dynamic · ONEDNN"


def test_runs_of_the_same_settings_are_counted() -> None:
    first, second = made("r1"), made("r2").model_copy(update={"number": 7})
    assert [name.rpartition(" · ")[2] for name in run_names.names([first, second])] == ["run 1", "run 7"]


def test_a_run_of_another_version_has_a_name_too() -> None:
    strange = record().model_copy(update={"config": {"prune": "much", "quantize": {"precision": "int2"}}})
    assert run_names.names([strange, made()])[0] == "not pruned · int2"


@pytest.mark.parametrize(
    "config",
    [
        {"data": {"val": 5}},
        {"model": {"path": {"a": 1}}},
        {"prune": {"ratio": 10**400}},
        {"later": {"deep": json.loads("[" * 900 + "]" * 900)}},
        {"later": {"long": "x" * 1_000_000}},
        {"x" * 1_000_000: {"y": 1}},
    ],
    ids=lambda config: next(iter(config))[:8],
)
def test_whatever_stands_in_a_strangers_run_it_has_a_name_that_has_an_end(config: dict[str, Any]) -> None:
    strange = [record().model_copy(update={"config": each}) for each in (config, {"prune": {}})]
    names = run_names.names([made(prune={"enabled": False}), *strange])
    assert len(set(names)) == 3
    assert max(map(len, names)) < 200


def test_a_copy_of_a_run_has_a_name_of_its_own() -> None:
    runs = [made(run).model_copy(update={"number": number}) for run, number in (("r1", 4), ("r2", 4), ("r3", 0))]
    assert [name.partition("ONEDNN · ")[2] for name in run_names.names(runs)] == ["run 4", "run 4 · copy 2", "run 3"]


@given(st.lists(st.tuples(RATIOS, PRECISIONS, st.integers(0, 1)), max_size=8))
def test_no_two_runs_have_the_same_name(settings: list[tuple[float, str, int]]) -> None:
    runs = [
        made(prune={"ratio": ratio}, quantize={"precision": precision}, finetune={"epochs": epochs})
        for ratio, precision, epochs in settings
    ]
    names = run_names.names(runs)
    assert len(set(names)) == len(runs)
    assert not any(record().id in name for name in names)
