"""Latency, memory, load time and operators of exported files on this computer, each file in a clean process of its own.

The processes take turns, and who is not at it is at rest, so that no figure depends on which other files are measured.
Nor does one depend on who lets threads spin: each file is timed under the wait policy in which it is quicker
(``pqv_core/results/wait_policy.py``). One measurement at a time runs on a computer
(``pqv_core/process/measuring_lock.py``).
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch
from torch import Tensor

from pqv_core.engine.context import Context
from pqv_core.engine.measure import environment
from pqv_core.engine.measure import file_client as file_client
from pqv_core.engine.measure.file_client import ExportedFile, FileClient
from pqv_core.engine.measure.file_process import FileReply
from pqv_core.engine.models import tensorfile
from pqv_core.process import measuring_lock
from pqv_core.process.events import LatencySample
from pqv_core.results import wait_policy
from pqv_core.results.interleaving import rounds
from pqv_core.results.record import Measurement, OperatorTime

MIN_ITERATIONS = 5
T = TypeVar("T")
Answer = Callable[[Tensor], Tensor]
_STARTED_AT_ONCE = 4  # starting takes longer than what each does first
_ASKED_AT_ONCE = 8
_TRIALS, _TRIAL_INFERENCES, _TRIAL_S = 4, 3, 5.0
_PREPARING = {True: 0.3, False: 0.75}  # share of the whole, about: to choose, few inferences of many files are made
_CLEARLY = 3.0  # as many times as long: no disturbance of three inferences


@dataclass(frozen=True)
class BenchmarkPlan:
    """How files are timed.

    Attributes:
        input_shape: Batch first.
        warmup: Untimed inferences per file.
        iterations: Timed inferences per file.
        max_seconds: Time box of the loop, beyond which ``min_iterations`` of each file are made.
    """

    input_shape: tuple[int, ...]
    threads: int
    warmup: int
    iterations: int
    max_seconds: float
    min_iterations: int = MIN_ITERATIONS


@dataclass
class Timing:
    """What one interleaved loop gave for one file under one wait policy."""

    policy: str
    loaded: FileReply
    samples_ns: list[int] = field(default_factory=list)


def measure(
    files: Sequence[ExportedFile], plan: BenchmarkPlan, *, context: Context
) -> dict[str, tuple[Measurement, ...]]:
    """Measure files in one interleaved loop, and the memory that each takes.

    Returns:
        By the file's key: a measurement, or one for each wait policy, the quickest last. All carry one ``loop`` id.

    Raises:
        BenchmarkError: A file could not be run, or a measuring process died.
    """
    with _exclusive(context):
        busy = environment.busy()  # this process only waits: it is others that work
        timings = _time(files, plan, context=context, live=True)
    loop = secrets.token_hex(4)
    found = {
        file.key: tuple(
            Measurement(
                loop=loop,
                engine=file.engine,
                wait_policy=timing.policy,
                threads=plan.threads,
                batch=plan.input_shape[0],
                warmup=plan.warmup,
                samples_ns=tuple(timing.samples_ns),
                load_ns=timing.loaded.load_ns,
                busy=busy,
                base_rss_bytes=timing.loaded.base_bytes,
                peak_rss_bytes=timing.loaded.peak_bytes,
            )
            for timing in timings[file.key]
        )
        for file in files
    }
    return {key: tuple(sorted(several, key=lambda item: -item.median_ns)) for key, several in found.items()}


def samples(files: Sequence[ExportedFile], plan: BenchmarkPlan, *, context: Context) -> dict[str, list[int]]:
    """Nanoseconds of each inference in one interleaved loop, by ``ExportedFile.key``, to choose between files.

    Each file is timed under the wait policy in which it is quicker, as ``measure`` will.

    Raises:
        BenchmarkError: A file could not be run, or a measuring process died.
    """
    with _exclusive(context):
        timings = _time(files, plan, context=context, live=False)
    return {key: several[0].samples_ns for key, several in timings.items()}


def profile(
    files: Sequence[ExportedFile],
    *,
    input_shape: tuple[int, ...],
    threads: int,
    policies: Mapping[str, str],
    context: Context,
) -> dict[str, tuple[OperatorTime, ...]]:
    """Time of each operator in one inference and of what passes between them, by the file's key; the longest first.

    Args:
        policies: The wait policy of each file, by its key.

    Raises:
        BenchmarkError: A file could not be run, or a measuring process died.
    """
    found: dict[str, tuple[OperatorTime, ...]] = {}
    with _exclusive(context):
        for some in _batches([(file, policies[file.key]) for file in files], _STARTED_AT_ONCE):
            with contextlib.ExitStack() as stack:
                for (file, _), client in zip(
                    some, _started(stack, [policy for _, policy in some], threads, context), strict=True
                ):
                    client.load(file, input_shape=input_shape)
                    found[file.key] = client.profile().operators
                    client.close()
                    context.progress(len(found), len(files), unit="files")
    return found


def answers(
    files: Sequence[ExportedFile], inputs: Tensor, *, threads: int, scratch: Path, context: Context
) -> dict[str, Tensor]:
    """Logits (N, classes) of each file for inputs (N, C, H, W), asked one by one, by ``ExportedFile.key``.

    One process loads the files one after another.

    Args:
        scratch: Folder for the tensors that go to the process and back.

    Raises:
        BenchmarkError: A file could not be run, or the process died.
    """
    found, total = {}, len(files) * len(inputs)
    with _answering(threads, scratch, context) as ask:
        for number, file in enumerate(files):
            answer, parts = ask(file), []
            for group in inputs.split(_ASKED_AT_ONCE):
                parts.append(answer(group))
                done = number * len(inputs) + sum(map(len, parts))
                context.progress(done, total, unit="answers")
            found[file.key] = torch.cat(parts)
    return found


@contextlib.contextmanager
def answering(file: ExportedFile, *, threads: int, scratch: Path, context: Context) -> Iterator[Answer]:
    """A function from images (N, C, H, W) to the logits (N, classes) of a file, which a process is asked one by one.

    Args:
        scratch: As in ``answers``.

    Raises:
        BenchmarkError: As ``answers``, also by the function.
    """
    with _answering(threads, scratch, context) as ask:
        yield ask(file)


@contextlib.contextmanager
def _answering(threads: int, scratch: Path, context: Context) -> Iterator[Callable[[ExportedFile], Answer]]:
    """Loads a file into a process that answers. Its threads sleep while they wait: nobody looks at the time."""
    asked, answered = scratch / "inputs.safetensors", scratch / "logits.safetensors"
    with FileClient(policy=wait_policy.PASSIVE, threads=threads, context=context) as client:

        def answer(inputs: Tensor) -> Tensor:
            tensorfile.write(asked, {"inputs": inputs}, {})
            client.answer(asked, answered)
            return tensorfile.read(answered)[0]["logits"]

        def ask(file: ExportedFile) -> Answer:
            client.load(file)
            return answer

        yield ask


def _exclusive(context: Context) -> contextlib.AbstractContextManager[None]:
    title = context.title or f"the job {context.run}"
    return measuring_lock.held(title, say=context.log, warn=context.warn, check=context.check_cancelled)


def _time(
    files: Sequence[ExportedFile], plan: BenchmarkPlan, *, context: Context, live: bool
) -> dict[str, list[Timing]]:
    """By key, what one loop gave: under the wait policy that a short trial found quicker, first of all."""
    with contextlib.ExitStack() as stack:
        timed: dict[str, list[tuple[Timing, FileClient]]] = {}
        with context.part(context.current_part or "prepare", 0.0, _PREPARING[live]):
            for file, some in _prepared(stack, files, plan, context):
                timed[file.key] = some
                context.progress(len(timed), len(files), unit="files" if live else "candidates")
        with context.part(context.current_part, _PREPARING[live], 1.0):
            _loop(timed, plan, context=context, live=live)
    return {key: [timing for timing, _ in some] for key, some in timed.items()}


def _loop(
    timed: dict[str, list[tuple[Timing, FileClient]]], plan: BenchmarkPlan, *, context: Context, live: bool
) -> None:
    entries = [(key, timing, client) for key, some in timed.items() for timing, client in some]
    total, done = len(entries) * plan.iterations, 0
    began = time.monotonic()
    for number, order in enumerate(rounds(entries, iterations=plan.iterations)):
        spent = time.monotonic() - began
        least = all(len(timing.samples_ns) >= plan.min_iterations for _, timing, _ in entries)
        if number and least and spent + spent / number > plan.max_seconds:
            break
        for (key, timing, client), count in order:
            taken = client.measure(count)
            if live and timing is timed[key][0][0]:
                _tell(context, key, taken, begun=len(timing.samples_ns))
            timing.samples_ns += taken
            done += count
            share = max(done / total, (time.monotonic() - began) / max(plan.max_seconds, 1e-3))
            context.progress(done, total, unit="inferences", share=share)


def _tell(context: Context, key: str, taken: Sequence[int], *, begun: int) -> None:
    for index, ns in enumerate(taken, start=begun):
        context.send(LatencySample(run=context.run, role=key, index=index, ns=ns))


def _prepared(
    stack: contextlib.ExitStack, files: Sequence[ExportedFile], plan: BenchmarkPlan, context: Context
) -> Iterator[tuple[ExportedFile, list[tuple[Timing, FileClient]]]]:
    """Each file with its processes, warm and at rest, the quickest first; those that will not be timed are gone."""
    policies = wait_policy.worth_trying(plan.threads)
    for some in _batches(files, max(1, _STARTED_AT_ONCE // len(policies))):
        clients = iter(_started(stack, list(policies) * len(some), plan.threads, context))
        for file in some:
            ways = [
                (Timing(client.policy, client.load(file, input_shape=file.input_shape or plan.input_shape)), client)
                for client in itertools.islice(clients, len(policies))
            ]
            if len(ways) > 1:
                ways = _tried(ways)
            if not file.every_policy:
                for _, client in ways[1:]:
                    client.close()
                del ways[1:]
            for _, client in ways:
                client.measure(plan.warmup)
            yield file, ways


def _tried(ways: list[tuple[Timing, FileClient]]) -> list[tuple[Timing, FileClient]]:
    """The same in the order of their speed, by a few inferences in turns.

    The sum of medians counts, not the least: on a busy computer threads that spin are quick now and very slow then.
    """
    spent = [0.0] * len(ways)
    began = time.monotonic()
    for _ in range(_TRIALS):
        for index, (_, client) in enumerate(ways):
            spent[index] += median(client.measure(_TRIAL_INFERENCES))
        if max(spent) > _CLEARLY * min(spent) or time.monotonic() - began > _TRIAL_S:
            break
    return [ways[index] for index in sorted(range(len(ways)), key=lambda index: spent[index])]


def _started(stack: contextlib.ExitStack, policies: Sequence[str], threads: int, context: Context) -> list[FileClient]:
    """A process for each of the policies, all of which have started."""
    file_client.prepare(policies)
    clients = [stack.enter_context(FileClient(policy=policy, threads=threads, context=context)) for policy in policies]
    for client in clients:
        client.ready()
    return clients


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))
