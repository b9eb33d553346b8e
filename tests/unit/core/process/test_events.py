"""Events survive their line of JSON, and lines that are no events are told apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pqv_core.errors import ErrorInfo
from pqv_core.process import events

WORDS = st.text(max_size=30)
COUNTS = st.integers(min_value=0, max_value=2**53)
FIGURES = st.floats(allow_nan=False, allow_infinity=False)
ERRORS = st.builds(ErrorInfo, kind=WORDS, message=WORDS, action=WORDS, details=WORDS)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | COUNTS | FIGURES | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
EVENTS: st.SearchStrategy[events.Event] = st.one_of(
    st.builds(events.JobStarted, run=WORDS, stages=st.lists(WORDS, max_size=4).map(tuple), directory=WORDS),
    st.builds(events.StageStarted, run=WORDS, stage=WORDS, index=COUNTS, total=COUNTS),
    st.builds(events.StageFinished, run=WORDS, stage=WORDS, seconds=FIGURES, cached=st.booleans()),
    st.builds(
        events.Progress,
        run=WORDS,
        stage=WORDS,
        done=COUNTS,
        total=COUNTS,
        unit=WORDS,
        seconds_left=st.none() | FIGURES,
    ),
    st.builds(events.Metric, run=WORDS, name=WORDS, step=COUNTS, value=FIGURES, epoch=st.none() | FIGURES),
    st.builds(events.LatencySample, run=WORDS, role=WORDS, index=COUNTS, ns=COUNTS, target=WORDS),
    st.builds(events.Log, run=WORDS, level=st.sampled_from(["info", "warning", "error"]), text=WORDS),
    st.builds(events.Artifact, run=WORDS, role=WORDS, path=WORDS, size_bytes=COUNTS),
    st.builds(
        events.Finished,
        run=WORDS,
        outcome=st.sampled_from(["succeeded", "failed", "cancelled"]),
        error=st.none() | ERRORS,
        stage=WORDS,
        result=st.none() | st.dictionaries(WORDS, JSON_VALUES, max_size=3),
    ),
)


@given(EVENTS)
def test_every_event_comes_back_from_its_line(event: events.Event) -> None:
    line = events.encode(event)
    assert "\n" not in line
    assert "\r" not in line
    assert events.decode(line) == event
    assert events.decode(line.encode() + b"\r\n") == event


@given(EVENTS, st.data())
def test_a_line_that_was_cut_is_no_event(event: events.Event, data: st.DataObject) -> None:
    line = events.encode(event).encode()
    assert events.decode(line[: data.draw(st.integers(0, len(line) - 1))]) is None


@given(st.binary(max_size=60) | st.text(max_size=60) | JSON_VALUES.map(json.dumps))
def test_what_libraries_print_is_no_event(line: bytes | str) -> None:
    assert events.decode(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Downloading: 100%|█████| 22.1M/22.1M",
        '{"type": "metric", "name": "loss", "step": 1, "value": NaN}',
        '{"type": "metric", "name": "loss", "step": 1, "value": 1e999}',
        '{"type": "metric", "name": "loss"}',
        '{"type": "finished", "outcome": "perhaps"}',
        '{"type": "news"}',
        "[" * 100_000,
        b"\xff\xfe{",
    ],
)
def test_lines_seen_in_the_wild_are_no_events(line: str | bytes) -> None:
    assert events.decode(line) is None


def test_keys_of_a_later_version_are_overlooked() -> None:
    assert events.decode('{"type": "log", "text": "hello", "colour": "red"}') == events.Log(text="hello")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_figure_that_is_none_cannot_be_said(value: float) -> None:
    with pytest.raises(ValidationError):
        events.Metric(name="train_loss", step=1, value=value)


def test_a_file_name_in_another_encoding_does_not_stop_the_stream() -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    decoded = events.decode(events.encode(events.Log(text=f"unreadable: {name}")))
    assert decoded == events.Log(text="unreadable: caf?.png")


def test_events_are_frozen() -> None:
    event: Any = events.Log(text="said")
    with pytest.raises(ValidationError):
        event.text = "unsaid"
