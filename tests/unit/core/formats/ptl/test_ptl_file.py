"""A ``.ptl`` is read without torch, and nothing in it can do harm."""

from __future__ import annotations

import contextlib
import io
import pickle
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pqv_core.errors import PqvError, StorageError
from pqv_core.files import archive as archives
from pqv_core.files import pickle_reader
from pqv_core.formats import FileFormatError, description
from pqv_core.formats.ptl import ptl_file as ptl

TINY = Path(__file__).parents[4] / "data" / "tiny.ptl"
CONTENT = TINY.read_bytes()
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def archive(path: Path, bytecode: bytes, **extra: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/bytecode.pkl", bytecode)
        for name, content in extra.items():
            file.writestr(f"a/extra/{name}.json", content)
    return path


def test_the_facts_of_a_file() -> None:
    found = ptl.read(TINY)
    assert found.bytecode == 8
    assert found.operators == {"aten::flatten.using_ints": 2, "aten::linear": 3, "aten::gelu": 1}
    assert (found.storages, found.weights_bytes) == (2, 4 * (4 * 3 + 3))
    assert found.size_bytes == TINY.stat().st_size
    assert found.extra == {"pqv.json": 27}
    assert found.input_shape == (1, 3, 32, 32)


@pytest.mark.parametrize("shape", [b"[]", b'"1,3"', b"[1,-3]", b"[true]", b"[1e9]", b"[" * 100_000])
def test_a_shape_that_cannot_be_is_none(tmp_path: Path, shape: bytes) -> None:
    path = archive(tmp_path / "a.ptl", pickle.dumps((8,), 2), pqv=b'{"input_shape":' + shape + b"}")
    assert ptl.read(path).input_shape is None


def test_the_shape_stands_with_the_preprocessing(tmp_path: Path) -> None:
    about = b'{"preprocessing": {"input_size": [3, 224, 192]}}'
    assert ptl.read(archive(tmp_path / "a.ptl", pickle.dumps((8,), 2), pqv=about)).input_shape == (1, 3, 224, 192)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        ptl.read(tmp_path / "none.ptl")


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, b"content")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"PK", "is truncated"),
        (CONTENT[: len(CONTENT) // 2], "is truncated"),
        (pickle.dumps({"a": 1}), "is not a PyTorch Lite file"),
        (zipped("a/bytecode.pkl"), "is damaged"),
        (zipped("a/data.pkl", "a/code/a.py"), "is TorchScript, but not exported for the Lite Interpreter"),
        (zipped("a/data.pkl", "a/data/0"), "contains weights or a pickled model"),
        (zipped("notes.txt"), "is a zip archive, but not a PyTorch Lite file"),
    ],
)
def test_other_files_are_refused_in_words(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "a.ptl"
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        ptl.read(path)
    assert caught.value.message.startswith(f"a.ptl {sentence}")
    assert caught.value.action


def test_a_zip_bomb_is_refused_while_it_unfolds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ptl, "MAX_BYTECODE", 1 << 20)
    with pytest.raises(FileFormatError, match=r"bytecode\.pkl unfolds to more than 1 MB"):
        ptl.read(archive(tmp_path / "a.ptl", bytes(50 << 20)))


@pytest.mark.parametrize(("spaces", "read"), [(0, True), (1, False)])
def test_a_description_of_more_than_a_megabyte_is_left_unread(tmp_path: Path, spaces: int, read: bool) -> None:
    about = b'{"model": "x"}'
    about += b" " * (description.MAX_BYTES - len(about) + spaces)
    found = ptl.read(archive(tmp_path / "a.ptl", pickle.dumps((8,), 2), pqv=about))
    assert found.description == ({"model": "x"} if read else {})


def test_a_file_of_very_many_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    bytecode = pickle.dumps((8,), 2)
    assert ptl.read(archive(tmp_path / "few.ptl", bytecode, a=b"", b=b"")).bytecode == 8
    with pytest.raises(FileFormatError, match=r"many\.ptl is refused: it has more than 3 entries"):
        ptl.read(archive(tmp_path / "many.ptl", bytecode, a=b"", b=b"", c=b""))


def stored(path: Path, *storages: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    """A file with these storages."""
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("a/bytecode.pkl", pickle.dumps((8,), 2))
        for number, content in enumerate(storages):
            file.writestr(f"a/data/{number}", content)
    return path


@pytest.mark.parametrize(("count", "storages"), [(100, 1), (100_000, 0)])
def test_a_storage_that_is_larger_than_the_whole_file_does_not_count(tmp_path: Path, count: int, storages: int) -> None:
    path = stored(tmp_path / "a.ptl", bytes(count), compression=zipfile.ZIP_DEFLATED)
    assert 100 < path.stat().st_size < 1000
    found = ptl.read(path)
    assert (found.storages, found.weights_bytes) == (storages, storages * count)


@pytest.mark.parametrize(("count", "twice"), [(16_383, 0), (16_384, 2 * 16_384)])
def test_equal_storages_are_duplicates_from_16_kib_on(tmp_path: Path, count: int, twice: int) -> None:
    found = ptl.read(stored(tmp_path / "a.ptl", *[b"x" * count] * 3, b"y" * count))
    assert (found.weights_bytes, found.duplicate_bytes) == (4 * count, twice)


class Harm:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("/tmp/pqv-harm-done"),))


def test_nothing_in_a_pickle_runs() -> None:
    value = pickle_reader.read(pickle.dumps(("before", Harm()), 2))
    assert value[0] == "before"
    assert value[1].kind == "call"
    assert not Path("/tmp/pqv-harm-done").exists()


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(-(2**59), 2**59), inner)
    ),
    max_leaves=30,
)


@QUIET
@given(plain, st.integers(2, pickle.HIGHEST_PROTOCOL))
def test_plain_data_is_read_as_pickle_reads_it(value: object, protocol: int) -> None:
    assert pickle_reader.read(pickle.dumps(value, protocol)) == value


def test_a_pickle_of_very_many_steps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_reader, "MAX_STEPS", 100)
    assert pickle_reader.read(pickle.dumps([0] * 50, 2)) == [0] * 50
    with pytest.raises(pickle_reader.PickleError, match="too long"):
        pickle_reader.read(pickle.dumps([0] * 150, 2))


@QUIET
@given(st.binary(max_size=300))
def test_any_bytes_are_data_or_an_error(data: bytes) -> None:
    with contextlib.suppress(pickle_reader.PickleError):
        pickle_reader.read(data)


@QUIET
@given(st.integers(0, len(CONTENT) - 1), st.binary(min_size=1, max_size=20))
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, start: int, damage: bytes) -> None:
    path = tmp_path / "a.ptl"
    path.write_bytes(CONTENT[:start] + damage + CONTENT[start + len(damage) :])
    try:
        ptl.read(path)
    except PqvError as error:
        assert error.message


@QUIET
@given(st.data())
def test_damaged_bytecode_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(CONTENT)) as file:
        bytecode = file.read("tiny/bytecode.pkl")
    start = data.draw(st.integers(0, len(bytecode) - 1))
    damage = data.draw(st.binary(max_size=10))
    path = archive(tmp_path / "a.ptl", bytecode[:start] + damage + bytecode[start + len(damage) :])
    try:
        ptl.read(path)
    except PqvError as error:
        assert error.message
