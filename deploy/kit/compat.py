"""Whether a file can run on a phone, before anything is pushed: all problems at once, each with its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from deploy.device.info import DeviceInfo
from deploy.kit.kit import FormatFile
from pqv_core import formats
from pqv_core.formats import FileFormatError
from pqv_core.formats.base import Problem, Runtime


def problems(
    file: FormatFile | None, runtime: Runtime, info: DeviceInfo, *, abis: Sequence[str], needed_bytes: int
) -> list[Problem]:
    """Every reason why the file cannot run there, as (problem, remedy).

    Args:
        file: None where only phone and runtime are in question.
        abis: Those that a runner exists for.
        needed_bytes: Of everything that would be pushed.
    """
    found = [*_device(runtime, info, abis), *_space(info, needed_bytes)]
    return [*file[0].problems(file[1], runtime), *found] if file else found


def refusal(path: Path, *, version: str, runtime: Runtime | None, cancelled: Callable[[], bool]) -> str:
    """Why no phone with this runtime can run the file, as far as is known without one; empty where it can.

    Args:
        version: Of the runtime, for the format that has it.
        runtime: In place of the version.

    Raises:
        StorageError: It cannot be read.
        Cancelled: ``cancelled`` said so.
    """
    try:
        found, facts = formats.read(path, cancelled=cancelled)
        found.check_input(facts, path.name)
    except FileFormatError as error:
        return error.message
    chosen = runtime or formats.chosen_runtime(found, version)
    return next((problem for problem, _ in found.problems(facts, chosen)), "")


def choose_abi(info: DeviceInfo, runtime: Runtime, abis: Sequence[str]) -> str | None:
    """The first ABI of the phone for which there are a runner and libraries."""
    return next((abi for abi in info.abis if abi in abis and abi in runtime.abis), None)


def _device(runtime: Runtime, info: DeviceInfo, abis: Sequence[str]) -> Iterator[Problem]:
    if not info.abis:
        yield "The phone does not report its processor.", "Replug it and try again."
    elif not set(info.abis) & set(runtime.abis):
        yield (
            f"The Android runtime {runtime.version} has no libraries for this phone's processor "
            f"({', '.join(info.abis)}), only for {_listed(runtime.abis)}.",
            "Export the model in another format for this phone.",
        )
    elif choose_abi(info, runtime, abis) is None:
        yield (
            f"There is no benchmark program for this phone's processor ({', '.join(info.abis)}).",
            "Build one with: pqv runner build.",
        )
    if info.page_size and info.page_size > runtime.page_size:
        yield (
            f"The phone uses memory pages of {info.page_size // 1024} KB; the libraries of the Android runtime "
            f"{runtime.version} are built for {runtime.page_size // 1024} KB.",
            "Choose a newer runtime (pqv runner info), or switch the phone to 4 KB pages in its developer options.",
        )
    if info.sdk is not None and info.sdk < runtime.api_level:
        yield (
            f"The phone has API level {info.sdk} of Android; the Android runtime {runtime.version} needs "
            f"{runtime.api_level}.",
            "Update the phone, or export the model in another format for it.",
        )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _space(info: DeviceInfo, needed: int) -> Iterator[Problem]:
    if info.free_bytes is not None and info.free_bytes < needed:
        yield (
            f"The phone has {info.free_bytes / 1e6:.0f} MB free; {needed / 1e6:.0f} MB are needed.",
            "Free some space on the phone.",
        )
