"""A file for Linux keeps its heap: large results come from it, and are not mapped anew at each inference."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pqv_core.engine.formats.ptl import lite_session as lite
from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.formats.ptl import ptl_file as ptl

SHAPE = (1, 3, 8, 8)

# After one inference: how many regions a block of 20 MB adds to those that malloc has mapped (mallinfo(3)).
COUNT = """
import ctypes, sys, torch
from pathlib import Path
from pqv_core.engine.formats.ptl import lite_session as lite

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena a b regions bytes c d e f g".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype, libc.malloc.restype, libc.malloc.argtypes = Info, ctypes.c_void_p, [ctypes.c_size_t]
lite.open_file(Path(sys.argv[1]), engine="").run(torch.zeros(1, 3, 8, 8))
before = libc.mallinfo2().regions
libc.malloc(20_000_000)
print(libc.mallinfo2().regions - before)
"""


class Sum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x + 1).flatten(1)


def regions(path: Path) -> int:
    ran = subprocess.run([sys.executable, "-c", COUNT, str(path)], capture_output=True, text=True, check=True)
    return int(ran.stdout)


def saved(folder: Path, *, keep_heap: bool) -> Path:
    path = folder / f"{keep_heap}.ptl"
    example = torch.zeros(SHAPE)
    lite_writer.save(Sum().eval(), path, example=example, passes="freeze", description={}, keep_heap=keep_heap)
    return path


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="this malloc tells nothing of itself"
)
def test_large_blocks_come_from_the_heap_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    assert regions(saved(tmp_path, keep_heap=False)) == 1
    assert regions(saved(tmp_path, keep_heap=True)) == 0


def test_the_answers_are_the_same_and_the_file_only_names_one_more_operator(tmp_path: Path) -> None:
    plain, keeping = saved(tmp_path, keep_heap=False), saved(tmp_path, keep_heap=True)
    images = torch.randn(SHAPE)
    first, second = (lite.open_file(path, engine="").run(images) for path in (plain, keeping))
    assert torch.equal(first, second)
    assert set(ptl.read(keeping).operators) - set(ptl.read(plain).operators) == {"aten::empty.memory_format"}
