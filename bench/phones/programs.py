"""The programs that measure files as on a phone: ours as it ships, and the bare loops, built here."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.job import Job
from deploy.kit import programs, runtimes
from deploy.kit.build import settings
from deploy.measure.runner import PROGRAM
from pqv_core.formats import FORMATS
from pqv_core.formats.base import Archive, Runtime

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "android_runner"
WARMUP = 3
_TFLITE = Archive(
    source="maven",
    coordinates="org.tensorflow:tensorflow-lite:2.16.1",
    sha256="34b065817e294e7dd3569504e8b9454938ceae453b6a459da54d5f6e45d3c94e",
    size_bytes=6230530,
    libraries={"libtensorflowlite_jni.so": "jni/{abi}/libtensorflowlite_jni.so"},
)


@dataclass(frozen=True)
class Program:
    """What measures a kind of files.

    Attributes:
        words: What starts it.
        is_ours: It is the product's program; else a bare loop, which prints nanoseconds a line.
    """

    words: tuple[str, ...]
    is_ours: bool

    def command(self, file: Path, *, shape: str, threads: int, iterations: int) -> list[str]:
        """The words that measure a file."""
        if not self.is_ours:
            return [*self.words, str(file), shape, str(WARMUP), str(iterations), str(threads)]
        words = [*self.words, "--json", "--model", str(file), "--input-shape", shape, "--threads", str(threads)]
        return [*words, "--warmup", str(WARMUP), "--min-iters", str(iterations), "--max-seconds", "600"]


def runtime(kind: str) -> Runtime:
    """What runs files of a kind: ``ptl``, ``pte`` or ``tflite``. The last needs the C++ library of the second."""
    if kind != "tflite":
        return FORMATS[kind].runtime(FORMATS[kind].default_runtime)
    pte = runtime("pte")
    shared = next(archive for archive in pte.archives if "libc++_shared.so" in archive.libraries)
    return Runtime(version="2.16.1", program="tflite", archives=(shared, _TFLITE), abis=pte.abis)


class Programs:
    """Programs for one ABI, each in a folder with the libraries that it needs.

    Args:
        android: A folder with ``run-ABI``, which starts a program under a bionic, and ``toolchain-ABI.cmake``.
        folder: Where they are put together and built.
    """

    def __init__(self, android: Path, abi: str, folder: Path) -> None:
        self._wrapper, self._toolchain = android / f"run-{abi}", android / f"toolchain-{abi}.cmake"
        self._abi, self._folder = abi, folder

    def ours(self, kind: str) -> Program:
        """The product's program, as it ships, for ``ptl`` or ``pte``."""
        return self._placed(kind, programs.verified(runtime(kind).program, self._abi), is_ours=True)

    def bare(self, kind: str) -> Program:
        """The bare loop for files of a kind."""
        name = {"ptl": "bare_loop", "pte": "bare_loop_executorch", "tflite": "bare_loop_tflite"}[kind]
        return self._placed(kind, self._built() / "bench" / name, is_ours=False)

    def _placed(self, kind: str, program: Path, *, is_ours: bool) -> Program:
        found, place = runtime(kind), self._folder / kind
        place.mkdir(parents=True, exist_ok=True)
        for library in runtimes.libraries(found, self._abi, runtimes.archives(found, Job())):
            shutil.copy(library, place)
        path = place / (PROGRAM if is_ours else program.name)
        shutil.copy(program, path)
        return Program((str(self._wrapper), str(path)), is_ours)

    def _built(self) -> Path:
        """The build folder of the bare loops, brought up to date."""
        build = self._folder / "loops"
        given, names = [], []
        for kind in ("ptl", "pte"):
            found = runtime(kind)
            names.append(found.program)
            given += settings(found, runtimes.archives(found, Job()))[1:]
        tflite = runtimes.archives(runtime("tflite"), Job())[-1]
        words = ["cmake", "-S", str(SOURCES), "-B", str(build), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"]
        words += [f"-DCMAKE_TOOLCHAIN_FILE={self._toolchain}", f"-DANDROID_ABI={self._abi}", *given]
        words += [f"-DPQV_BACKENDS={';'.join(names)}", "-DPQV_TESTS=ON", f"-DPQV_TFLITE={tflite}"]
        words += ["-DPQV_RUNTIME_VERSION=bench"]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        loops = ("bare_loop", "bare_loop_executorch", "bare_loop_tflite")
        subprocess.run(["cmake", "--build", str(build), "--target", *loops], check=True, stdout=subprocess.DEVNULL)
        return build
