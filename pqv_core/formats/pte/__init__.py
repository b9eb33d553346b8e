"""ExecuTorch (``.pte``): PyTorch's programs for phones, computed by XNNPACK."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pqv_core.files.archive import never
from pqv_core.files.kind import Kind
from pqv_core.files.resource_files import texts
from pqv_core.formats.base import FileFacts, Format, Problem, Runtime
from pqv_core.formats.pte import device_runtime, facts, pte_file
from pqv_core.formats.pte.device_runtime import ExecuTorchRuntime
from pqv_core.formats.pte.pte_file import ExecuTorchFile
from pqv_core.formats.pte.size import file_bytes
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import Cost
from pqv_core.schemes import Scheme

_SCHEMES = ("fp32", "fp16", "int8-dynamic", "int8-static", "int4")


class ExecuTorch(Format):
    """What came after PyTorch Mobile."""

    key = "pte"
    label = "ExecuTorch"
    sentence = "For ExecuTorch with XNNPACK, on Android and on this computer."
    suffix = ".pte"
    kind = Kind.EXECUTORCH
    implementation = "pqv_core.engine.formats.pte.pte_session:load"
    exporter = "pqv_core.engine.formats.pte.pte_exporter:PteExporter"
    engines = {"host": ("none",), "android": ("none",)}  # noqa: RUF012
    extra = "executorch"
    needs = ("executorch.exir", "torchao")
    default_runtime = device_runtime.DEFAULT
    order = 2

    def read(self, path: Path, *, cancelled: Callable[[], bool] = never) -> ExecuTorchFile:
        """As ``Format.read``."""
        return pte_file.read(path, cancelled=cancelled)

    def rows(self, found: FileFacts) -> list[tuple[str, str]]:
        """As ``Format.rows``."""
        assert isinstance(found, ExecuTorchFile)
        return facts.rows(found)

    def runtimes(self) -> Sequence[str]:
        """Versions of ExecuTorch's runtime for Android."""
        return device_runtime.versions()

    def runtime(self, version: str) -> ExecuTorchRuntime:
        """As ``Format.runtime``."""
        return device_runtime.load(version)

    def problems(self, found: FileFacts, runtime: Runtime) -> Iterator[Problem]:
        """As ``Format.problems``."""
        assert isinstance(found, ExecuTorchFile)
        assert isinstance(runtime, ExecuTorchRuntime)
        return device_runtime.problems(found, runtime)

    def writes(self, scheme: Scheme) -> bool:
        """As ``Format.writes``: XNNPACK's partitions are quantized by ExecuTorch's own means, not by torch's layers."""
        return scheme.key in _SCHEMES

    def size(self, cost: Cost, contents: Contents | None, *, scheme: str, group: int = 32) -> int:
        """As ``Format.size``."""
        return file_bytes(cost, contents, scheme=scheme, group=group)

    def app_code(self) -> Mapping[str, str]:
        """As ``Format.app_code``."""
        return texts("app_kit", self.key)


INFO = ExecuTorch()
