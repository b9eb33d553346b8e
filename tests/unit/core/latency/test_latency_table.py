"""A latency table: what a part costs at a width, and what a whole structure does."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.config import PruneConfig
from pqv_core.errors import ProjectError, StorageError
from pqv_core.latency import predict
from pqv_core.latency import table as tables
from pqv_core.latency.levels import bends, embeddings, few, levels, of_share
from pqv_core.latency.predict import Predictor
from pqv_core.latency.table import LatencyTable, Narrower, Part, Point, Subject, Whole

SUBJECT = Subject(
    model="some_vit",
    input_shape=(1, 3, 32, 32),
    unit="width",
    format="ptl",
    scheme="int8-dynamic",
    device="a processor",
    runtime="torch 2.12",
    threads=1,
)
STEPS = {64: 1_000, 128: 1_000, 192: 3_000, 256: 3_000}
"""Nanoseconds of a part whose kernels compute in blocks of 128."""


NAMES = ("a", "b")


def table(*, rest: int = 500, factor: float = 1.0, copies: int = 2) -> LatencyTable:
    """Two equal parts; in the second loop the computer is half as quick as in the first."""

    def whole(units: int, loop: int) -> tuple[int, ...]:
        return (round(rest + factor * 2 * STEPS[units]) << loop,)

    points = tuple(
        Point(units=units, copies=copies, samples_ns=(copies * ns << 1,), loop=1) for units, ns in STEPS.items()
    )
    return LatencyTable(
        subject=SUBJECT,
        device="A processor",
        created="2026-01-01T00:00:00+0000",
        parts=tuple(Part(name=name, kind="mlp", units=256, curve=0) for name in NAMES),
        curves=(points,),
        wholes=(Whole(units=dict.fromkeys(NAMES, 64), samples_ns=whole(64, 0), loop=0),),
        loops=(whole(256, 0), whole(256, 1)),
    )


DENSE = 6_500
"""What the model takes in the first loop."""


def test_a_part_costs_what_was_measured_and_between_two_widths_what_lies_between() -> None:
    made = table()
    part = made.parts[0]
    assert {units: made.cost(part, units) * DENSE for units in STEPS} == pytest.approx(STEPS)
    assert made.cost(part, 100) * DENSE == pytest.approx(1_000)  # within a block nothing changes
    assert made.cost(part, 160) * DENSE == pytest.approx(2_000)


def test_beyond_what_was_measured_nothing_is_made_up() -> None:
    made = table()
    assert made.cost(made.parts[0], 8) * DENSE == pytest.approx(1_000)
    assert made.cost(made.parts[0], 999) * DENSE == pytest.approx(3_000)


def test_what_else_ran_on_the_device_at_times_makes_no_difference() -> None:
    made = table()
    disturbed = Point(units=64, copies=2, samples_ns=(4_000, 9_000, 7_000), loop=1)
    assert made.share(disturbed) == made.share(Point(units=64, copies=2, samples_ns=(4_000,), loop=1))


@given(
    rest=st.integers(0, 10_000), factor=st.floats(0.5, 3.0), a=st.sampled_from([*STEPS]), b=st.sampled_from([*STEPS])
)
def test_a_structure_costs_the_rest_and_its_parts_as_they_are_inside_the_whole(
    rest: int, factor: float, a: int, b: int
) -> None:
    predictor = Predictor(table(rest=rest, factor=factor))
    dense = rest + factor * 6_000
    assert predictor.share({"a": a, "b": b}) * dense == pytest.approx(rest + factor * (STEPS[a] + STEPS[b]), abs=2)
    assert predictor.share({}) == pytest.approx(1)
    assert predictor.part("a", a) * dense == pytest.approx(factor * STEPS[a], rel=1e-2)
    assert predictor.ns({}) == pytest.approx(1.5 * dense, rel=1e-2)  # half of the loops were on the slower computer


def test_it_says_how_far_it_is_from_what_was_measured() -> None:
    predictor = Predictor(table())
    assert predictor.error(table().wholes[0]) == pytest.approx(0)
    slower = Whole(units={"a": 256, "b": 256}, samples_ns=(13_000,), loop=0)
    assert predictor.error(slower) == pytest.approx(-0.5)


def test_parts_that_make_no_difference_cost_their_share() -> None:
    whole = Whole(units={"a": 64, "b": 64}, samples_ns=(DENSE + 500,), loop=0)
    predictor = Predictor(table().model_copy(update={"wholes": (whole,)}))
    assert predictor.rest == 0
    assert 0.9 < predictor.share({}) < 1.6


RESTS = {48: 300, 64: 320}
"""Nanoseconds of the rest with narrower embeddings; parts take 400 and 900 at any width less."""


def with_embeddings() -> LatencyTable:
    """The same model with an embedding of 96, and of 48 and 64."""
    narrower = tuple(
        Narrower(
            units=embedding,
            samples_ns=(rest + 2 * (STEPS[256] - less),),
            loop=0,
            curves=(
                tuple(Point(units=units, copies=1, samples_ns=(ns - less,), loop=0) for units, ns in STEPS.items()),
            ),
        )
        for (embedding, rest), less in zip(RESTS.items(), (900, 400), strict=True)
    )
    return LatencyTable.model_validate({**table().model_dump(), "wholes": (), "embedding": 96, "embeddings": narrower})


@pytest.mark.parametrize("units", [64, 128, 256])
def test_with_an_embedding_that_was_measured_parts_and_rest_are_its_own(units: int) -> None:
    made = with_embeddings()
    for embedding, less, rest in ((96, 0, 500), (64, 400, RESTS[64]), (48, 900, RESTS[48])):
        part = made.cost(made.parts[0], units) * DENSE - less
        predictor = Predictor(made, embedding)
        assert predictor.part("a", units) * DENSE == pytest.approx(part)
        assert predictor.rest * DENSE == pytest.approx(rest)
        assert predictor.share({"a": units, "b": units}) * DENSE == pytest.approx(rest + 2 * part)
    assert Predictor(made).share({"a": units}) == Predictor(made, 96).share({"a": units})


def test_between_two_embeddings_lies_the_line_and_below_the_narrowest_nothing_is_made_up() -> None:
    made = with_embeddings()
    between = [Predictor(made, embedding).share({"a": 64}) for embedding in (64, 72, 80, 88, 96)]
    assert between == pytest.approx([between[0] + (between[4] - between[0]) * quarters / 4 for quarters in range(5)])
    assert Predictor(made, 8).share({}) == Predictor(made, 48).share({})


def test_the_latency_of_a_ratio_that_cuts_the_embedding_is_known_down_to_the_narrowest() -> None:
    pruning = PruneConfig(ratio=1 / 3, embedding=True, attention=False)
    made = with_embeddings()
    assert predict.embedding_by_ratio(made, pruning) == 64
    assert predict.cut_by_ratio(made, pruning) == {"a": 168, "b": 168}
    assert predict.cut_by_ratio(made, pruning.changed(ratio=0.75)) is None
    assert predict.cut_by_ratio(table(), pruning) is None
    assert predict.embedding_by_ratio(made, pruning.changed(embedding=False)) is None


def test_a_table_of_an_earlier_version_knows_no_other_embedding(tmp_path: Path) -> None:
    plain = table().model_dump_json(exclude={"embedding", "embeddings"})
    (tmp_path / "a.json").write_text(plain)
    assert tables.load(tmp_path / "a.json") == table()
    assert table().embedding is None


@pytest.mark.parametrize("units", [1, 8, 48, 192, 384, 1024])
def test_embeddings_are_three_quarters_and_half(units: int) -> None:
    found = embeddings(units)
    assert all(0.4 <= each / units < 1 for each in found) and found == sorted(found, reverse=True)
    assert len(found) == (2 if units > 8 else len(found))
    assert embeddings(384) == [288, 192]


def test_it_survives_being_written(tmp_path: Path) -> None:
    for made in (table(), with_embeddings()):
        tables.save(tmp_path / "a.json", made)
        assert tables.load(tmp_path / "a.json") == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "\0" * 100,
        '{"schema_version": 1, "parts": []}',
        table().model_dump_json().replace('"curve":0', '"curve":7'),
        table().model_dump_json().replace('"units":128', '"units":64'),
        table().model_dump_json().replace('"a":64', '"c":64'),
        table().model_dump_json().replace("[2500]", "[NaN]"),
        table().model_dump_json().replace("[6500]", "[0]"),
        table().model_dump_json().replace("[6500]", "[]"),
        table().model_dump_json().replace('"loop":1', '"loop":2'),
        with_embeddings().model_dump_json().replace('"embedding":96', '"embedding":64'),
        with_embeddings().model_dump_json().replace('"embedding":96', '"embedding":null'),
        with_embeddings().model_dump_json().replace('"units":48', '"units":80'),
        with_embeddings().model_dump_json().replace('"samples_ns":[4500],"loop":0', '"samples_ns":[4500],"loop":5'),
    ],
)
def test_what_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ProjectError, match=r"a\.json is not a latency table"):
        tables.load(tmp_path / "a.json")


def test_one_of_a_newer_version_and_one_that_is_not_there_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"schema_version": 99}')
    with pytest.raises(ProjectError, match="newer PQV-Mobile"):
        tables.load(tmp_path / "a.json")
    with pytest.raises(StorageError):
        tables.load(tmp_path / "b.json")


@given(units=st.integers(1, 10_000), whole=st.booleans())
def test_levels_begin_with_the_whole_and_become_narrower(units: int, whole: bool) -> None:
    found = levels(units, whole=whole)
    assert found[0] == units
    assert all(before > after >= 1 for before, after in pairwise(found))
    assert whole or units <= 8 or all(level % 8 == 0 for level in found[1:])


@pytest.mark.parametrize(
    ("units", "whole", "found"),
    [
        (1536, False, [1536, 1152, 768, 384, 192]),
        (64, False, [64, 48, 32, 16, 8]),
        (6, True, [6, 4, 3, 2, 1]),
        (1, True, [1]),
    ],
)
def test_levels_are_shares_in_blocks_of_eight(units: int, whole: bool, found: list[int]) -> None:
    assert levels(units, whole=whole) == found


def curved(units: dict[int, int], *, alike: int = 1, unit: str = "channels") -> LatencyTable:
    """Parts that share a curve, of a model that takes 100,000 ns."""
    names = [str(number) for number in range(alike)]
    points = tuple(Point(units=width, copies=1, samples_ns=(ns,), loop=0) for width, ns in units.items())
    parts = tuple(
        Part.model_validate({"name": name, "kind": "mlp", "units": max(units), "unit": unit, "curve": 0})
        for name in names
    )
    return LatencyTable(
        subject=SUBJECT, device="A processor", created="", parts=parts, curves=(points,), loops=((100_000,),)
    )


def test_more_is_measured_on_both_sides_of_a_bend() -> None:
    assert bends(curved({64: 1_000, 128: 2_000, 192: 3_000, 256: 9_000})) == {"0": [160, 224]}


def test_a_straight_curve_needs_no_more() -> None:
    assert bends(curved({64: 1_000, 128: 2_000, 192: 3_000, 256: 4_100}, alike=12)) == {}


def test_what_all_parts_of_a_curve_are_off_by_counts() -> None:
    assert bends(curved({64: 1_000, 128: 2_000, 192: 3_500})) == {}
    assert bends(curved({64: 1_000, 128: 2_000, 192: 3_500}, alike=12)) == {"0": [96, 160]}


def test_with_a_narrower_embedding_a_curve_bends_at_the_same_widths() -> None:
    whole = curved({64: 2_000, 128: 2_000, 192: 8_000, 256: 8_000})
    ends = curved({64: 1_000, 256: 2_000}).curves  # a half of the narrowest, and a quarter of the widest
    narrower = Narrower(units=48, samples_ns=(90_000,), loop=0, curves=ends)
    (part,) = whole.parts
    found = [whole.cost(part, units, narrower) * 100_000 for units in (64, 128, 192, 256)]
    assert found == pytest.approx([1_000, 2_000 * 5 / 12, 8_000 * 4 / 12, 2_000])


@pytest.mark.parametrize(
    ("share", "found"),
    [(1.0, [1536, 1152, 768, 384, 192]), (0.02, [1536, 1152, 768, 384, 192]), (0.019, [1536, 768, 192])],
)
def test_what_is_little_of_a_model_is_measured_at_few_widths(share: float, found: list[int]) -> None:
    assert of_share(1536, whole=False, share=share) == found


@pytest.mark.parametrize(
    ("widths", "found"),
    [([64, 48, 32, 16, 8], [64, 32, 8]), ([3, 2, 1], [3, 1]), ([64, 32, 8], [64, 8]), ([16, 8], [16, 8]), ([1], [1])],
)
def test_few_widths_are_every_other_one_and_both_ends(widths: list[int], found: list[int]) -> None:
    assert few(widths) == found


def test_between_neighbouring_widths_there_is_no_other() -> None:
    assert bends(curved({8: 1_000, 16: 2_000, 24: 9_000})) == {}
    assert bends(curved({1: 1_000, 2: 2_000, 4: 9_000}, unit="heads")) == {"0": [3]}
