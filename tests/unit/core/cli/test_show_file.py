"""``pqv show FILE.ptl``: read without being run, whoever made it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from pqv_core.cli import show_file as cli_file
from pqv_core.errors import PqvError
from pqv_core.formats.ptl import ptl_file as ptl

TINY = Path(__file__).parents[3] / "data" / "tiny.ptl"


def rewritten(folder: Path, **members: bytes | str) -> Path:
    """The tiny file without its own description, and with these members (``__`` for a slash)."""
    path = folder / "rewritten.ptl"
    with zipfile.ZipFile(TINY) as source, zipfile.ZipFile(path, "w") as target:
        root = source.namelist()[0].split("/")[0]
        for name in source.namelist():
            if not name.endswith("pqv.json"):
                target.writestr(name, source.read(name))
        for name, content in members.items():
            target.writestr(f"{root}/{name.replace('__', '/')}", content)
    return path


def described(folder: Path, text: str) -> Path:
    return rewritten(folder, **{"extra__pqv.json": text})


def test_a_foreign_file_is_told_by_its_content(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli_file.show_any(rewritten(tmp_path), as_json=False)
    said = capsys.readouterr().out
    assert "another program" in said
    assert "aten::linear" in said
    assert "Android 1.12.2" in said


def test_a_file_of_ours_describes_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = {
        "model": "deit_tiny_patch16_224",
        "precision": "int8-dynamic",
        "input_shape": [1, 3, 32, 32],
        "classes": ["cat", "dog"],
        "prune": {"ratio": 0.25, "importance": "taylor"},
    }
    cli_file.show_any(described(tmp_path, json.dumps(facts)), as_json=False)
    said = capsys.readouterr().out
    for words in ("deit_tiny_patch16_224", "1 × 3 × 32 × 32", "2: cat, dog", "25.0 % by taylor"):
        assert words in said


def test_an_executorch_file_tells_who_does_what_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    cli_file.show_any(TINY.with_suffix(".pte"), as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "Delegated 2 parts to XnnpackBackend",
        "Android 0.9.3 can run it",
        "aten::mean.out 6 1",
        "2: no, yes",
    ):
        assert words in said


def test_an_executorch_file_as_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    cli_file.show_any(TINY.with_suffix(".pte"), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["android"], told["calls"]["aten::mean.out"]) == ("pte", {"0.9.3": []}, 1)
    assert told["methods"][0]["delegated"] == {"XnnpackBackend": 2}


@pytest.mark.parametrize(
    "text", ['{"classes": 3, "prune": "x", "versions": [1]}', "[]", "{", '{"prune": {"ratio": "x"}}']
)
def test_a_strange_description_harms_nobody(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli_file.show_any(described(tmp_path, text), as_json=False)
    assert "Bytecode" in capsys.readouterr().out


def test_as_json_it_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    cli_file.show_any(TINY, as_json=True)
    plain = json.loads(capsys.readouterr().out)
    assert plain["type"] == "file"
    assert plain["operators"] == ptl.read(TINY).operators
    assert list(plain["android"]) == ["1.12.2"]


@pytest.mark.parametrize("content", [b"", b"PK", TINY.read_bytes()[:900]], ids=["empty", "letters", "cut"])
def test_what_is_no_whole_file_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.ptl"
    path.write_bytes(content)
    with pytest.raises(PqvError, match=r"bad\.ptl is (empty|truncated)"):
        cli_file.show_any(path, as_json=False)


def test_tensors_that_are_stored_twice_are_counted(tmp_path: Path) -> None:
    twice = b"weights!" * 4000
    path = rewritten(tmp_path, data__97=twice, data__98=twice)
    assert ptl.read(path).duplicate_bytes == len(twice)
    assert ptl.read(TINY).duplicate_bytes == 0
