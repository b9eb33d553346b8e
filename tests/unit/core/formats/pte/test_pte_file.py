"""A ``.pte`` is read without torch, and nothing in it can do harm."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pqv_core import formats
from pqv_core.errors import Cancelled, PqvError, StorageError
from pqv_core.formats import FileFormatError
from pqv_core.formats.base import InputError
from pqv_core.formats.delegation import Delegation
from pqv_core.formats.pte import INFO, flatbuffer, pte_file
from pqv_core.formats.pte.pte_file import ExecuTorchFile
from tests.fakes.flatbuffers import Fields, extended, written

DATA = Path(__file__).parents[4] / "data"
TINY = DATA / "tiny.pte"
CONTENT = TINY.read_bytes()
QUIET = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

IMAGE: Fields = {0: ("B", 5), 1: {0: ("b", 6), 2: [1, 3, 8, 8]}}
TOKENS: Fields = {0: ("B", 5), 1: {0: ("b", 4), 2: [1, 77]}}
NUMBER: Fields = {0: ("B", 2), 1: {0: ("q", 7)}}
ANSWER: Fields = {0: ("B", 5), 1: {0: ("b", 6), 2: [1, 2]}}


def text(content: str | bytes) -> Fields:
    return {0: ("B", 6), 1: {0: content}}


def method(name: str, *, takes: list[Fields], gives: list[Fields], **more: Any) -> dict[int, Any]:
    values = [*takes, *gives]
    inputs = list(range(len(takes)))
    return {0: name, 2: values, 3: inputs, 4: list(range(len(takes), len(values))), **more.get("fields", {})}


FORWARD = method("forward", takes=[IMAGE], gives=[ANSWER])


def file(folder: Path, content: bytes | Fields) -> Path:
    path = folder / "a.pte"
    path.write_bytes(content if isinstance(content, bytes) else written(content, header=bytes(32)))
    return path


def read(folder: Path, *methods: Fields, **parts: Any) -> ExecuTorchFile:
    return pte_file.read(file(folder, {1: list(methods), **parts.get("fields", {})}))


def test_the_facts_of_a_file() -> None:
    found = pte_file.read(TINY)
    assert found.size_bytes == TINY.stat().st_size
    assert found.description["classes"] == ["no", "yes"]
    (forward,) = found.methods
    assert str(forward) == "forward(float32(1 × 3 × 8 × 8)) → float32(1 × 2)"
    assert (forward.delegated, found.delegates) == ({"XnnpackBackend": 2}, ("XnnpackBackend",))
    assert found.delegation == Delegation(parts=forward.delegated, outside=forward.calls)
    assert found.calls == {"aten::mean.out": 1, "aten::argmax.out": 1, "aten::index_select.out": 1}
    assert found.operators == {"aten::mean.out": 6, "aten::argmax.out": 5, "aten::index_select.out": 5}
    assert found.constants_bytes == 4 * 6, "the table"
    assert found.weights_bytes == 4 * (3 * 2 + 2), "the linear layer"
    assert found.graphs_bytes > 0 and found.segments == 5
    assert found.program_bytes + found.graphs_bytes + 24 + 32 == found.size_bytes
    assert (found.input_problem, found.unusual_result, found.external) == ("", "", 0)


def test_it_is_found_by_name_and_by_content(tmp_path: Path) -> None:
    assert formats.of(TINY) is INFO
    path = tmp_path / "model.bin"
    path.write_bytes(CONTENT)
    assert formats.read(path) == (INFO, pte_file.read(TINY))


def test_what_a_person_reads_of_it() -> None:
    rows = dict(INFO.rows(pte_file.read(TINY)))
    assert rows["Model"] == "tiny"
    assert rows["Delegated"] == "2 parts to XnnpackBackend"
    assert rows["Outside of delegates"].startswith("3 operators: aten::argmax.out 1 ×, aten::index_select.out 1 ×")
    assert rows["… weights"] == "32 bytes"
    assert "Cannot be measured" not in rows and "Other methods" not in rows


def test_a_foreign_file_says_itself_what_it_takes(tmp_path: Path) -> None:
    found = read(tmp_path, FORWARD)
    assert (found.description, found.input_shape) == ({}, (1, 3, 8, 8))
    assert ("Made by", "another program; no metadata") in INFO.rows(found)


@pytest.mark.parametrize(
    ("methods", "problem"),
    [
        ([method("forward", takes=[IMAGE, TOKENS], gives=[ANSWER])], "takes 2 inputs (float32(1 × 3 × 8 × 8), int64"),
        ([method("forward", takes=[], gives=[ANSWER])], "takes no input"),
        ([method("forward", takes=[TOKENS], gives=[ANSWER])], "takes int64(1 × 77), not an image"),
        ([method("forward", takes=[NUMBER], gives=[ANSWER])], "takes int, not an image"),
        ([method("encode", takes=[IMAGE], gives=[ANSWER])], "has no method forward (but encode)"),
        ([], "has no method forward"),
    ],
)
def test_what_is_no_image_is_refused_before_it_is_run(tmp_path: Path, methods: list[Fields], problem: str) -> None:
    found = read(tmp_path, *methods)
    assert found.input_problem.startswith(problem)
    assert found.input_shape is None
    with pytest.raises(InputError, match=r"^a\.pte (takes|has)"):
        INFO.check_input(found, "a.pte")
    assert dict(INFO.rows(found))["Cannot be measured"] == f"It {found.input_problem}."


@pytest.mark.parametrize(
    ("gives", "said"),
    [([ANSWER], ""), ([], "nothing"), ([ANSWER, ANSWER], "2 results"), ([TOKENS], "int64(1 × 77)"), ([NUMBER], "int")],
)
def test_a_result_that_is_no_tensor_of_numbers_is_named(tmp_path: Path, gives: list[Fields], said: str) -> None:
    assert read(tmp_path, method("forward", takes=[IMAGE], gives=gives)).unusual_result == said


def test_other_methods_are_told_and_ours_is_not(tmp_path: Path) -> None:
    ours = method("pqv", takes=[], gives=[text('{"model": "x"}')])
    found = read(tmp_path, FORWARD, ours, method("size", takes=[], gives=[NUMBER]))
    assert [item.name for item in found.methods] == ["forward", "size"]
    assert dict(INFO.rows(found))["Other methods"] == "size(nothing) → int"


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b'{"model": "x"}', {"model": "x"}),
        (b'{"model": "\xff"}', {}),
        (b"not JSON", {}),
        (b"[1, 2]", {}),
        (b"", {}),
        (b'{"a":' * 60 + b"1" + b"}" * 60, {}),
        (b"[" * 100_000, {}),
        (b'{"model": "x"}' + b" " * (1 << 20), {}),
    ],
)
def test_a_description_is_json_or_nothing(tmp_path: Path, content: bytes, description: dict[str, Any]) -> None:
    found = read(tmp_path, FORWARD, method("pqv", takes=[], gives=[text(content)]))
    assert found.description == description
    assert found.input_shape == (1, 3, 8, 8)


@pytest.mark.parametrize("gives", [[NUMBER], [], [text("{}"), text("{}")]])
def test_a_method_of_our_name_that_gives_no_text_is_a_method(tmp_path: Path, gives: list[Fields]) -> None:
    found = read(tmp_path, FORWARD, method("pqv", takes=[], gives=gives))
    assert (found.description, [item.name for item in found.methods]) == ({}, ["forward", "pqv"])


def test_the_sizes_of_a_file_that_holds_everything_in_its_program(tmp_path: Path) -> None:
    graph = {0: "XnnpackBackend", 1: {0: ("b", 0), 1: 0}}
    fields = {7: [graph], 5: [{2: [{0: ("B", 2), 1: {0: 0}}]}]}
    plan = method("forward", takes=[IMAGE], gives=[ANSWER], fields=fields)
    found = read(tmp_path, plan, fields={2: [{0: bytes(100)}, {0: bytes(20)}], 3: [{0: bytes(50)}]})
    assert (found.constants_bytes, found.graphs_bytes, found.weights_bytes) == (120, 50, 0)
    assert found.methods[0].delegated == {"XnnpackBackend": 1}


def segmented(*lengths: int) -> Fields:
    """A program with segments one behind the other: constants, a delegate's graph, weights by two names, state."""
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    segments = [{0: ("Q", start), 1: ("Q", length)} for start, length in zip(starts, lengths, strict=True)]
    plan = method("forward", takes=[IMAGE], gives=[ANSWER], fields={7: [{0: "X", 1: {0: ("b", 1), 1: 1}}]})
    weights = [{0: "a", 1: 2}, {0: "b", 1: 2}]
    return {1: [plan], 4: segments, 5: {0: 0, 1: ("Q", [0])}, 6: [{0: 3}], 7: weights}


def test_each_segment_counts_once_for_what_it_is_for(tmp_path: Path) -> None:
    found = pte_file.read(file(tmp_path, extended(bytes(10 + 20 + 40 + 80), top=segmented(10, 20, 40, 80))))
    parts = (found.constants_bytes, found.graphs_bytes, found.weights_bytes, found.state_bytes)
    assert parts == (10, 20, 40, 80)


def test_weights_in_another_file_are_told(tmp_path: Path) -> None:
    outside: Fields = {0: ("B", 5), 1: {0: ("b", 6), 2: [3], 9: {1: "head.weight", 2: ("b", 1)}}}
    found = read(tmp_path, method("forward", takes=[IMAGE], gives=[ANSWER], fields={2: [IMAGE, ANSWER, outside]}))
    assert found.external == 1
    assert dict(INFO.rows(found))["In another file"] == "the values of 1 tensors"


def test_kinds_of_a_later_version_are_named_by_their_number(tmp_path: Path) -> None:
    later: Fields = {0: ("B", 99), 1: {}}
    odd: Fields = {0: ("B", 5), 1: {0: ("b", 77), 2: [2]}}
    found = read(tmp_path, method("forward", takes=[later], gives=[odd]))
    assert str(found.methods[0]) == "forward(of kind 99) → type 77(2)"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        pte_file.read(tmp_path / "none.pte")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"ET12", "is not an ExecuTorch file"),
        (b"PK\x03\x04ET12", "is truncated: its end is missing"),
        (b'{"a": 1}', "is not an ExecuTorch file but a JSON file"),
        ((DATA / "tiny.ptl").read_bytes(), "is not an ExecuTorch file but a PyTorch Lite file"),
        (CONTENT[:20], "is truncated: its end is missing"),
        (CONTENT[:-200], "is truncated: its end is missing"),
        (
            CONTENT.replace(b"ET12", b"ET13"),
            "is an ExecuTorch program of the form ET13, and this PQV-Mobile reads ET12",
        ),
        (bytes(4) + b"ET12" + bytes(100), "is damaged"),
        (extended(bytes(150), top=segmented(10, 20, 40, 80), missing=1), "is truncated"),
        (extended(bytes(10), top=segmented(10, 20, 40, 80)), "is truncated"),
        (written({1: [FORWARD], 4: [{1: ("Q", 60)}, {1: ("Q", 60)}, {1: ("Q", 2**63)}]}), "is truncated"),
    ],
)
def test_other_files_are_refused_in_words(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(FileFormatError) as caught:
        pte_file.read(file(tmp_path, content))
    assert caught.value.message.startswith(f"a.pte {sentence}")
    assert caught.value.action


def test_parts_that_overlap_are_refused(tmp_path: Path) -> None:
    plain = {1: [FORWARD], 4: [{1: ("Q", 30)}] * 4}
    with pytest.raises(FileFormatError, match="its parts overlap"):
        pte_file.read(file(tmp_path, extended(bytes(30), top={**plain, 4: [{1: ("Q", 30)}] * 40})))
    held = {0: bytes(300)}
    with pytest.raises(FileFormatError, match="its parts overlap"):
        read(tmp_path, FORWARD, fields={2: [held] * 40})


# hostile ones ---------------------------------------------------------------------------------------------------


def test_a_file_that_is_cut_anywhere_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.pte"
    last = max(index for index, byte in enumerate(CONTENT) if byte)  # behind it there is padding only
    path.write_bytes(CONTENT)
    for length in range(last, -1, -1):
        os.truncate(path, length)
        with pytest.raises(FileFormatError, match=r"^a\.pte is (empty|truncated|damaged|not an ExecuTorch file)"):
            pte_file.read(path)


@QUIET
@given(st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_file_with_wrong_bytes_is_facts_or_a_sentence(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    content = bytearray(CONTENT)
    for place, value in changes:
        content[place] = value
    check(tmp_path, bytes(content))


@QUIET
@given(
    st.integers(10, len(CONTENT) // 4 - 1), st.sampled_from([0, 1, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF])
)
def test_a_number_of_the_worst_kind_anywhere(tmp_path: Path, place: int, value: int) -> None:
    content = bytearray(CONTENT)
    struct.pack_into("<I", content, 4 * place, value)
    check(tmp_path, bytes(content))


@QUIET
@given(st.binary(max_size=600))
def test_any_bytes_behind_the_identifier(tmp_path: Path, content: bytes) -> None:
    check(tmp_path, content[:4].ljust(4, b"\0") + b"ET12" + content[4:])


def check(folder: Path, content: bytes) -> None:
    path = file(folder, content)
    with contextlib.suppress(FileFormatError):
        found = pte_file.read(path)
        assert json.dumps(found.model_dump(mode="json"))
        assert all(name.isprintable() and value.isprintable() for name, value in INFO.rows(found))


def looped() -> dict[int, Any]:
    """A table that is its own plan, value, tensor and instruction."""
    loop: dict[int, Any] = {}
    loop.update({0: ("B", 5), 1: loop, 2: [loop], 5: [loop]})
    return loop


def doubled(depth: int) -> dict[int, Any]:
    """Few bytes that stand for very many steps: each list holds the one below it many times."""
    call: Fields = {0: ("B", 1), 1: {0: 0, 1: [0] * 10}}
    chain: Fields = {2: [call] * depth}
    plan = method("forward", takes=[IMAGE], gives=[ANSWER], fields={5: [chain] * depth, 6: [{0: "aten::add"}]})
    return {1: [plan] * depth}


def long_names(times: int) -> dict[int, Any]:
    """One name of a thousand letters that is told again and again."""
    operator: Fields = {0: "a" * 1000, 1: "b" * 1000}
    return {1: [{0: "forward", 6: [operator] * times}] * 100}


BOMBS = {
    "loop": written(looped()),
    "steps": written(doubled(200)),
    "names": written(long_names(500)),
    "values": written({1: [{0: "f", 2: [IMAGE], 3: [0] * 900}] * 500}),
    "shapes": written({1: [{0: "f", 2: [{0: ("B", 5), 1: {2: [1] * 1000}}], 3: [0]}]}),
    "methods": written({1: [{0: "f"}] * 20_000}),
    "segments": written({1: [FORWARD], 4: [{0: ("Q", 2**64 - 1), 1: ("Q", 2**64 - 1)}] * 900}),
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_within_its_bounds(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flatbuffer, "MAX_STEPS", 50_000)
    path = file(tmp_path, content)
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=r"is refused|is damaged|is truncated") as caught:
            pte_file.read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000 * 64 + (2 << 20), "some bytes a step, and the pages that are held"
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("bomb", ["steps", "names", "methods"])
def test_as_shipped_it_ends_with_a_reason(tmp_path: Path, bomb: str) -> None:
    with pytest.raises(FileFormatError, match="is refused: it"):
        pte_file.read(file(tmp_path, BOMBS[bomb]))


def test_the_bounds_leave_real_files_room(tmp_path: Path) -> None:
    """2,000 steps outside of delegates, more than any of the families has, take a twentieth of what may be spent."""
    steps = [{0: ("B", 1), 1: {0: index % 30, 1: [0] * 9}} for index in range(2000)]
    operators = [{0: f"aten::operator{index}", 1: "out"} for index in range(30)]
    fields = {2: [IMAGE] * 5000, 5: [{2: steps}], 6: operators}
    spent: list[int] = []

    def cancelled() -> bool:
        spent.append(1)
        return False

    path = file(tmp_path, {1: [method("forward", takes=[IMAGE], gives=[], fields=fields)]})
    assert sum(pte_file.read(path, cancelled=cancelled).calls.values()) == 2000
    assert len(spent) * 4096 < flatbuffer.MAX_STEPS / 10


def test_reading_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        pte_file.read(TINY, cancelled=lambda: True)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(PqvError, match="is a folder, not an ExecuTorch file"):
        pte_file.read(tmp_path)
