"""What every file format is: how its files are read and judged without torch, and where its working side lies."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from pqv_core.errors import PqvError
from pqv_core.files.archive import never
from pqv_core.files.foreign_text import line
from pqv_core.files.kind import Kind
from pqv_core.formats.delegation import Delegation
from pqv_core.models.contents import Contents
from pqv_core.models.vit_shape import Cost
from pqv_core.schemes import Scheme

_LETTERS = 1000
NO_ENGINE = "none"
"""Of files whose kernels are not chosen."""
Problem = tuple[str, str]
"""What is wrong, and what to do about it."""


class FileFormatError(PqvError):
    """A file is damaged, or is not of the format that it was taken for."""


class InputError(FileFormatError):
    """A whole file that takes something else than one image."""


class FileFacts(BaseModel):
    """What can be said of a file, whatever its format.

    Attributes:
        operators: Number of arguments given to each operator, by ``name.overload``; -1 where the file does not say.
        calls: How often each is called in the file; empty where it does not say.
        description: The JSON that PQV-Mobile put into the file; empty for a foreign file.
    """

    model_config = ConfigDict(frozen=True)

    size_bytes: int
    operators: dict[str, int] = {}
    calls: dict[str, int] = {}
    description: dict[str, Any] = {}

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Shape of the fp32 input that the file itself names."""
        shape = self.description.get("input_shape")
        preprocessing = self.description.get("preprocessing")
        size = preprocessing.get("input_size") if isinstance(preprocessing, dict) else None
        if shape is None and isinstance(size, list):
            shape = [1, *size]
        if isinstance(shape, list) and 0 < len(shape) <= 8 and all(_is_size(size) for size in shape):
            return tuple(shape)
        return None

    @property
    def delegation(self) -> Delegation | None:
        """Who computes what in it; None where its runtime hands no parts of a file to backends."""
        return None

    @property
    def input_problem(self) -> str:
        """Why one image is not what it takes, as the end of a sentence about the file; empty where it is."""
        return ""

    @property
    def input_details(self) -> str:
        """What it takes, as the file itself writes it."""
        return ""

    @property
    def unusual_result(self) -> str:
        """What it gives, where that is no single tensor, whose latency can be measured but not its answers."""
        return ""


class Archive(BaseModel):
    """A published archive with libraries of a runtime.

    Attributes:
        source: Where it is published: in a Maven repository (an AAR) or as an npm package.
        coordinates: ``group:artifact:version`` of the one, ``name@version`` of the other.
        libraries: By the name under which the program asks for it, each library's path in the archive, in which
            ``{abi}`` stands for the ABI.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: Literal["maven", "npm"]
    coordinates: str = Field(pattern=r"^([\w.\-]+:[\w.\-]+:[\w.\-]+|(@[\w.\-]+/)?[\w.\-]+@[\w.\-]+)$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)
    libraries: dict[Annotated[str, Field(pattern=r"^[\w.+\-]+$")], str]

    @property
    def suffix(self) -> str:
        """Of the file, with the dot."""
        return {"maven": ".aar", "npm": ".tgz"}[self.source]


class Runtime(BaseModel):
    """What runs a format on a device, and where it comes from: one version, as ``resources/runtimes/`` describes it.

    Attributes:
        program: Which benchmark program runs with it: a folder of ``android_runner/src``.
        archives: What its libraries are taken from.
        abis: For which it has libraries.
        page_size: Largest memory page for which the libraries are aligned.
        api_level: The oldest Android that they, and the program, are made for.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    program: str = Field(pattern=r"^\w+$")
    archives: tuple[Archive, ...]
    abis: tuple[str, ...]
    page_size: int = 4096
    api_level: int = 24

    @property
    def size_bytes(self) -> int:
        """Of all archives."""
        return sum(archive.size_bytes for archive in self.archives)

    @property
    def libraries(self) -> tuple[str, ...]:
        """Names of the shared objects that the program needs beside it."""
        return tuple(name for archive in self.archives for name in archive.libraries)

    @property
    def facts(self) -> dict[str, str]:
        """What else a person may want to know of it, by name."""
        return {}


class Format(ABC):
    """A file format, described; of other packages by the entry points ``pqv.formats`` (``docs/plugins.md``).

    Attributes:
        key: Its name in settings and files.
        label: What a person calls one of its files: ``PyTorch Lite``.
        sentence: What it is good for.
        suffix: Of its files, with the dot.
        kind: What a file of it is by its content; None where that is not known without this format.
        implementation: A function ``(path, *, engine, threads) -> InferenceSession``.
        exporter: A class of ``pqv_core.engine.formats.exporter.Exporter``.
        engines: By target (``pqv_core/config/export.py``), the engines that a file can be run with; ``none`` alone
            where there is nothing to choose, and nothing at all where its files do not run.
        extra: Of PQV-Mobile's package, which brings what writes and runs files here; empty where nothing is missing.
        needs: Modules of that extra.
        default_runtime: The version of its runtime for devices that is taken unless another is asked for.
        order: Its place in lists.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    sentence: ClassVar[str]
    suffix: ClassVar[str]
    kind: ClassVar[Kind | None] = None
    implementation: ClassVar[str]
    exporter: ClassVar[str]
    engines: ClassVar[dict[str, tuple[str, ...]]]
    extra: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    default_runtime: ClassVar[str] = ""
    order: ClassVar[int] = 100

    @abstractmethod
    def read(self, path: Path, *, cancelled: Callable[[], bool] = never) -> FileFacts:
        """Facts of a file, which may be anybody's: bounded in time and memory, and nothing in it is run.

        Raises:
            FileFormatError: It is damaged, or of another kind.
            StorageError: It cannot be read.
            Cancelled: ``cancelled`` said so.
        """

    @abstractmethod
    def rows(self, facts: FileFacts) -> list[tuple[str, str]]:
        """Name and value of each fact, as a person reads them."""

    @abstractmethod
    def runtimes(self) -> Sequence[str]:
        """The versions of its runtime for devices, oldest first."""

    @abstractmethod
    def runtime(self, version: str) -> Runtime:
        """One of them.

        Raises:
            UsageError: It is not known.
        """

    @abstractmethod
    def problems(self, facts: FileFacts, runtime: Runtime) -> Iterator[Problem]:
        """Every reason why a runtime cannot run a file."""

    @abstractmethod
    def size(self, cost: Cost, contents: Contents | None, *, scheme: str, group: int = 32) -> int:
        """Predicted bytes of a file.

        Args:
            cost: Of the network as it will be.
            contents: What the catalogue knows of the model; None for a plain ViT.
            scheme: Key of the quantization scheme.
            group: Inputs that share a scale (``quantize.group``), for schemes that have groups.
        """

    def app_code(self) -> Mapping[str, str]:
        """What an app needs to run a file, for ``pqv export-kit``: jinja2 templates by their names in the kit.

        A ``README.md`` among them is a chapter of the kit's own. ``resources/app_kit/`` shows what they are given.
        """
        return {}

    def chooses_engine(self, target: str) -> bool:
        """Whether its files for a target can be run with one engine or another."""
        return self.engines.get(target, ()) not in ((), (NO_ENGINE,))

    def writes(self, scheme: Scheme) -> bool:
        """Whether its files can be in a quantization scheme. Torch's own layers have no weights in 4 bits."""
        return scheme.storage != "int4"

    def missing(self) -> Problem | None:
        """Why its files cannot be written and run on this computer, and how they can be; None where they can.

        Nothing is imported for it. Reading files, and phones, need nothing more.
        """
        if all(_is_installed(name) for name in self.needs):
            return None
        return (
            f"{self.label} is not installed here, so {self.suffix} files can be read but neither written nor run.",
            f"Install it: pip install pqv-mobile[{self.extra}], or make setup in the source folder.",
        )

    def check_input(self, facts: FileFacts, name: str) -> None:
        """Refuse a file that one image is not enough for, before native code meets what it was not given.

        Raises:
            InputError: It takes something else.
        """
        if facts.input_problem:
            raise InputError(
                f"{name} {facts.input_problem}.",
                action="PQV-Mobile measures models with one image input; export that part of the model.",
                details=facts.input_details,
            )

    def all_rows(self, facts: FileFacts) -> list[tuple[str, str]]:
        """Name and value of each fact, and which runtimes can run the file."""
        found = [
            (f"Android {version}", " ".join(problem for problem, _ in problems) or "can run it")
            for version, problems in self.on_devices(facts).items()
        ]
        return [*self.rows(facts), *((line(name), line(value, _LETTERS)) for name, value in found)]

    def on_devices(self, facts: FileFacts) -> dict[str, list[Problem]]:
        """By version of the runtime, why it cannot run a file; empty lists where it can."""
        return {version: list(self.problems(facts, self.runtime(version))) for version in self.runtimes()}


def _is_installed(module: str) -> bool:
    """Whether a module could be imported. Only packages around it are, which should hold nothing."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # a package around it is missing, or broken
        return False


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 1 << 20
