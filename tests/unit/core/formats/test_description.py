"""What a file says of itself, for a person."""

from __future__ import annotations

from pqv_core.formats.description import rows


def test_groups_are_named_where_there_are_some() -> None:
    assert rows({"precision": "int4", "group": 64}, None) == [
        ("Precision", "int4"),
        ("Inputs that share a scale", "64"),
    ]
    assert rows({"precision": "int8-dynamic", "group": None}, None) == [("Precision", "int8-dynamic")]


def test_an_engine_is_named_where_one_is_chosen() -> None:
    assert rows({"model": "none", "engine": "none"}, None) == [("Model", "none")]
    assert rows({"engine": "onednn"}, None) == [("Engine", "onednn")]
