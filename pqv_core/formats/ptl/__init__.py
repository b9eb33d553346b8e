"""PyTorch Lite (``.ptl``): the files of the Lite Interpreter, which PyTorch Mobile runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pqv_core.files.archive import never
from pqv_core.files.kind import Kind
from pqv_core.files.resource_files import texts
from pqv_core.formats.base import FileFacts, Format, Problem, Runtime
from pqv_core.formats.ptl import android_runtime, facts, ptl_file
from pqv_core.formats.ptl.android_runtime import LiteRuntime
from pqv_core.formats.ptl.ptl_file import LiteFile
from pqv_core.formats.ptl.size import file_bytes
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import Cost


class PyTorchLite(Format):
    """The format of the paper."""

    key = "ptl"
    label = "PyTorch Lite"
    sentence = "For PyTorch Mobile’s Lite Interpreter, on Android and on this computer."
    suffix = ".ptl"
    kind = Kind.LITE
    implementation = "pqv_core.engine.formats.ptl.lite_session:open_file"
    exporter = "pqv_core.engine.formats.ptl.lite_exporter:LiteExporter"
    engines = {"host": ("auto", "onednn", "x86", "fbgemm", "qnnpack"), "android": ("auto", "qnnpack")}  # noqa: RUF012
    default_runtime = android_runtime.DEFAULT
    order = 1

    def read(self, path: Path, *, cancelled: Callable[[], bool] = never) -> LiteFile:
        """As ``Format.read``."""
        return ptl_file.read(path, cancelled=cancelled)

    def rows(self, found: FileFacts) -> list[tuple[str, str]]:
        """As ``Format.rows``."""
        assert isinstance(found, LiteFile)
        return facts.rows(found)

    def runtimes(self) -> Sequence[str]:
        """Versions of PyTorch's runtime for Android."""
        return android_runtime.versions()

    def runtime(self, version: str) -> LiteRuntime:
        """As ``Format.runtime``."""
        return android_runtime.load(version)

    def problems(self, found: FileFacts, runtime: Runtime) -> Iterator[Problem]:
        """As ``Format.problems``."""
        assert isinstance(found, LiteFile)
        assert isinstance(runtime, LiteRuntime)
        return android_runtime.problems(found, runtime)

    def size(self, cost: Cost, contents: Contents | None, *, scheme: str, group: int = 32) -> int:
        """As ``Format.size``."""
        return file_bytes(cost, contents, scheme=scheme)

    def app_code(self) -> Mapping[str, str]:
        """As ``Format.app_code``."""
        return texts("app_kit", self.key)


INFO = PyTorchLite()
