"""Files made to harm: each is read or refused in a sentence, within bounds of steps and of memory.

What is bounded is counted and asserted in steps and bytes, never by a clock. The attacks that would need gigabytes run
in a process that may not have them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pqv_core.errors import Cancelled, PqvError
from pqv_core.files import archive, fsio, pickle_reader
from pqv_core.formats import FileFormatError
from pqv_core.formats.ptl import ptl_file as ptl
from pqv_core.project import history, run_label
from pqv_core.project import project_file as projects
from pqv_core.results import record as results

TINY = Path(__file__).parents[3] / "data" / "tiny.ptl"
CONTENT = TINY.read_bytes()
QUIET = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = 3_000_000

# Each grows without end, in something else than the others: objects, the stack, the memo, calls, texts, numbers, keys.
ATTACKS: dict[str, bytes] = {
    "dicts": b"}" * MANY,
    "lists": b"]" * MANY,
    "stack": b"N" * MANY,
    "marks": b"(" * MANY,
    "nested tuples": b")" + b"\x85" * MANY,
    "doubled tuples": b"Nq\0" + b"h\0h\0\x86q\0" * (MANY // 7),
    "list in itself": b"]q\0" + b"h\0a" * (MANY // 3),
    "memo": b"N" + b"\x94" * MANY,
    "calls": b"N" + b")R" * (MANY // 2),
    "ordered dicts": b"ccollections\nOrderedDict\nq\0" + b"h\0)R" * (MANY // 4),
    "persistent": b"N" + b"Q" * MANY,
    "globals": b"ca\nb\n" * (MANY // 5),
    "long global": b"X\0\0\x10\0" + b"a" * (1 << 20) + b"q\0" + b"h\0h\0\x93" * (MANY // 5),
    "wide texts": b"\x8c\x04\xf0\x9f\x98\x80" * (MANY // 6),
    "one wide text": b"X" + struct.pack("<I", MANY) + b"a" * (MANY - 4) + b"\xf0\x9f\x98\x80",
    "a claimed text": b"\x8d" + b"\xff" * 7 + b"\x7f",
    "numbers": b"J\xff\xff\xff\x7e" * (MANY // 5),
    "keys in one slot": b"}("
    + b"".join(b"\x8a\x0a" + ((2**61 - 1) * n).to_bytes(10, "little") + b"N" for n in range(1, MANY // 13))
    + b"u.",
    "nothing kept": b"Nq\0" + b"h\x000" * (MANY // 3),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_pickle_that_grows_is_refused_within_its_bounds(attack: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_reader, "MAX_STEPS", 100_000)
    monkeypatch.setattr(pickle_reader, "MAX_BYTES", 4 << 20)
    tracemalloc.start()
    try:
        with contextlib.suppress(pickle_reader.PickleError):
            pickle_reader.read(attack)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # what is counted, eight bytes a step for the stack, and a copy of the attack's own text
    assert peak < 1.5 * pickle_reader.MAX_BYTES + 8 * pickle_reader.MAX_STEPS + len(attack)


@pytest.mark.parametrize("attack", ["dicts", "marks", "calls", "memo", "nothing kept"])
def test_as_shipped_every_one_ends_with_a_reason(attack: str) -> None:
    with pytest.raises(pickle_reader.PickleError, match=r"it is too long|it makes too much"):
        pickle_reader.read(ATTACKS[attack])


def test_the_bounds_leave_real_files_room() -> None:
    """MaxViT-L, the largest of timm's that was exported: 86,000 steps, 21,100 tuples of three; 4,400 entries."""
    instruction = b"X\x02\0\0\0OP" + b"K\x01K\x02\x87"
    real = b"\x80\x02(" + instruction * 21_100 + b"t."
    assert len(pickle_reader.read(real)) == 21_100
    assert pickle_reader.MAX_STEPS > 86_000 * 10
    assert ptl.MAX_BYTECODE > 160_219 * 20
    assert archive.MAX_ENTRIES > 4_384 * 10
    assert archive.MAX_DIRECTORY > 531_575 * 10


def test_numbers_that_share_a_slot_are_no_keys() -> None:
    assert pickle_reader.read(pickle.dumps({2**61 - 1: 1, 7: 2, "a": 3}, 2)) == {7: 2, "a": 3}


def test_reading_a_pickle_can_be_cancelled() -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(Cancelled):
        pickle_reader.read(b"N" * MANY, cancelled=cancelled)
    with pytest.raises(Cancelled):
        ptl.read(TINY, cancelled=lambda: True)


ops = st.sampled_from(sorted(pickle_reader._OPCODES)) | st.binary(min_size=1, max_size=4)


@QUIET
@given(st.lists(ops, max_size=200).map(b"".join))
def test_any_row_of_opcodes_is_data_or_an_error(data: bytes) -> None:
    with contextlib.suppress(pickle_reader.PickleError):
        pickle_reader.read(data)


def lite(path: Path, bytecode: bytes, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/bytecode.pkl", bytecode)
        for name, content in more.items():
            file.writestr(f"a/{name.replace('__', '/')}", content)
    return path


def function(operators: object = (), schema: object = ()) -> bytes:
    return pickle.dumps((8, ("a.forward", (("operators", operators),), schema)), 2)


def test_a_small_file_of_many_objects_is_refused(tmp_path: Path) -> None:
    path = lite(tmp_path / "small.ptl", b"\x80\x02" + b"}" * (4 << 20))
    assert path.stat().st_size < 6000
    with pytest.raises(FileFormatError, match=r"small\.ptl is (refused|damaged)"):
        ptl.read(path)


@pytest.mark.parametrize(
    ("operators", "why"),
    [
        ((("aten::" + "a" * 2000, "", 1),), "operator name that is too long"),
        (tuple((f"aten::op{n}", "", 1) for n in range(10_001)), "more than 10,000 operators"),
    ],
)
def test_names_of_operators_are_bounded(operators: object, why: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=why):
        ptl.read(lite(tmp_path / "a.ptl", function(operators)))


def test_a_description_that_nobody_could_print_is_left_unread(tmp_path: Path) -> None:
    deep = b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}"
    assert ptl.read(lite(tmp_path / "a.ptl", function(), extra__pqv_json=b"")).description == {}
    with zipfile.ZipFile(tmp_path / "b.ptl", "w") as file:
        file.writestr("a/bytecode.pkl", function())
        file.writestr("a/extra/pqv.json", deep)
    assert ptl.read(tmp_path / "b.ptl").description == {}


def directory(path: Path, entries: int, *, claimed: int | None = None, bytes_claimed: int | None = None) -> Path:
    """An archive of nothing but a list of entries."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *[0] * 6, *[0] * 3, 1, *[0] * 4, *[0] * 2) + b"a"
    count = min(claimed if claimed is not None else entries, 0xFFFF)
    length = bytes_claimed if bytes_claimed is not None else len(entry) * entries
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, length, 0, 0)
    path.write_bytes(entry * entries + end)
    return path


@pytest.mark.parametrize("claimed", [None, 1])
def test_a_million_entries_are_never_listed(claimed: int | None, tmp_path: Path) -> None:
    for entries, why in ((archive.MAX_ENTRIES + 1, "60,000 entries"), (1_000_000, "the list of its entries takes")):
        path = directory(tmp_path / "many.ptl", entries, claimed=claimed)
        with pytest.raises(FileFormatError, match=why):
            ptl.read(path)


def test_a_list_that_claims_to_be_larger_than_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError):
        ptl.read(directory(tmp_path / "a.ptl", 1, bytes_claimed=0xFFFFFFF0))


def test_parts_that_overlap_are_not_counted_twice(tmp_path: Path) -> None:
    path = lite(tmp_path / "a.ptl", function(), data__0=os.urandom(5000))
    with zipfile.ZipFile(path, "a") as file:
        file.filelist += [file.getinfo("a/data/0")] * 1000
        file._didModify = True  # type: ignore[attr-defined]  # so that the list is written anew
    with pytest.raises(FileFormatError, match=r"a\.ptl is damaged") as caught:
        ptl.read(path)
    assert "overlap" in caught.value.details


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_pytorch_does_not_pack_is_not_unpacked(method: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.ptl", "w", method) as file:
        file.writestr("a/bytecode.pkl", function())
    with pytest.raises(FileFormatError, match="is damaged") as caught:
        ptl.read(tmp_path / "a.ptl")
    assert f"method {method}" in caught.value.details


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ptl")
    os.mkfifo(tmp_path / "pipe.pqv")
    with pytest.raises(PqvError, match="pipe"):
        ptl.read(tmp_path / "pipe.ptl")
    with pytest.raises(PqvError, match="pipe"):
        projects.load(tmp_path / "pipe.pqv")


def sparse(path: Path, size: int, start: bytes = b"") -> Path:
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)
    return path


def test_a_project_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(PqvError, match=r"big\.pqv is too large to be a project file"):
        projects.load(sparse(tmp_path / "big.pqv", 1 << 30))


@pytest.mark.parametrize("text", ['{"config": [' + "[]," * 1_100_000 + "0]}", "[" * 1_000_001, "0," * 4_000_001])
def test_json_of_very_many_values_is_not_built(text: str) -> None:
    with pytest.raises(fsio.FileTooLargeError):
        fsio.parse_json(text)


def test_the_results_of_a_run_may_be_large_but_not_without_end(tmp_path: Path) -> None:
    sparse(tmp_path / results.RUN_FILE, 1 << 30)
    with pytest.raises(PqvError, match=r"is refused: its run\.json is too large"):
        results.load(tmp_path)
    sparse(tmp_path / run_label.LABEL_FILE, 1 << 30)
    with pytest.raises(PqvError, match="name and note"):
        run_label.load(tmp_path)


def test_a_million_latencies_are_read() -> None:
    assert len(fsio.parse_json(json.dumps({"samples_ns": list(range(1_000_000))}, indent=2))["samples_ns"]) == 1_000_000


def test_a_curve_of_one_endless_line_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = b'{"name": "loss", "step": %d, "value": 1.0}\n'
    path = tmp_path / "history.jsonl"
    path.write_bytes(point % 1 + b"x" * 5_000_000 + b"\n" + point % 2 + b'{"name": "' + b"x" * 5_000_000)
    assert [metric.step for metric in history.read(path)] == [1, 2]
    history.History(path)
    assert path.stat().st_size == 5_000_001 + 2 * len(point % 1)
    monkeypatch.setattr(history, "MAX_POINTS", 1)
    assert [metric.step for metric in history.read(path)] == [1]


LIMITED = """
import resource, sys
from pathlib import Path
from pqv_core.formats.ptl import ptl_file as ptl
from pqv_core.errors import PqvError
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)
for line in sys.stdin:
    try:
        ptl.read(Path(line.strip()))
    except PqvError as error:
        assert error.message and error.action
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a limit of memory")
def test_hostile_files_are_refused_in_a_hundred_megabytes(tmp_path: Path) -> None:
    some = ("dicts", "memo", "calls", "long global", "wide texts", "keys in one slot")
    paths = [lite(tmp_path / f"{name}.ptl", b"\x80\x02" + ATTACKS[name]) for name in some]
    paths.append(directory(tmp_path / "entries.ptl", 1_000_000))
    paths.append(lite(tmp_path / "bomb.ptl", bytes(300 << 20)))
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED], input="\n".join(map(str, paths)), capture_output=True, text=True, timeout=300
    )
    assert (ran.stdout, ran.returncode) == ("done\n", 0), ran.stderr[-2000:]


def mutated(draw: Callable[..., object], content: bytes) -> bytes:
    out = bytearray(content)
    for _ in range(draw(st.integers(1, 5))):  # type: ignore[arg-type]
        at, damage = draw(st.integers(0, len(out) - 1)), draw(st.binary(min_size=1, max_size=8))
        out[at : at + len(damage)] = damage  # type: ignore[misc,arg-type,operator]
    return bytes(out)


@QUIET
@given(st.data())
def test_changed_bytecode_in_a_whole_archive(tmp_path: Path, data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(CONTENT)) as file:
        bytecode = file.read("tiny/bytecode.pkl")
    with contextlib.suppress(PqvError):
        ptl.read(lite(tmp_path / "a.ptl", mutated(data.draw, bytecode)))
