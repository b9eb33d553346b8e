"""Processes that read images ahead: real ones, which are killed, stopped and left waiting."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest
import torch

from pqv_core.engine.data import readers
from pqv_core.engine.data.image_reading import Item, Picture, ReadingRecipe, read
from pqv_core.engine.data.readers import Readers
from pqv_core.errors import Cancelled, DataError
from tests.fakes.training import FORM, Recorder, image_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and named pipes")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def recipe(tmp_path: Path) -> ReadingRecipe:
    return ReadingRecipe(image_folder(tmp_path / "images"), FORM)


def names(recipe: ReadingRecipe) -> list[str]:
    return sorted(path.relative_to(recipe.folder).as_posix() for path in recipe.folder.rglob("*.png"))


def plan(paths: list[str], size: int = 12) -> list[list[Item]]:
    """The images, again and again in batches."""
    items = [Item(0, index, path) for index, path in enumerate(paths)]
    return [items[start : start + size] for start in range(0, len(items), size)]


def pictures(
    reading: Readers, recipe: ReadingRecipe, batches: Iterable[list[Item]], recorder: Recorder
) -> Iterator[Picture]:
    """What is read, in order."""
    for batch in reading.read(recipe, batches, here=lambda item: read(recipe, item), context=recorder.context):
        yield from (picture for _, picture in batch)


def up(reading: Readers, recipe: ReadingRecipe, recorder: Recorder) -> Readers:
    """Begin, which reads the first images here, and wait until the processes are up."""
    list(pictures(reading, recipe, plan(names(recipe)), recorder))
    for greeting in reading._greeting:
        greeting.join()
    assert reading.is_up
    return reading


def same(found: list[Picture], expected: list[Picture]) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in pairs)


@posix
def test_a_process_that_is_killed_is_replaced_and_at_last_this_one_reads_alone(
    recipe: ReadingRecipe, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_REPLACED", 1)
    batches = plan(names(recipe)) * 3
    expected = [read(recipe, item) for batch in batches for item in batch]
    with Readers(1) as reading:
        up(reading, recipe, recorder)
        for replacements in (1, 0):
            [child] = multiprocessing.active_children()
            child.kill()
            assert same(list(pictures(reading, recipe, batches, recorder)), expected)
            assert len(multiprocessing.active_children()) == replacements
        assert same(list(pictures(reading, recipe, batches, recorder)), expected)
    assert len([line for line in recorder.lines if "process ended or could not start" in line]) == 2


@posix
def test_a_lost_process_does_not_let_the_plan_run_away(
    recipe: ReadingRecipe, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training plans all its epochs, and takes the next batch when the one before is there."""
    monkeypatch.setattr(readers, "_REPLACED", 0)
    taken = 0

    def long_plan() -> Iterator[list[Item]]:
        nonlocal taken
        for taken in range(10**6):
            yield plan(names(recipe))[taken % 2]

    with Readers(1) as reading:
        up(reading, recipe, recorder)
        coming = pictures(reading, recipe, long_plan(), recorder)
        for _ in range(24):
            next(coming)
        [child] = multiprocessing.active_children()
        child.kill()
        for _ in range(240):
            next(coming)
        assert taken < 40


@posix
def test_images_that_never_come_end_the_job_in_a_sentence_and_nothing_is_left(
    recipe: ReadingRecipe, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = plan(names(recipe))
    with Readers(1) as reading:
        up(reading, recipe, recorder)
        [child] = multiprocessing.active_children()
        psutil.Process(child.pid).suspend()
        monkeypatch.setattr(readers, "STALL_S", 1.0)
        with pytest.raises(
            DataError, match=r"No image could be read for 1 s: blue/000\.png and the next 7 did not come"
        ) as caught:
            list(pictures(reading, recipe, batches, recorder))
        assert "blue/007.png" in caught.value.details

        monkeypatch.setattr(readers, "STALL_S", 1000.0)
        recorder.context.cancelled.set()
        with pytest.raises(Cancelled):
            list(pictures(reading, recipe, batches, recorder))
    assert multiprocessing.active_children() == []


_OWNER = """
import sys
from pathlib import Path
from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.data.readers import Readers
from pqv_core.engine.data.image_reading import Item, ReadingRecipe, read

def main():
    recipe = ReadingRecipe(Path(sys.argv[1]), Preprocessing(input_size=(3, 32, 32)))
    context = Context(run="r", send=print)
    said = False
    with Readers(2) as reading:
        while True:
            batches = [[Item(0, 0, "red/000.png")] * 8] * 20
            list(reading.read(recipe, batches, here=lambda item: read(recipe, item), context=context))
            if reading.is_up and not said:
                said = True
                print("up", flush=True)

if __name__ == "__main__":
    main()
"""


@posix
@pytest.mark.slow
def test_they_end_with_their_parent(recipe: ReadingRecipe, tmp_path: Path) -> None:
    program = tmp_path / "owner.py"
    program.write_text(_OWNER, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[4])}
    command = [sys.executable, str(program), str(recipe.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
    assert len(family) >= 2
    assert alive == []


@pytest.mark.parametrize(
    ("cores", "card", "sharing", "expected"),
    [
        *[(1, False, 1, 0), (2, False, 1, 0), (4, False, 1, 1), (8, False, 1, 2), (64, False, 1, 8)],
        *[(1, True, 1, 0), (2, True, 1, 1), (8, True, 1, 7), (64, True, 1, 8), (16, True, 4, 3), (8, True, 9, 0)],
    ],
)
def test_as_many_as_the_computer_can_spare(
    monkeypatch: pytest.MonkeyPatch, cores: int, card: bool, sharing: int, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)), raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: card)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    assert Readers(sharing=sharing).count == expected
