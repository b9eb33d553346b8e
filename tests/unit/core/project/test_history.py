"""A training curve holds each point once, whatever ended the process that wrote it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pqv_core.process.events import Metric
from pqv_core.project.history import History, read

CURVE = [
    Metric(name=name, step=step, value=step / 3) for step in range(1, 8) for name in ("train_loss", "learning_rate")
]


def points(path: Path) -> list[tuple[str, int, float]]:
    return [(metric.name, metric.step, metric.value) for metric in read(path)]


WHOLE = [(metric.name, metric.step, metric.value) for metric in CURVE]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    ends=st.lists(st.tuples(st.integers(0, 13), st.integers(0, 30), st.integers(0, 14)), max_size=4),
)
def test_killed_while_writing_and_gone_on_from_earlier(tmp_path: Path, ends: list[tuple[int, int, int]]) -> None:
    path = tmp_path / "history.jsonl"
    path.unlink(missing_ok=True)
    begin = 0
    for count, cut, back in ends:
        history = History(path)
        for metric in CURVE[begin : begin + count]:
            history.add(metric)
        if path.exists():  # the last line is torn off somewhere
            content = path.read_bytes()
            last = content[:-1].rfind(b"\n") + 1
            path.write_bytes(content[: max(last, len(content) - cut)])
        begin = max(0, min(begin, len(read(path))) - back)
    history = History(path)
    for metric in CURVE[begin:]:
        history.add(metric)

    assert points(path) == WHOLE


def test_a_point_is_added_once(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")

    assert [history.add(metric) for metric in (CURVE[0], CURVE[0], CURVE[1], CURVE[2])] == [True, False, True, True]
    assert points(tmp_path / "history.jsonl") == WHOLE[:3]


def test_what_was_trained_before_comes_first(tmp_path: Path) -> None:
    earlier = History(tmp_path / "earlier.jsonl")
    earlier.add(CURVE[0])
    history = History(tmp_path / "history.jsonl")
    history.add(CURVE[-1])
    history.begin(tmp_path / "earlier.jsonl")
    added = [history.add(CURVE[0]), history.add(CURVE[1])]

    assert added == [False, True] and points(tmp_path / "history.jsonl") == WHOLE[:2]
    assert points(tmp_path / "earlier.jsonl") == WHOLE[:1]


def test_begun_anew_it_is_empty(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    history.add(CURVE[-1])
    history.begin()

    assert history.add(CURVE[0]) and points(tmp_path / "history.jsonl") == WHOLE[:1]


def test_a_line_that_is_no_point_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(
        b'{"name": "train_loss"}\n\xff\n' + CURVE[0].model_dump_json(exclude={"run", "type"}).encode() + b"\n"
    )

    assert points(path) == WHOLE[:1]
