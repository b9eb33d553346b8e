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
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Self

import torch

from pqv_core import images
from pqv_core.engine import reader_process
from pqv_core.engine.context import Context
from pqv_core.engine.reading import Chunk, Item, Picture, Recipe, unpacked
from pqv_core.errors import DataError
from pqv_core.silence import Silence

STILL_S = 60.0
"""How long no image may come, of those that are waited for, before the job ends."""

_MOST = 8
_REPLACED = 4
_CHUNK = 8  # images a message: few enough that something is heard often, enough that messages cost little
_LOOK_S = 0.2
_END_S = 2.0  # for a killed process that hangs in the system, on a network drive that is gone

Coming = tuple[Sequence[Item], list[Future[Chunk]]]
"""A batch: what was asked for, and its chunks; none where this process shall read it."""


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
        self._threads: ThreadPoolExecutor | None = None  # each waits for one of the processes
        self._lock = threading.Lock()
        self._closed = False
        self._lost = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_up(self) -> bool:
        """Whether a process can be asked."""
        return any(reader.is_up for reader in self._readers)

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        with self._lock:
            self._closed = True
            for reader in self._readers:
                reader.end()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def read(
        self,
        recipe: Recipe,
        plan: Iterable[Sequence[Item]],
        *,
        here: Callable[[Item], Picture],
        context: Context,
    ) -> Iterator[list[tuple[Item, Picture]]]:
        """The items of each planned batch with their pictures, in order.

        What comes before the processes are up is read in this one, and so is what one of them could not deliver.

        Args:
            here: Reads one image in this process.

        Raises:
            DataError: No image came for a minute.
            Cancelled: The end was asked for.
        """
        coming: deque[Coming] = deque()
        for items in plan:
            coming.append((items, self._asked(recipe, items)))
            while coming and self._is_far_enough_ahead(coming):
                yield self._collected(recipe, *coming.popleft(), here, context)
        while coming:
            yield self._collected(recipe, *coming.popleft(), here, context)

    def _start(self) -> ThreadPoolExecutor:
        self._threads = ThreadPoolExecutor(max(1, self.count), "pqv-reader")
        self._readers = [_Reader() for _ in range(self.count)]
        for reader in self._readers:
            reader.start()
            self._threads.submit(self._greet, reader)
        return self._threads

    def _asked(self, recipe: Recipe, items: Sequence[Item]) -> list[Future[Chunk]]:
        threads = self._threads or self._start()
        if not self.is_up:
            return []
        parts = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
        return [threads.submit(self._chunk, recipe, part) for part in parts]

    def _is_far_enough_ahead(self, coming: deque[Coming]) -> bool:
        """Whether the first batch can be waited for: it is to be read here, or the processes have more to do."""
        own = len(coming[0][1])
        return own == 0 or sum(len(chunks) for _, chunks in coming) - own >= 2 * self.count

    def _collected(
        self,
        recipe: Recipe,
        items: Sequence[Item],
        chunks: Sequence[Future[Chunk]],
        here: Callable[[Item], Picture],
        context: Context,
    ) -> list[tuple[Item, Picture]]:
        try:
            self._wait(recipe, items, chunks, context)
            pictures = [picture for chunk in chunks for picture in unpacked(chunk.result())]
        except ReaderLostError:
            context.log("A process that read images was ended from outside; another one takes over.", level="warning")
            pictures = []
        return list(zip(items, pictures or map(here, items), strict=True))

    def _wait(self, recipe: Recipe, items: Sequence[Item], chunks: Sequence[Future[Chunk]], context: Context) -> None:
        silence, waiting = Silence(), len(chunks)
        while missing := wait(chunks, timeout=_LOOK_S).not_done:
            context.check_cancelled()
            if len(missing) < waiting:
                waiting = len(missing)
                silence.broken()
            elif silence.seconds() >= STILL_S:
                first = next(index for index, chunk in enumerate(chunks) if not chunk.done()) * _CHUNK
                raise _still(recipe, [item.path for item in items[first : first + _CHUNK]])

    # in threads ----------------------------------------------------------------------------------------------

    def _chunk(self, recipe: Recipe, items: Sequence[Item]) -> Chunk:
        reader = self._idle.get()
        if reader is None:
            self._idle.put(None)
            raise ReaderLostError
        try:
            return reader.ask(recipe, items)
        except ReaderLostError:
            self._replace(reader)
            raise
        finally:
            self._give_back(reader)

    def _replace(self, reader: _Reader) -> None:
        with self._lock:
            self._lost += 1
            if self._closed or self._lost > _REPLACED:
                return
            reader.start()
        with contextlib.suppress(ReaderLostError):
            reader.greet()

    def _give_back(self, reader: _Reader) -> None:
        if not reader.is_gone:
            self._idle.put(reader)
        elif all(other.is_gone for other in self._readers):
            self._idle.put(None)

    def _greet(self, reader: _Reader) -> None:
        with contextlib.suppress(ReaderLostError):
            reader.greet()
        self._give_back(reader)


class ReaderLostError(Exception):
    """A process that reads images is gone."""


class _Reader:
    """One process.

    Attributes:
        is_up: It can be asked.
        is_gone: It could not be started, or has ended.
    """

    def __init__(self) -> None:
        self.is_up = self.is_gone = False
        self._process: Any = None
        self._connection: Any = None

    def start(self) -> None:
        """Begin a new process, if the system lets us."""
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=reader_process.serve, args=(theirs,), name="pqv-reader", daemon=True)
        self.is_up = self.is_gone = False
        try:
            self._process.start()
        except OSError:
            self._process, self.is_gone = None, True
        finally:
            theirs.close()  # so that the end of that process is the end of the connection

    def greet(self) -> None:
        """Wait until the process is up.

        Raises:
            ReaderLostError: It never comes.
        """
        with self._losing():
            self.is_up = self._connection.recv()

    def ask(self, recipe: Recipe, items: Sequence[Item]) -> Chunk:
        """Have images read.

        Raises:
            ReaderLostError: The process is gone.
        """
        with self._losing():
            self._connection.send((recipe, items))
            chunk: Chunk = self._connection.recv()
        return chunk

    def end(self) -> None:
        """Kill the process; whoever waits for its answer is told that it is lost."""
        self.is_up, self.is_gone = False, True
        if self._process is not None:
            self._process.kill()
            self._process.join(_END_S)

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            self.end()
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
    return min(_MOST, mine - 1 if has_card else mine // 4)


def _still(recipe: Recipe, paths: Sequence[str]) -> DataError:
    others = f" and {len(paths) - 1} after it" if len(paths) > 1 else ""
    return DataError(
        f"Reading images has stood still for {STILL_S:.0f} s, at {images.shown(paths[0])}{others}.",
        action="Check the disk or the network drive with the images, then run again: what is finished is kept.",
        details=f"In {images.shown(recipe.folder)}:\n" + "\n".join(images.shown(path) for path in paths),
    )
