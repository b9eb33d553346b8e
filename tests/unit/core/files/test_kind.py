"""What a file is, whatever its name says."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pqv_core.errors import StorageError
from pqv_core.files.kind import Kind, kind
from pqv_core.project import project_file as projects


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return buffer.getvalue()


def tensors(header: dict[str, object], data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def picture(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, form)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.pth"))
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.zeros(3))
    return buffer.getvalue()


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
# magic number of torch.save before zip archives, as torch/serialization.py pickles it
LEGACY = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)

CONTENTS: list[tuple[bytes, Kind]] = [
    (b"", Kind.EMPTY),
    (bytes(5000), Kind.ZEROS),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 22\n", Kind.GIT_LFS),
    (b"../.git/annex/objects/aa/bb/SHA256E-s22--00.pth\n", Kind.GIT_ANNEX),
    (b"<!DOCTYPE html><html>Sign in</html>", Kind.WEB_PAGE),
    (b"\n\n<!-- a proxy's -->\n<HTML lang=ja><body>\xe3\x83\xad\xe3\x82\xb0", Kind.WEB_PAGE),
    ("<html>".encode("utf-16"), Kind.WEB_PAGE),
    (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", Kind.XML),
    (b'{"error": "Not found"}', Kind.JSON),
    (b"[1, 2]", Kind.JSON),
    (b'{"weight_map": {"a": "model-00001-of-00002.safetensors"}}', Kind.SHARD_INDEX),
    (b'{"cut": ', Kind.TEXT),
    (b"[" * 100_000, Kind.TEXT),
    ("Bitte erst anmelden: schön".encode(), Kind.TEXT),
    ("é".encode() * 3000 + b"x", Kind.TEXT),
    (b"x" + "é".encode() * 3000, Kind.TEXT),  # cut inside a letter by what is looked at
    (tensors({"a": ENTRY}, bytes(8)), Kind.SAFETENSORS),
    (tensors({"a": ENTRY}, bytes(7)), Kind.CUT),
    (tensors({"a": ENTRY}, bytes(8))[:30], Kind.CUT),
    (tensors({"a": ENTRY, "__metadata__": {"pqv": "{}"}}, bytes(8)), Kind.OUR_CHECKPOINT),
    (tensors({"a": [1]}), Kind.UNKNOWN),
    (zipped("best/data.pkl", "best/data/0", "best/version"), Kind.PYTORCH),
    (zipped("a/data.pkl", "a/code/__torch__.py", "a/constants.pkl"), Kind.TORCHSCRIPT),
    (zipped("a/data.pkl", "a/code/__torch__.py", "a/bytecode.pkl"), Kind.LITE),
    (zipped("a/models/model.json", "a/archive_format", "a/data/weights/weight_0"), Kind.PT2),
    (zipped("a.npy", "b.npy"), Kind.NPZ),
    (zipped("metadata.json", "config.json", "model.weights.h5"), Kind.KERAS),
    (zipped("weights/best.pth"), Kind.ZIP),
    (zipped(), Kind.ZIP),
    (zipped("best/data.pkl")[:-10], Kind.CUT),
    (LEGACY + b"\x80\x02M\xe9\x03.", Kind.PYTORCH_LEGACY),
    (pickle.dumps({"a": 1}, protocol=2), Kind.PICKLE),
    (pickle.dumps({"a": 1}, protocol=5), Kind.PICKLE),
    (pickle.dumps({"a": 1}, protocol=0), Kind.PICKLE),
    (b"\x1c\0\0\0TFL3" + bytes(20), Kind.TFLITE),
    (b"\x1c\0\0\0ET12eh00" + bytes(20), Kind.EXECUTORCH),
    (b"\x08\x08\x12\x07pytorch\x1a\x052.9.0\x3a\x80\x01", Kind.ONNX),
    (b"\x08\x0a\x3a\x80\x80\x01" + bytes(50), Kind.ONNX),
    (b"GGUF\x03\0\0\0", Kind.GGUF),
    (b"\x89HDF\r\n\x1a\n" + bytes(90), Kind.HDF5),
    (array(), Kind.NPY),
    (bytes(range(60)) * 3 + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", Kind.TENSORFLOW_INDEX),
    (gzip.compress(b"a"), Kind.GZIP),
    (tarred(), Kind.TAR),
    (b"7z\xbc\xaf\x27\x1c\0\4", Kind.SEVEN_ZIP),
    (b"%PDF-1.7\n", Kind.PDF),
    (b"\x7fELF\x02\x01\x01", Kind.PROGRAM),
    *((picture(form), Kind.IMAGE) for form in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")),
    (b"\0\0\0\x18ftypheic\0\0\0\0", Kind.IMAGE),
    (b"\x01\x02\x03\x9f\xff", Kind.UNKNOWN),
]


@pytest.mark.parametrize(("content", "expected"), CONTENTS, ids=lambda value: getattr(value, "name", ""))
def test_the_content_says_what_a_file_is(content: bytes, expected: Kind, tmp_path: Path) -> None:
    for name in ("a.pth", "a.safetensors"):
        (tmp_path / name).write_bytes(content)
        assert kind(tmp_path / name) is expected


def test_a_project(tmp_path: Path) -> None:
    projects.save(tmp_path / "a.txt", projects.Project())
    assert kind(tmp_path / "a.txt") is Kind.PROJECT


def test_no_file(tmp_path: Path) -> None:
    assert kind(tmp_path) is Kind.FOLDER
    with pytest.raises(StorageError, match="does not exist"):
        kind(tmp_path / "none.pth")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pth")
    assert kind(tmp_path / "a.pth") is Kind.SPECIAL


def test_a_list_of_entries_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    content = bytearray(zipped("a/data.pkl"))
    struct.pack_into("<I", content, len(content) - 22 + 12, 1 << 30)
    (tmp_path / "a.pth").write_bytes(content)
    assert kind(tmp_path / "a.pth") is Kind.ZIP


@given(
    st.one_of(
        st.binary(max_size=200),
        st.tuples(st.sampled_from([content[:60] for content, _ in CONTENTS]), st.binary(max_size=99)).map(b"".join),
    )
)
def test_any_bytes_are_of_some_kind(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    assert kind(path).label
