"""Orders of classes: as text, natural as timm has it, or as a file lists them."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pqv_core.config import DataConfig, RunConfig, with_setting
from pqv_core.data import class_order
from pqv_core.errors import ConfigError, DataError

NUMBERS = [str(number) for number in range(12)]
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8).map(class_order.composed)


def arranged(names: list[str], order: str, folder: Path = Path("/nowhere")) -> list[str]:
    return class_order.arranged(names, order, project=folder / "p.pqv")


def written(folder: Path, name: str, content: object) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")
    return f"./{name}"


def test_text_and_natural() -> None:
    assert arranged(NUMBERS, "text") == ["0", "1", "10", "11", *"23456789"]
    assert arranged(sorted(NUMBERS), "natural") == NUMBERS
    assert arranged(["b", "A", "a10", "a9"], "natural") == ["A", "a9", "a10", "b"]


@given(st.lists(NAMES, unique=True, max_size=8))
def test_natural_order_takes_any_names_and_does_not_depend_on_how_they_came(names: list[str]) -> None:
    found = arranged(names, "natural")

    assert sorted(found) == sorted(names) and found == arranged(names[::-1], "natural")
    assert (class_order.first_difference(names) is None) == (found == arranged(names, "text"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "dog\ncat\nfox\n"),
        ("a.txt", "\ufeffdog\r\ncat\r\nfox\r\n\r\n"),
        ("a.names", "  dog \n cat\nfox"),
        ("a.txt", "cat 1\nfox 2\ndog 0\n"),
        ("a.csv", "cat,1\nfox,2\ndog,0\n"),
        ("a.txt", "1: cat\n2: fox\n0: dog\n"),
        ("a.json", ["dog", "cat", "fox"]),
        ("a.json", {"cat": 1, "dog": 0, "fox": 2}),
        ("a.json", {"1": "cat", "0": "dog", "2": "fox"}),
    ],
)
def test_a_file_lists_classes(tmp_path: Path, name: str, content: object) -> None:
    order = written(tmp_path, name, content)

    assert arranged(["cat", "dog", "fox"], order, tmp_path) == ["dog", "cat", "fox"]
    assert arranged(["cat", "dog"], order, tmp_path) == ["dog", "cat", "fox"]  # the head may know more


def test_a_name_may_end_in_a_number(tmp_path: Path) -> None:
    order = written(tmp_path, "a.txt", "sea 1\nsea 0\n")

    assert arranged(["sea 0", "sea 1"], order, tmp_path) == ["sea 1", "sea 0"]


def test_names_in_a_file_may_have_another_unicode_form(tmp_path: Path) -> None:
    order = written(tmp_path, "a.txt", unicodedata.normalize("NFD", "über\ncafé\n"))

    assert arranged(["café", "über"], order, tmp_path) == ["über", "café"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "", "names no class"),
        ("a.txt", "cat\n\ndog", "line 2 is empty"),
        ("a.txt", "cat\ndog\ncat", "cat twice"),
        ("a.txt", "cat\nfox", "the class dog"),
        ("a.json", "{", "not complete JSON"),
        ("a.json", {"cat": 1, "dog": 2}, "not 0 to 1"),
        ("a.json", {"cat": 0, "dog": 0}, "not 0 to 1"),
        ("a.json", {"0": "cat", "1": "cat"}, "lists a name twice"),
        ("a.json", {"cat": True, "dog": False}, "neither"),
        ("a.json", 3, "neither"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, name: str, content: object, words: str) -> None:
    order = written(tmp_path, name, content)

    with pytest.raises(DataError, match=words) as caught:
        arranged(["cat", "dog"], order, tmp_path)
    assert caught.value.action


def test_a_file_that_is_not_there_or_holds_a_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "map.pkl").write_bytes(b"\x80\x04}\x94.")

    with pytest.raises(DataError, match="does not exist"):
        arranged(["cat"], "gone.txt", tmp_path)
    with pytest.raises(DataError, match="not text"):
        arranged(["cat"], "map.pkl", tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=60) | st.text('01a \n,:{}[]"', max_size=30).map(str.encode),
    suffix=st.sampled_from((".txt", ".json")),
)
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    try:
        found = class_order.read(path)
    except DataError:
        return
    assert all(len(set(reading)) == len(reading) > 0 for reading in found.readings)


@pytest.mark.parametrize("order", ["text", "natural", "classes.txt", "./classes", "../a/b.json", "C:\\classes"])
def test_an_order_is_a_word_or_a_path(order: str) -> None:
    assert with_setting(RunConfig(), "data.class_order", order).data.class_order == order


@pytest.mark.parametrize("order", ["natrual", "", "TEXT", "3", "null"])
def test_a_word_that_is_no_order_is_refused(order: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.class_order"):
        with_setting(RunConfig(), "data.class_order", order)
    assert DataConfig().class_order == "text"


def test_the_doubt_names_two_classes_and_the_setting() -> None:
    assert "10 comes before 2" in class_order.doubt(NUMBERS)
    assert "data.class_order=natural" in class_order.doubt(NUMBERS)
    assert class_order.doubt(["a", "b"]) == ""
