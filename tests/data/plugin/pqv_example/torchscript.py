"""A format: TorchScript archives. What a person reads, and what can be told of a file without torch."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pqv_core.errors import UsageError, from_os_error
from pqv_core.files import archive
from pqv_core.files.archive import never
from pqv_core.formats.base import FileFacts, FileFormatError, Format, Problem, Runtime
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import Cost

ABOUT = "pqv.json"
_MOST = 1 << 20


class TorchScript(Format):
    """Runs on this computer only."""

    key = "torchscript"
    label = "TorchScript"
    sentence = "For libtorch on this computer."
    suffix = ".ts"
    implementation = "pqv_example.torchscript_engine:open_file"
    exporter = "pqv_example.torchscript_engine:Exporter"
    engines = {"host": ("auto", "onednn", "x86", "fbgemm", "qnnpack"), "android": ()}  # noqa: RUF012

    def read(self, path: Path, *, cancelled: Callable[[], bool] = never) -> FileFacts:
        try:
            with path.open("rb") as file, archive.opened(file) as opened:
                name = next(name for name in opened.namelist() if name.endswith(f"/extra/{ABOUT}"))
                description = json.loads(archive.content(opened, name, _MOST, cancelled=cancelled))
            return FileFacts(size_bytes=path.stat().st_size, description=description)
        except OSError as error:
            raise from_os_error(error, path) from error
        except (StopIteration, ValueError, zipfile.BadZipFile) as error:
            raise FileFormatError(f"{path.name} is no TorchScript of ours.", action="Choose another file.") from error

    def rows(self, facts: FileFacts) -> list[tuple[str, str]]:
        return [("Model", str(facts.description.get("model")))]

    def runtimes(self) -> Sequence[str]:
        return ()

    def runtime(self, version: str) -> Runtime:
        raise UsageError("There is no TorchScript runtime for devices.", action="Choose another format.")

    def problems(self, facts: FileFacts, runtime: Runtime) -> Iterator[Problem]:
        yield "TorchScript runs on computers only.", "Choose another format."

    def size(self, cost: Cost, contents: Contents | None, *, scheme: str, group: int = 32) -> int:
        return 4 * cost.params


INFO = TorchScript()
