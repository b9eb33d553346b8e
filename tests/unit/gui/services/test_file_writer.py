"""Of each file the newest content is the last on the disk; nobody waits for ever; one disk does not stop another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.errors import PqvError, StorageError
from pqv_gui.services import file_writer as writers
from pqv_gui.services.file_writer import FileWriter

ONE, OTHER = Path("one"), Path("other")


class Disk:
    """Writes a generation when it is let; ``here`` is reached once one is being written."""

    def __init__(self) -> None:
        self.let, self.here = threading.Semaphore(0), threading.Semaphore(0)
        self.content: list[int] = []

    def work(self, generation: int) -> Callable[[], None]:
        def write() -> None:
            self.here.release()
            self.let.acquire()
            self.content.append(generation)

        return write


@pytest.fixture
def writer() -> Iterator[FileWriter]:
    made = FileWriter(told=lambda: None)
    yield made
    assert made.wait()


def put(writer: FileWriter, disk: Disk, generation: int, told: list[int], path: Path = ONE) -> None:
    def failed(error: PqvError) -> None:
        raise AssertionError(error)

    writer.put(path, disk.work(generation), done=lambda: told.append(generation), failed=failed)


def test_what_waits_gives_way_to_what_is_newer(writer: FileWriter) -> None:
    disk, told = Disk(), list[int]()
    put(writer, disk, 1, told)
    disk.here.acquire()
    for generation in (2, 3, 4):
        put(writer, disk, generation, told)
    disk.let.release(2)
    assert writer.wait(ONE)
    writer.deliver()
    assert disk.content == told == [1, 4]


@given(st.lists(st.sampled_from(["put", "let"]), max_size=30))
def test_no_older_content_comes_after_a_newer_one(steps: list[str]) -> None:
    writer, disk, told = FileWriter(told=lambda: None), Disk(), list[int]()
    last = 0
    for step in steps:
        if step == "put":
            put(writer, disk, last := last + 1, told)
        else:
            disk.let.release()
    disk.let.release(1 + len(steps))
    assert writer.wait(ONE)
    assert disk.content == sorted(set(disk.content))
    assert disk.content[-1:] == ([last] if last else [])


def test_a_file_on_a_disk_that_does_not_answer_keeps_no_other_waiting(
    writer: FileWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "PATIENCE_S", 0.05)
    dead, disk, told = Disk(), Disk(), list[int]()
    put(writer, dead, 1, told, OTHER)
    disk.let.release()
    writer.now(ONE, disk.work(2))
    assert disk.content == [2]
    with pytest.raises(StorageError, match="The disk is not responding: other is still being written"):
        writer.now(OTHER, dead.work(3))
    assert not writer.wait()
    monkeypatch.undo()
    dead.let.release(2)
    assert writer.wait(OTHER)
    assert dead.content == [1, 3]


def test_a_failure_is_told_where_it_is_waited_for_and_where_it_is_not(writer: FileWriter) -> None:
    def full() -> None:
        raise StorageError("The disk is full.")

    told: list[str] = []
    writer.put(ONE, full, done=lambda: told.append("done"), failed=lambda error: told.append(error.message))
    assert writer.wait(ONE)
    writer.deliver()
    assert told == ["The disk is full."]
    with pytest.raises(StorageError, match="disk is full"):
        writer.now(ONE, full)
    with pytest.raises(PqvError, match="unexpected error") as caught:
        writer.now(ONE, lambda: [][0])
    assert "IndexError" in caught.value.details


def test_what_is_done_afterwards_waits_for_the_last_content(writer: FileWriter) -> None:
    disk, told = Disk(), list[int]()
    writer.afterwards(ONE, lambda: disk.content.append(-1))
    put(writer, disk, 1, told)
    disk.here.acquire()
    writer.afterwards(ONE, lambda: disk.content.append(-2))
    put(writer, disk, 2, told)
    disk.let.release(2)
    assert writer.wait(ONE)
    assert disk.content == [-1, 1, 2, -2]


def test_after_the_end_nobody_is_told(writer: FileWriter) -> None:
    disk, told = Disk(), list[int]()
    put(writer, disk, 1, told)
    disk.let.release()
    writer.close()
    writer.deliver()
    assert (disk.content, told) == ([1], [])
