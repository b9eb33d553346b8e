"""Processes that read images ahead, while this one computes.

They are started anew on every system, never forked: a forked process inherits the locks that threads hold, and waits
for them for ever. Until they are up, which takes seconds, images are read here. All sets of images of a job are read by
the same few processes, which end with the job, or within moments of this process.

Each has a connection of its own, unlike those of ``ProcessPoolExecutor``: one that is killed while it writes into a
shared queue stops them all.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch

from pqv_core.data import images
from pqv_core.engine.data import reader_process
from pqv_core.engine.data.image_reading import Chunk, Item, Picture, ReadingRecipe, unpacked
from pqv_core.errors import DataError
from pqv_core.process.events import Level
from pqv_core.process.silence import SilenceTimer

STALL_S = 60.0
"""How long no image may come, while some are waited for, before the job ends."""

_MOST = 8
_REPLACED = 4
_CHUNK = 8  # images a message
_LOOK_S = 0.2
_END_S = 2.0  # for a killed process that hangs in the system, on a network drive that is gone


@dataclass(frozen=True)
class ReadTask:
    """Images that were asked for together, and what comes of them; None where this process reads them itself."""

    items: Sequence[Item]
    chunk: Future[Chunk] | None


class ReadingContext(Protocol):
    """What reading needs of the job that it works for (``engine/context.py``, which holds the readers)."""

    def check_cancelled(self) -> None: ...
    def log(self, text: str, *, level: Level = "info") -> None: ...


class Readers:
    """Used as a context manager; nothing of it is left afterwards. Starts no process before there is something to read.

    Args:
        count: How many processes; by default as many as this computer can spare, which may be none.
        sharing: How many processes like this one share the computer.
    """

    def __init__(self, count: int | None = None, *, sharing: int = 1) -> None:
        self.count = spare_cores(sharing=sharing) if count is None else count
        self._readers: list[_Reader] = []
        self._idle: queue.SimpleQueue[_Reader | None] = queue.SimpleQueue()  # None, which stays: there is none left
        self._threads: ThreadPoolExecutor | None = None  # each waits for the answer of one of the processes
        self._greeting: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False
        self._lost = self._lost_untold = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_up(self) -> bool:
        """Whether a process can be asked."""
        return any(reader.is_up for reader in self._readers)

    @property
    def _are_gone(self) -> bool:
        return all(reader.is_gone for reader in self._readers)

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        with self._lock:
            self._closed = True
        for reader in self._readers:
            reader.kill()
        until = time.monotonic() + _END_S
        for reader in self._readers:
            reader.join(max(0.0, until - time.monotonic()))
        self._idle.put(None)
        for thread in self._greeting:
            thread.join()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def read(
        self,
        recipe: ReadingRecipe,
        plan: Iterable[Sequence[Item]],
        *,
        here: Callable[[Item], Picture],
        context: ReadingContext,
    ) -> Iterator[list[tuple[Item, Picture]]]:
        """The items of each planned batch with their pictures, in order.

        What comes before the processes are up is read in this one, and so is what one of them could not deliver.

        Args:
            here: Reads one image in this process.

        Raises:
            DataError: No image came for a minute.
            Cancelled: The end was asked for.
        """
        coming: deque[list[ReadTask]] = deque()
        for items in plan:
            self._tell(context)
            coming.append(self._asked(recipe, items))
            while coming and self._is_far_enough_ahead(coming):
                yield list(self._collected(recipe, coming.popleft(), here, context))
        while coming:
            yield list(self._collected(recipe, coming.popleft(), here, context))

    def _asked(self, recipe: ReadingRecipe, items: Sequence[Item]) -> list[ReadTask]:
        self._start_once()
        if not self.is_up or self._threads is None:
            return [ReadTask(items, None)]
        parts = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
        return [ReadTask(part, self._threads.submit(self._chunk, recipe, part)) for part in parts]

    def _is_far_enough_ahead(self, coming: deque[list[ReadTask]]) -> bool:
        """Whether the first batch can be waited for: the processes have enough to do, or there are none."""
        return not self.is_up or sum(map(len, coming)) - len(coming[0]) >= 2 * self.count

    def _collected(
        self, recipe: ReadingRecipe, parts: Sequence[ReadTask], here: Callable[[Item], Picture], context: ReadingContext
    ) -> Iterator[tuple[Item, Picture]]:
        for part in parts:
            pictures = self._delivered(recipe, part, context) if part.chunk is not None else None
            yield from zip(part.items, pictures if pictures is not None else map(here, part.items), strict=True)

    def _delivered(self, recipe: ReadingRecipe, part: ReadTask, context: ReadingContext) -> list[Picture] | None:
        """What a process has read; None where it was lost."""
        assert part.chunk is not None
        silence, beats = SilenceTimer(), self._beats
        while wait([part.chunk], timeout=_LOOK_S).not_done:
            context.check_cancelled()
            if self._beats != beats:
                beats = self._beats
                silence.reset()
            elif silence.seconds() >= STALL_S:
                raise _stalled(recipe, [item.path for item in part.items])
        try:
            return unpacked(part.chunk.result())
        except ReaderLostError:
            return None

    def _tell(self, context: ReadingContext) -> None:
        """Say once of each loss that there was one."""
        lost, self._lost_untold = self._lost_untold, 0
        if lost:
            text = "An image-reading process ended or could not start; the others take over its images."
            context.log(text, level="warning")

    @property
    def _beats(self) -> int:
        """Grows with each image that any of the processes has read."""
        return sum(reader.beats for reader in self._readers)

    def _start_once(self) -> None:
        if self._threads is not None or self._closed:
            return
        self._threads = ThreadPoolExecutor(max(1, self.count), "pqv-reader")
        self._readers = [_Reader() for _ in range(self.count)]
        for reader in self._readers:
            self._begin(reader)

    def _begin(self, reader: _Reader) -> None:
        reader.start()
        self._greeting.append(threading.Thread(target=self._greet, args=(reader,), name="pqv-reader-greeting"))
        self._greeting[-1].start()

    # in threads ----------------------------------------------------------------------------------------------

    def _greet(self, reader: _Reader) -> None:
        try:
            reader.greet()
        except ReaderLostError:
            self._lost_untold += not self._closed
        self._give_back(reader)

    def _chunk(self, recipe: ReadingRecipe, items: Sequence[Item]) -> Chunk:
        while (reader := self._idle.get()) is None:
            with self._lock:
                if self._closed or self._are_gone:
                    self._idle.put(None)
                    raise ReaderLostError
        try:
            chunk = reader.ask(recipe, items)
        except ReaderLostError:
            self._replace(reader)
            raise
        self._give_back(reader)
        return chunk

    def _replace(self, reader: _Reader) -> None:
        with self._lock:
            self._lost += 1
            self._lost_untold += 1
            if not self._closed and self._lost <= _REPLACED:
                self._begin(reader)
                return
        self._give_back(reader)

    def _give_back(self, reader: _Reader) -> None:
        if not reader.is_gone:
            self._idle.put(reader)
        elif self._are_gone:
            self._idle.put(None)


class ReaderLostError(Exception):
    """A process that reads images is gone."""


class _Reader:
    """One process.

    Attributes:
        is_up: It can be asked.
        is_gone: It could not be started, or has ended.
        beats: Grows with each image that it has read.
    """

    def __init__(self) -> None:
        self.is_up = self.is_gone = False
        self.beats = 0
        self._process: Any = None
        self._connection: Any = None

    def start(self) -> None:
        """Begin a new process, if the system lets us."""
        spawn = multiprocessing.get_context("spawn")
        self.is_up = self.is_gone = False
        try:
            self._connection, theirs = spawn.Pipe()
            process = spawn.Process(target=reader_process.serve, args=(theirs,), name="pqv-reader", daemon=True)
            with theirs:  # closed here, so that the end of that process is the end of the connection
                process.start()
            self._process = process
        except OSError:
            self.is_gone = True

    def greet(self) -> None:
        """Wait until the process is up.

        Raises:
            ReaderLostError: It never comes.
        """
        with self._losing():
            self._answer()
        self.is_up = not self.is_gone

    def ask(self, recipe: ReadingRecipe, items: Sequence[Item]) -> Chunk:
        """Have images read.

        Raises:
            ReaderLostError: The process is gone.
        """
        with self._losing():
            self._connection.send((recipe, items))
            while (chunk := self._answer()) is None:
                self.beats += 1
        return chunk

    def kill(self) -> None:
        """End the process; whoever waits for its answer is told that it is lost."""
        self.is_up, self.is_gone = False, True
        if self._process is not None:
            self._process.kill()

    def join(self, seconds: float = _END_S) -> None:
        """Wait until the system has forgotten the process, unless it hangs in the system."""
        if self._process is not None:
            self._process.join(seconds)

    def _answer(self) -> Chunk | None:
        """What the process says next. Its end is looked for as well: it does not always end the connection."""
        while not self._connection.poll(_LOOK_S):
            if self.is_gone or not self._process.is_alive():
                raise EOFError
        answer: Chunk | None = self._connection.recv()
        return answer

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        if self.is_gone:
            raise ReaderLostError
        try:
            yield
        except (EOFError, OSError) as error:
            self.kill()
            self.join()
            self._connection.close()
            raise ReaderLostError from error


def spare_cores(*, sharing: int = 1) -> int:
    """How many processes may read while this one computes.

    A graphics card leaves the cores free. A model on the processor itself takes them all, and then a process that reads
    takes as much from the model as it gives, until there are enough of them.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    mine = cores // max(1, sharing)
    has_card = torch.cuda.is_available() or torch.backends.mps.is_available()
    return max(0, min(_MOST, mine - 1 if has_card else mine // 4))


def _stalled(recipe: ReadingRecipe, paths: Sequence[str]) -> DataError:
    others = f" and the next {len(paths) - 1}" if len(paths) > 1 else ""
    return DataError(
        f"No image could be read for {STALL_S:.0f} s: {images.shown(paths[0])}{others} did not come.",
        action="Check the disk or the network drive with the images, then run again: finished work is kept.",
        details=f"In {images.shown(recipe.folder)}:\n" + "\n".join(images.shown(path) for path in paths),
    )
