"""Which measurement of an artefact counts, and between which of them a ratio exists."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.results import select
from pqv_core.results.record import LOCAL, Accuracy, Measurement, OperatorTime, Parity, RunRecord, Variant
from pqv_core.results.select import Setting
from tests.fakes.records import in_two_formats, measurement, record

PHONE = "Some Phone (A1)"
MEASUREMENTS = st.lists(
    st.builds(
        Measurement,
        target=st.sampled_from([LOCAL, PHONE]),
        threads=st.sampled_from([1, 4]),
        batch=st.sampled_from([1, 8]),
        loop=st.sampled_from(["", "a", "b"]),
        wait_policy=st.sampled_from(["", "PASSIVE"]),
        warmup=st.just(0),
        samples_ns=st.lists(st.integers(0, 9), min_size=1, max_size=4).map(tuple),
    ),
    max_size=12,
)
KEYS = st.tuples(st.sampled_from([LOCAL, PHONE]), st.sampled_from([1, 4]), st.sampled_from([1, 8]))


def measured(ms: float, *, threads: int = 1, **more: Any) -> Measurement:
    return Measurement(threads=threads, warmup=0, samples_ns=(round(ms * 1e6),), **more)


def run(**measurements: list[Measurement]) -> RunRecord:
    """A run whose artefacts were measured so; one that is not named was not measured."""
    plain = record()
    variants = [
        variant.model_copy(update={"measurements": tuple(measurements.get(variant.key, ()))})
        for variant in plain.variants
    ]
    return plain.model_copy(update={"variants": tuple(variants)})


def one(measurements: list[Measurement]) -> Variant:
    found = run(compressed=measurements).variant("compressed")
    assert found is not None
    return found


# which one counts --------------------------------------------------------------------------------------------


@given(MEASUREMENTS, KEYS, st.none() | st.sampled_from(["", "a", "b"]))
def test_what_counts_is_of_the_latest_loop_with_this_target_threads_and_batch(
    measurements: list[Measurement], key: tuple[str, int, int], loop: str | None
) -> None:
    target, threads, batch = key
    found = select.select(one(measurements), target=target, threads=threads, batch=batch, loop=loop)
    wanted = [item for item in measurements if (item.target, item.threads, item.batch) == key]
    wanted = [item for item in wanted if loop in (None, item.loop)]
    if not wanted:
        assert found is None
        return
    assert found is not None
    last = wanted[-1]
    assert Setting.of(found) == Setting.of(last)
    assert found.median_ns <= last.median_ns, "the latest itself, or a wait policy under which it is faster"
    later = wanted[max(index for index, item in enumerate(wanted) if item == found) + 1 :]
    assert found.wait_policy not in [item.wait_policy for item in later if item.loop == last.loop]


@given(MEASUREMENTS, MEASUREMENTS, KEYS)
def test_other_measurements_do_not_change_what_counts(
    measurements: list[Measurement], others: list[Measurement], key: tuple[str, int, int]
) -> None:
    target, threads, batch = key
    unlike = [item for item in others if (item.target, item.threads, item.batch) != key]
    for mixed in ([*measurements, *unlike], [*unlike, *measurements]):
        assert select.select(one(mixed), target=target, threads=threads, batch=batch) == select.select(
            one(measurements), target=target, threads=threads, batch=batch
        )


def test_of_two_wait_policies_in_one_loop_the_faster_counts() -> None:
    spinning, waiting = measured(136, loop="a"), measured(0.8, loop="a", wait_policy="PASSIVE")
    for items in ([spinning, waiting], [waiting, spinning]):
        assert select.select(one(items), target=LOCAL, threads=1, batch=1) == waiting
    later = measured(5, loop="b")
    assert select.select(one([waiting, later]), target=LOCAL, threads=1, batch=1) == later, "another loop is later"


@given(MEASUREMENTS, MEASUREMENTS, MEASUREMENTS)
def test_a_run_is_shown_in_the_setting_of_its_compressed_artifact(
    paper: list[Measurement], fast: list[Measurement], compressed: list[Measurement]
) -> None:
    found = run(paper_fp32=paper, fast_fp32=fast, compressed=compressed)
    shown = select.setting(found, target=PHONE)
    ours = [Setting.of(item) for item in compressed if item.target == PHONE]
    bases = [{Setting.of(item) for item in items if item.target == PHONE} for items in (paper, fast)]
    if not ours:
        assert (shown is None) == (not any(bases))
        return
    held = [sum(one in base and bool(one.loop) for base in bases) for one in ours]
    assert shown == [one for one, count in zip(ours, held, strict=True) if count == max(held)][-1]


@given(MEASUREMENTS, MEASUREMENTS, MEASUREMENTS)
def test_a_speed_up_is_the_ratio_of_two_that_were_measured_together(
    paper: list[Measurement], fast: list[Measurement], compressed: list[Measurement]
) -> None:
    found = run(paper_fp32=paper, fast_fp32=fast, compressed=compressed)
    bases: dict[str, list[Measurement]] = {"paper_fp32": paper, "fast_fp32": fast}
    for role, items in bases.items():
        ratio = select.speedup(found, over=role)
        together = [
            a.median_ns / b.median_ns
            for a in items
            for b in compressed
            if a.target == b.target == LOCAL and (a.threads, a.batch, a.loop) == (b.threads, b.batch, b.loop)
            if a.median_ns and b.median_ns
        ]
        assert ratio is None or ratio in together
    shown = select.shown(found)
    assert len({(item.target, item.threads, item.batch) for item in shown.values()}) <= 1


# ratios ------------------------------------------------------------------------------------------------------


def test_the_speed_up_is_the_ratio_of_medians_in_one_loop() -> None:
    found = run(
        paper_fp32=[measured(110, loop="a"), measured(900, loop="c")],
        fast_fp32=[measured(40, loop="a")],
        compressed=[measured(11, loop="a"), measured(1, loop="b")],
    )
    assert select.speedup(found, over="paper_fp32") == 10
    assert select.speedup(found, over="fast_fp32") == pytest.approx(40 / 11)


@pytest.mark.parametrize(
    "other", [{"threads": 4}, {"batch": 8}, {"loop": "b"}, {"target": PHONE}], ids=lambda other: next(iter(other))
)
def test_between_unequal_measurements_there_is_no_ratio(other: dict[str, Any]) -> None:
    before, after = measured(40, loop="a"), measured(6, **{"loop": "a", **other})
    assert select.ratio(before, after) is None
    assert not select.together(before, after)
    assert select.speedup(run(fast_fp32=[before], compressed=[after]), over="fast_fp32") is None


def test_two_pushes_to_a_phone_are_never_mixed_and_the_latest_complete_one_counts() -> None:
    first, second, third = ({"target": PHONE, "loop": loop} for loop in ("a", "b", "c"))
    paper, fast, compressed = [measured(80, **first)], [measured(38, **first)], [measured(20, **first)]
    assert _over_both(paper, fast, compressed) == [4, 1.9]
    fast, compressed = [*fast, measured(39, **second)], [*compressed, measured(25, **second)]
    assert _over_both(paper, fast, compressed) == [4, 1.9], "the second push had no baseline of the paper"
    everything = ([*paper, measured(60, **third)], [*fast, measured(45, **third)], [*compressed, measured(30, **third)])
    assert _over_both(*everything) == [2, 1.5]


def test_what_a_phone_measured_without_saying_in_which_push_has_no_ratio() -> None:
    """Records of long ago: two pushes cannot be told apart."""
    before, after = measured(40, target=PHONE), measured(20, target=PHONE)
    assert select.ratio(before, after) is None
    assert _over_both([before], [before], [after]) == [None, None]
    assert select.ratio(measured(40), measured(20)) == 2, "this computer measures all files of a run in one loop"


def _over_both(paper: list[Measurement], fast: list[Measurement], compressed: list[Measurement]) -> list[float | None]:
    found = run(paper_fp32=paper, fast_fp32=fast, compressed=compressed)
    return [select.speedup(found, over=role, target=PHONE) for role in ("paper_fp32", "fast_fp32")]


def test_a_ratio_of_which_one_side_was_disturbed_is_doubtful() -> None:
    calm = measured(20)
    busy = measured(10, busy=0.9)
    assert not select.doubtful(calm, calm)
    assert select.doubtful(calm, busy)
    assert select.doubtful(busy, calm)


@pytest.mark.parametrize(("target", "expected"), [("android", PHONE), ("host", LOCAL)])
def test_a_run_for_android_is_judged_by_the_phone_that_measured_last(target: str, expected: str) -> None:
    items = [measured(9), measured(5, target="Other Phone (B2)", loop="a"), measured(7, target=PHONE, loop="b")]
    found = run(compressed=items).model_copy(update={"config": {"export": {"target": target}}})
    assert select.headline(found) == expected
    assert select.headline(found.model_copy(update={"variants": ()})) == LOCAL
    assert select.headline(run(compressed=items[:1])) == LOCAL


def test_wait_policies_of_one_loop_are_compared_each_file_at_its_best() -> None:
    before = [measured(136, loop="a"), measured(8, loop="a", wait_policy="PASSIVE")]
    after = [measured(2, loop="a"), measured(3, loop="a", wait_policy="PASSIVE")]
    assert select.speedup(run(paper_fp32=before, compressed=after), over="paper_fp32") == 4


def test_without_a_measurement_or_with_one_of_no_time_there_is_no_ratio() -> None:
    assert select.speedup(run(), over="paper_fp32") is None
    assert select.speedup(run(fast_fp32=[measured(1)]), over="fast_fp32") is None
    assert select.ratio(measured(0), measured(1)) is None
    assert select.ratio(measured(1), measured(0)) is None


def test_a_figure_of_another_loop_is_shown_beside_but_one_with_other_threads_is_not() -> None:
    found = run(
        paper_fp32=[measured(90, threads=1, loop="a")],
        fast_fp32=[measured(40, threads=4, loop="a")],
        compressed=[measured(6, threads=4, loop="b")],
    )
    assert {role: item.median_ms for role, item in select.shown(found).items()} == {"fast_fp32": 40, "compressed": 6}


# what goes with a measurement --------------------------------------------------------------------------------


def test_a_phone_is_asked_once_a_session_whatever_the_threads() -> None:
    parity = Parity(max_abs=0, relative=0, top1_agreement=0.5, inputs=2)
    right = Accuracy(top1=0.25, top5=1, loss=1, images=4)
    first = measured(9, target=PHONE, loop="a", accuracy=right, parity=parity)
    second, other = measured(5, threads=4, target=PHONE, loop="a"), measured(5, target=PHONE, loop="b")
    variant = one([first, second, other])
    assert select.answers(variant, second) == (right, parity)
    assert select.answers(variant, other) == (None, None)
    assert select.answers(variant, None) == (variant.accuracy, variant.parity)


def test_operators_timed_by_the_run_belong_to_its_own_number_of_threads() -> None:
    times = (OperatorTime(name="aten::linear", calls=1, ns=5),)
    own, more = measured(9, loop="a"), measured(5, threads=4, loop="b")
    phone = measured(7, target=PHONE, operators=times[:0])
    variant = one([own, more, phone]).model_copy(update={"operators": times})
    assert select.operators(variant, own) == times
    assert select.operators(variant, None) == times
    assert select.operators(variant, more) == ()
    assert select.operators(variant, phone) == ()


@pytest.mark.parametrize(
    ("threads", "batch", "words"), [(1, 1, "1 thread"), (4, 1, "4 threads"), (2, 8, "2 threads, batch 8")]
)
def test_a_setting_in_words(threads: int, batch: int, words: str) -> None:
    assert Setting(LOCAL, threads, batch, "a").words == words


def test_of_two_formats_a_run_is_judged_by_the_quickest_result_over_the_quickest_fp32() -> None:
    run = in_two_formats()
    result, fairest = select.result(run), select.fairest(run)
    assert result is not None and fairest is not None
    assert (result.key, fairest.key) == ("compressed_pte", "fast_fp32_pte")
    assert select.speedup(run, over="fast_fp32_pte") == 2.5
    assert select.speedup(run, over="paper_fp32") == 40


def test_where_a_device_ran_one_format_alone_it_is_judged_by_that_one() -> None:
    run = in_two_formats()
    there = measurement(30, 30, 30, target="Some Phone")
    variants = tuple(
        one.model_copy(update={"measurements": (*one.measurements, there)}) if one.key == "compressed" else one
        for one in run.variants
    )
    run = run.model_copy(update={"variants": variants})
    on_phone, here = select.result(run, target="Some Phone"), select.result(run)
    assert on_phone is not None and here is not None
    assert (on_phone.key, here.key) == ("compressed", "compressed_pte")


def test_what_nobody_measured_is_judged_by_its_first_format() -> None:
    run = in_two_formats()
    bare = tuple(one.model_copy(update={"measurements": ()}) for one in run.variants)
    result = select.result(run.model_copy(update={"variants": bare}))
    assert result is not None and result.key == "compressed"
