"""Which files hold weights, told before torch is needed."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from pqv_core.errors import ModelError, StorageError
from pqv_core.files import weights_files


def safetensors(path: Path, **tensors: int) -> Path:
    """A file of zeros, so many bytes for each name."""
    header: dict[str, Any] = {}
    end = 0
    for name, count in tensors.items():
        header[name] = {"dtype": "U8", "shape": [count], "data_offsets": [end, end + count]}
        end += count
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
    return path


def index(path: Path, weight_map: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return path


@pytest.fixture
def shards(tmp_path: Path) -> tuple[Path, Path, Path]:
    """An index and its two files."""
    first = safetensors(tmp_path / "model-00001-of-00002.safetensors", a=3)
    second = safetensors(tmp_path / "model-00002-of-00002.safetensors", b=4, c=5)
    return (
        index(tmp_path / "model.safetensors.index.json", {"a": first.name, "b": second.name, "c": second.name}),
        first,
        second,
    )


def test_an_index_and_each_of_its_files_mean_all_of_them(shards: tuple[Path, Path, Path]) -> None:
    listed, *files = shards
    for chosen in shards:
        assert weights_files.parts(chosen) == tuple(files), chosen
    assert len({weights_files.fingerprint(chosen) for chosen in shards}) == 1
    before = weights_files.fingerprint(listed)
    safetensors(files[1], b=4, c=6)
    assert weights_files.fingerprint(listed) != before


def test_a_file_beside_an_index_that_does_not_list_it_stands_alone(shards: tuple[Path, Path, Path]) -> None:
    other = safetensors(shards[0].with_name("other.safetensors"), a=3)
    assert weights_files.parts(other) == (other,)


def test_a_missing_file_is_named(shards: tuple[Path, Path, Path]) -> None:
    shards[2].unlink()
    with pytest.raises(ModelError, match=r"model-00002-of-00002\.safetensors is missing, one of 2 files"):
        weights_files.parts(shards[0])


@pytest.mark.parametrize(
    "name", ["../secret.safetensors", "/etc/passwd", "sub/a.safetensors", "..\\a", "C:\\a", "C:a", "..", "", "a\0b"]
)
def test_an_index_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    listed = index(tmp_path / "model.safetensors.index.json", {"a": name})
    with pytest.raises(ModelError, match="outside its folder"):
        weights_files.parts(listed)


@pytest.mark.parametrize("weight_map", [{}, {"a": 3}, {"a": None}])
def test_an_index_of_nothing(weight_map: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="lists no weights files"):
        weights_files.parts(index(tmp_path / "a.index.json", weight_map))


def test_an_index_that_lists_itself(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is the index"):
        weights_files.parts(index(tmp_path / "a.index.json", {"a": "a.index.json"}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "Git LFS pointer, not weights.*git lfs pull",
        ),
        (b"<!DOCTYPE html><html>Sign in</html>", "web page, not weights.*download"),
        (b"\x08\x08\x12\x07pytorch", "ONNX model, not weights.*made from"),
        (b"\x89HDF\r\n\x1a\n", "HDF5.*framework"),
        (b"\x1f\x8b\x08\0", "gzip archive.*Unpack"),
        (b"", "an empty file.*complete"),
        (b"PK\x03\x04" + bytes(50), "truncated"),
        (b"\x80\x04\x95", "pickle that torch.save did not write"),
    ],
)
def test_another_kind_of_file_is_called_what_it_is(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "best.pth").write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        weights_files.parts(tmp_path / "best.pth")
    assert caught.value.message.startswith("best.pth is ")
    assert weights_files.problem(tmp_path / "best.pth") == str(caught.value)


def test_a_folder_suggests_the_weights_in_it(shards: tuple[Path, Path, Path]) -> None:
    with pytest.raises(StorageError, match=r"folder.*model\.safetensors\.index\.json"):
        weights_files.parts(shards[0].parent)


def test_a_file_that_is_not_there_is_no_other_kind(tmp_path: Path) -> None:
    assert weights_files.problem(tmp_path / "none.pth") == ""
    assert weights_files.problem(safetensors(tmp_path / "a.pth", a=3)) == ""
