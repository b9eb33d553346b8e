"""What the bench of files for phones makes of what programs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.phone_bench import BARE, LOOPED, RATIOS, Series, nanoseconds, ratios
from bench.phones import files
from bench.phones.programs import WARMUP, Program


def series(one: float, two: float, wall_one: int = 10, wall_two: int = 5) -> dict[int, Series]:
    """Processor time in milliseconds and nanoseconds on the clock, with one thread and with two."""
    return {1: Series([one], [wall_one]), 2: Series([two], [wall_two])}


def test_our_program_speaks_records_and_a_bare_loop_numbers() -> None:
    records = ['{"type": "load", "ns": 9}', '{"type": "iteration", "ns": 7, "index": 0}', "INFO: a runtime speaks"]
    assert nanoseconds([*records, '{"type": "iteration", "ns": 8, "index": 1}', '{"type": "final"}']) == [7, 8]
    assert nanoseconds(["linker: Warning", "12", "13", ""]) == [12, 13]


def test_medians() -> None:
    found = Series([3.0, 90.0, 4.0], [2_000_000, 1_000_000, 70_000_000])
    assert (found.cpu, found.wall) == (4.0, 2.0)


def test_ratios_are_of_files_that_there_are() -> None:
    measured = {
        "paper.ptl": series(90, 95),
        "int8.pte": series(12, 13, wall_one=12_000, wall_two=7_000),
        "int8.ptl": series(120, 130),
        "fp32.pte": {2: Series([30], [30])},
        f"int8.pte{BARE}": series(10, 10),
    }
    assert dict(ratios(measured)) == {
        "int8.pte ÷ int8.ptl": 0.1,
        f"int8.pte ÷ int8.pte{BARE}": 1.2,
        "int8.pte, clock, one thread ÷ two": pytest.approx(12 / 7),
    }


def test_every_ratio_is_of_files_that_are_made() -> None:
    made = {*files.OURS, *files.LITERTS, *(name + BARE for name in LOOPED)}
    assert {name for ratio in RATIOS for name in ratio} <= made


def test_a_bare_loop_is_asked_for_as_many_inferences_as_our_program() -> None:
    loop, program = Program(("run", "loop"), is_ours=False), Program(("run", "pqv_bench"), is_ours=True)
    bare = loop.command(Path("a.pte"), shape="1,3,8,8", threads=2, iterations=14)
    assert bare == ["run", "loop", "a.pte", "1,3,8,8", str(WARMUP), "14", "2"]
    ours = program.command(Path("a.pte"), shape="1,3,8,8", threads=2, iterations=14)
    assert ours[ours.index("--min-iters") + 1] == "14"
    assert ours[ours.index("--warmup") + 1] == str(WARMUP)
    assert ours[ours.index("--threads") + 1] == "2"


def test_files_are_kept_by_the_content_of_what_makes_them(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("b")
    before = files.digest([one, two])
    assert files.digest([two, one]) == before
    two.write_text("c")
    assert files.digest([one, two]) != before
