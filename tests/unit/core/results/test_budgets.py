"""What a run was to reach, against what was measured."""

from __future__ import annotations

from typing import Any

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.results import artifacts
from pqv_core.results.budgets import verdicts
from pqv_core.results.record import RunRecord, TableUsed, WidthCut
from tests.fakes.records import MS, in_two_formats, measurement, record

PHONE = "Maker Phone (SERIAL)"


def run(*, made: RunRecord | None = None, dense_ms: int = 30, threads: int = 2, **settings: Any) -> RunRecord:
    """A run whose result takes 10 ms here and 20 ms on a phone, and has 8 MB."""
    budget = {f"budget.{name}": value for name, value in settings.items()}
    made = made or record()
    more = (*made.variants[3].measurements, measurement(20, 20, 20, target=PHONE))
    variants = [*made.variants]
    variants[3] = variants[3].model_copy(update={"measurements": more})
    table = TableUsed(device="Maker Phone", threads=threads, dense_ns=dense_ms * MS)
    config = with_settings(RunConfig(), {"export.formats": ["ptl"], **budget})
    return made.model_copy(
        update={
            "config": config.model_dump(mode="json"),
            "variants": tuple(variants),
            "latency_table": table if config.budget.limits_latency else None,
        }
    )


def test_without_a_budget_nothing_is_said() -> None:
    assert verdicts(run()) == []


def test_a_latency_here_is_held_against_the_benchmark() -> None:
    assert verdicts(run(latency_ms=12.0)) == ["10.0 ms: within the budget of 12.0 ms."]
    assert verdicts(run(latency_ms=8.0)) == ["10.0 ms: 25.0 % above the budget of 8.00 ms."]
    assert verdicts(run(latency_ms=10.0)) == ["10.0 ms: within the budget of 10.0 ms."]


@pytest.mark.parametrize("on", ["SERIAL", "Maker Phone", PHONE, "Maker Phone, Android 14, a chip"])
def test_a_phone_is_known_by_serial_name_and_kind(on: str) -> None:
    assert verdicts(run(latency_ms=25.0, on=on)) == ["20.0 ms on Maker Phone: within the budget of 25.0 ms."]


def test_of_a_phone_that_measured_nothing_nothing_is_said() -> None:
    elsewhere = TableUsed(device="Other", threads=2, dense_ns=1)
    made = run(latency_ms=25.0, on="OTHER").model_copy(update={"latency_table": elsewhere})
    assert verdicts(made) == []


def test_other_threads_than_the_tables_are_named() -> None:
    (said,) = verdicts(run(latency_ms=25.0, on="SERIAL", threads=4))
    assert said == "20.0 ms on Maker Phone with 2 threads: within the budget of 25.0 ms."


def beside_the_uncut(ms: int, *, loop: str | None = None, **settings: Any) -> RunRecord:
    """The run with the uncut model in the result's scheme, which took so long here, in the result's loop or another."""
    (spec,) = [
        spec
        for spec in artifacts.of_run(formats=("ptl",), scheme="int8-dynamic", hastened=True)
        if spec.model == artifacts.DENSE and spec.is_contrast
    ]
    made = run(**settings)
    ours = made.variants[3].measurements[0]
    timed = ours.model_copy(update={"samples_ns": (ms * MS,) * 3, "loop": ours.loop if loop is None else loop})
    uncut = made.variants[3].model_copy(update={"artifact": spec, "measurements": (timed,)})
    return made.model_copy(update={"variants": (*made.variants, uncut)})


def test_a_speed_up_is_over_the_uncut_model_measured_beside_the_result() -> None:
    (met,) = verdicts(beside_the_uncut(30, speedup=2.0, dense_ms=99))
    assert met == "3.00× as fast as the uncut model: the budget, 2.00× as fast, is met."
    (missed,) = verdicts(beside_the_uncut(18, speedup=2.0, dense_ms=99))
    assert missed == "1.80× as fast as the uncut model: 10.0 % below the budget, 2.00× as fast."


def test_a_speed_up_in_fp32_is_over_the_fastest_fp32_file() -> None:
    made = run(speedup=1.5)
    exact = made.variants[3].artifact.model_copy(update={"scheme": "fp32"})
    variants = (*made.variants[:3], made.variants[3].model_copy(update={"artifact": exact}))
    (said,) = verdicts(made.model_copy(update={"variants": variants}))
    fastest = made.variants[1].measurements[0].median_ns
    assert said.startswith(f"{fastest / (10 * MS):.2f}× as fast as the uncut model")


def test_a_judgement_by_disturbed_figures_says_so() -> None:
    made = beside_the_uncut(30, speedup=2.0, latency_ms=12.0)
    ours = made.variants[3]
    samples = tuple(ms * MS for ms in [10] * 9 + [40] * 9)
    busy = ours.measurements[0].model_copy(update={"samples_ns": samples})
    disturbed = ours.model_copy(update={"measurements": (busy, *ours.measurements[1:])})
    told = verdicts(made.model_copy(update={"variants": (*made.variants[:3], disturbed, *made.variants[4:])}))
    assert len(told) == 2
    assert all(said.endswith(", but other work disturbed the measurement.") for said in told)


def test_what_was_not_measured_together_is_no_speed_up() -> None:
    (said,) = verdicts(beside_the_uncut(30, loop="another", speedup=2.0))
    assert said == "The speed-up is not known: the result and Compressed, uncut were not measured together."
    assert verdicts(run(speedup=2.0)) == [], "a run without the uncut model says nothing"


def test_a_speed_up_is_that_of_the_latest_loop_that_holds_both() -> None:
    made = beside_the_uncut(30, speedup=2.0)
    *others, uncut = made.variants
    again = []
    for variant in others:
        later = variant.measurements[0].model_copy(update={"samples_ns": (25 * MS,) * 3, "loop": "later"})
        again.append(variant.model_copy(update={"measurements": (*variant.measurements, later)}))
    (said,) = verdicts(made.model_copy(update={"variants": (*again, uncut)}))
    assert said == "3.00× as fast as the uncut model: the budget, 2.00× as fast, is met."


def test_without_baselines_it_is_said_why_a_speed_up_is_not_known() -> None:
    made = run(speedup=2.0)
    made.config["export"]["baselines"] = False
    assert verdicts(made) == [
        "The speed-up is not known: the uncut model is not written where export.baselines is false."
    ]


def test_a_size_is_that_of_the_file_in_the_first_format() -> None:
    assert verdicts(run(size_mb=8.0)) == ["8.00 MB: within the budget of 8.00 MB."]
    assert verdicts(run(made=in_two_formats(), size_mb=4.0)) == ["8.00 MB: 100 % above the budget of 4.00 MB."]


def test_every_limit_has_its_sentence() -> None:
    assert len(verdicts(beside_the_uncut(30, latency_ms=12.0, speedup=2.0, size_mb=9.0))) == 3


def test_a_run_without_its_result_or_of_a_newer_version_has_no_verdict() -> None:
    made = run(latency_ms=12.0)
    assert verdicts(made.model_copy(update={"variants": made.variants[:3]})) == []
    assert verdicts(made.model_copy(update={"config": {"budget": {"unknown": 1}}})) == []


def test_the_embedding_that_was_chosen_is_told() -> None:
    def said(after: int, **limits: Any) -> list[str]:
        cut = WidthCut(name="patch_embed.proj", kind="embedding", before=96, after=after)
        return verdicts(run(**limits).model_copy(update={"widths": (cut,)}))

    assert said(72, latency_ms=12.0)[1:] == ["The embedding keeps 72 of 96 channels."]
    assert said(96, latency_ms=12.0)[1:] == ["The embedding keeps all 96 channels."]
    assert said(72) == []  # by ratio
