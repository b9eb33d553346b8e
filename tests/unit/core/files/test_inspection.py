"""What any file is, what weights hold, and what can be done with a file here; nothing in it is run."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pqv_core.errors import PqvError
from pqv_core.files import inspection as file_look
from pqv_core.files import weights_facts
from pqv_core.files.kind import Kind
from pqv_gui import cli

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# A tensor as torch.save writes it: a call of torch._utils._rebuild_tensor_v2 with a storage that stands elsewhere.
TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n("
    b"(X\x07\0\0\0storagectorch\nHalfStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ"
    b"K\0K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtR"
)
STATE = b"\x80\x02}(X\x05\0\0\0model}(X\x01\0\0\0a" + TENSOR + b"X\x01\0\0\0b" + TENSOR + b"uX\x05\0\0\0epochK\x03u."


def checkpoint(path: Path, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", data)
        file.writestr("a/data/0", bytes(12))
    return path


def safetensors(path: Path, header: object) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(64))
    return path


def test_a_checkpoint_tells_its_tensors(tmp_path: Path) -> None:
    found = weights_facts.read(checkpoint(tmp_path / "a.pth", STATE), Kind.PYTORCH)
    assert found == weights_facts.WeightsFacts(2, 12, {"float16": 2}, ("model", "epoch"))


def test_a_safetensors_file_tells_its_tensors(tmp_path: Path) -> None:
    entry = {"dtype": "BF16", "shape": [2, 4], "data_offsets": [0, 16]}
    path = safetensors(tmp_path / "a.bin", {"__metadata__": {"format": "pt"}, "head": entry})
    assert weights_facts.read(path, Kind.SAFETENSORS) == weights_facts.WeightsFacts(1, 8, {"bfloat16": 1}, ("head",))
    assert dict(file_look.inspect(path).rows)["Types"] == "bfloat16 (1)"


def test_a_whole_pickled_model_is_called_what_it_is(tmp_path: Path) -> None:
    found = file_look.inspect(checkpoint(tmp_path / "a.pth", b"\x80\x02ccode\nModel\n)\x81}b."))
    assert dict(found.rows)["Holds"] == "an object of the class code.Model"
    assert "state_dict" in found.advice


def test_a_table_shared_many_times_is_counted_once(tmp_path: Path) -> None:
    """Doubled forty times: walked without a bound it would have a million million tensors."""
    data = b"\x80\x02" + TENSOR + b"q\0" + b"h\0h\0\x86q\0" * 40 + b"."
    found = weights_facts.read(checkpoint(tmp_path / "a.pth", data), Kind.PYTORCH)
    assert found is not None
    assert found.tensors == 1


@QUIET
@given(st.data())
def test_any_damaged_checkpoint_is_looked_at_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(STATE)
    start = data.draw(st.integers(0, len(STATE) - 1))
    changed[start : start + 3] = data.draw(st.binary(max_size=6))
    found = weights_facts.read(checkpoint(tmp_path / "a.pth", bytes(changed)), Kind.PYTORCH)
    assert found is None or all(isinstance(value, str) for _, value in found.rows())


@QUIET
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["dtype", "shape", "a"]), inner),
        max_leaves=8,
    )
)
def test_any_header_is_looked_at_or_refused(tmp_path: Path, header: object) -> None:
    path = safetensors(tmp_path / "a.safetensors", {"tensor": header})
    for kind in (Kind.SAFETENSORS, Kind.OUR_CHECKPOINT):
        found = weights_facts.read(path, kind)
        assert found is None or found.rows()


@pytest.mark.parametrize(
    ("content", "kind", "advice"),
    [
        (b"\x08\x07\x12\x07pytorch", "ONNX model", "exports from PyTorch: choose the timm model"),
        (b"\x1c\0\0\0TFL3", "TensorFlow Lite model", "exports from PyTorch"),
        (b"<!DOCTYPE html><html>", "Web page", "the direct download link"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n", "Image", "Choose the image folder that contains one sub-folder per class"),
        (b"\x1f\x8b\x08\0", "Gzip archive", "Unpack it"),
        (pickle.dumps(OrderedDict(a=1), 2), "Python pickle that torch.save did not write", "is not loaded"),
        (b"some words", "Text file", "Choose a project"),
    ],
)
def test_show_says_what_a_file_is_whatever_its_name(
    content: bytes, kind: str, advice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.pth").write_bytes(content)
    assert cli.main(["show", str(tmp_path / "model.pth")]) == 0
    said = capsys.readouterr().out
    assert kind in said
    assert advice in said
    assert cli.main(["show", str(tmp_path / "model.pth"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == kind


@pytest.mark.parametrize(("content", "sentence"), [(b"", "an empty file"), (bytes(100), "a file of zeros")])
def test_what_holds_nothing_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(PqvError, match=rf"a\.pth is {sentence}"):
        file_look.inspect(tmp_path / "a.pth")


def test_every_kind_has_advice() -> None:
    for kind in Kind:
        assert file_look._ADVICE.get(kind, file_look._NOTHING).endswith(".")
