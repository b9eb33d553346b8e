"""The files that can be measured: those of one of the project's runs, and any from the disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pqv_core import formats, formatting
from pqv_core.comparison import StoredRun, run_names
from pqv_core.comparison.rows import engine_name, precision
from pqv_core.errors import UsageError, from_os_error
from pqv_core.results.artifacts import ArtifactSpec
from pqv_core.results.record import RunRecord
from pqv_core.schemes import has_quantized_layers
from pqv_gui.viewmodels.observable import Observable
from pqv_gui.viewmodels.run_view import State

_OR_ADD = "Add any exported file from disk."
_NOTHING: dict[State, str] = {
    "empty": "The project has no run yet.",
    "starting": "The current run has not written a file yet.",
    "running": "The current run has not written a file yet.",
    "cancelling": "The current run has not written a file yet.",
    "elsewhere": "The run in another process has not written a file yet.",
    "cancelled": "The last run was stopped before it wrote a file: resume it on the Run page.",
    "interrupted": "The last run was interrupted before it wrote a file: resume it on the Run page.",
    "failed": "The last run failed before it wrote a file: see the Run page.",
    "succeeded": "The last run’s files no longer exist.",
    "unknown": "The last run has no file to measure.",
}


@dataclass(frozen=True)
class File:
    """A file to measure.

    Attributes:
        artifact: What it is to its run; None for a file from the disk.
        run: The run's folder; None for a file from the disk.
        of: What the run is called, where there are files of several.
    """

    path: Path
    size_bytes: int
    artifact: ArtifactSpec | None = None
    note: str = ""
    run: Path | None = None
    of: str = ""

    @property
    def key(self) -> str:
        """Of the artefact in its run; empty for a file from the disk."""
        return self.artifact.key if self.artifact else ""

    @property
    def name(self) -> str:
        """What a person calls it."""
        own = self.artifact.label if self.artifact else self.path.name
        return f"{self.of}, {own}" if self.of else own

    @property
    def detail(self) -> str:
        """The rest of what is known."""
        parts = [self.path.name if self.artifact else "", formatting.size(self.size_bytes), self.note]
        return " · ".join(part for part in parts if part)


@dataclass(frozen=True)
class Source:
    """A run whose files can be measured."""

    record: RunRecord
    directory: Path
    title: str

    @cached_property
    def has_files(self) -> bool:
        """Whether the run has made one that can be measured, there or not."""
        return any(formats.named(Path(variant.file)) is not None for variant in self.record.variants)


@dataclass(frozen=True)
class Group:
    """Several runs whose results are measured together."""

    title: str
    sources: tuple[Source, ...]


class Files(Observable):
    """Which files there are and which are ticked.

    The files are those of the run, or of the group of runs, that the person chose, and none where they are gone; else
    of the one that the Run page shows; else, where that one has none, of the newest that has some.
    """

    def __init__(self) -> None:
        super().__init__()
        self.source: Source | None = None
        self.sources: tuple[Source, ...] = ()  # runs to choose from, the newest first
        self.group: Group | None = None  # offered besides
        self._grouped = False
        self._last: Source | None = None
        self._kept: tuple[Source, ...] = ()
        self._wanted: Path | None = None
        self._state: State = "empty"
        self._told: object = None
        self._run: dict[Path, File] = {}
        self._added: dict[Path, File] = {}
        self._ticks: dict[Path, bool] = {}
        self._refusals: dict[File, str] = {}

    @property
    def directory(self) -> Path | None:
        """Of the run whose files are offered."""
        return self.source.directory if self.source is not None else None

    @property
    def files(self) -> tuple[File, ...]:
        """Those of the run, then those that were added and are none of these."""
        own = {_identity(path) for path in self._run}
        return (*self._run.values(), *(file for path, file in self._added.items() if _identity(path) not in own))

    @property
    def nothing(self) -> str:
        """Why there is no file of a run."""
        source = self.source
        if source is not None and source.directory == self._wanted:
            return f"The files of “{source.title}” no longer exist: choose another run, or run it again."
        return f"{_NOTHING[self._state]} {_OR_ADD}"

    @property
    def chosen(self) -> tuple[File, ...]:
        """What is ticked."""
        return tuple(file for file in self.files if self.is_ticked(file.path))

    @property
    def unknown(self) -> tuple[File, ...]:
        """Those of which nobody has found out yet whether phones run them."""
        return tuple(file for file in self.files if file not in self._refusals)

    def learn(self, refusals: Mapping[File, str]) -> None:
        """Take over why phones refuse files; an empty reason for those that they run."""
        self._refusals.update(refusals)
        self.notify()

    def refusal(self, files: Sequence[File]) -> str:
        """Why phones refuse all of these files; empty where they run one of them, or may."""
        reasons = [self._refusals.get(file, "") for file in files]
        return reasons[0] if reasons and all(reasons) else ""

    def why_refused(self, path: Path) -> str:
        """Why phones refuse a file; empty where they run it, or may."""
        file = self._run.get(path) or self._added.get(path)
        return self._refusals.get(file, "") if file is not None else ""

    @property
    def of_run(self) -> tuple[File, ...]:
        """Those of the run."""
        return tuple(self._run.values())

    def is_ticked(self, path: Path) -> bool:
        """What the person said; else everything but the steps, which whoever wants them ticks."""
        file = self._run.get(path) or self._added.get(path)
        return file is not None and self._ticks.get(path, not (file.artifact and file.artifact.is_step))

    def tick(self, path: Path, wanted: bool) -> None:
        """Measure this file, or not."""
        self._ticks[path] = wanted
        self.notify()

    def show_run(self, record: RunRecord | None, directory: Path | None, *, state: State = "succeeded") -> None:
        """The run that the Run page shows, and how it is."""
        self._state = state
        self._last = Source(record, directory, run_names.words(record)) if record and directory else None
        self._settle()

    def offer(self, runs: Iterable[StoredRun]) -> None:
        """The runs that are kept, oldest first."""
        self._kept = tuple(Source(run.record, run.directory, run.title) for run in runs)[::-1]
        self._told = None  # comparing a thousand records takes longer than telling of them
        self._settle()

    @property
    def grouped(self) -> bool:
        """Whether the files are those of the group."""
        return self.group is not None and self._grouped

    def choose_run(self, directory: Path) -> None:
        """Take the files of this run."""
        self._wanted, self._grouped = directory, False
        self._settle()

    def choose_group(self, group: Group | None = None) -> None:
        """Take the results of several runs: of a new group, or of the one that is known."""
        self.group, self._grouped = group or self.group, True
        self._settle()

    def forget(self) -> None:
        """Another project: its runs are to be told of, and nothing is chosen."""
        self._last, self._kept, self._wanted, self._state = None, (), None, "empty"
        self.group, self._grouped = None, False
        self._settle()

    def _settle(self) -> None:
        last = self._last  # the Run page may know more of it by now than was read for the comparison
        kept = [
            source if last is None or source.directory != last.directory else replace(last, title=source.title)
            for source in self._kept
        ]
        if last is not None and all(source.directory != last.directory for source in kept):
            kept.insert(0, last)
        self.sources = tuple(source for source in kept if source.has_files)
        wanted = [source for source in self.sources if source.directory == self._wanted]
        shown = [source for source in self.sources if last is not None and source.directory == last.directory]
        ordered = wanted or [*shown, *(source for source in self.sources if source not in shown)]
        offered = next(((source, found) for source in ordered if (found := _files(source)) or wanted), None)
        self.source, self._run = offered if offered is not None else (last, {})
        if self.group is not None and self._grouped:
            self.source, self._run = None, _results(self.group)
        told = (self.source, self._run, self.sources, self.group, self._state)
        if told != self._told:
            self._told = told
            self.notify()

    def add(self, path: Path) -> None:
        """Add a file from the disk, ticked.

        Raises:
            PqvError: It cannot be read, or is of no format that can be run.
        """
        path = path.resolve()
        if formats.named(path) is None:
            raise UsageError(f"{path.name} is not an exported model.", action=f"Choose a {formats.described()}.")
        try:
            size = path.stat().st_size
        except OSError as error:
            raise from_os_error(error, path) from error
        same = next((file.path for file in self.files if _identity(file.path) == _identity(path)), None)
        if same is None:
            self._added[path] = File(path, size)
        self._ticks[same or path] = True
        self.notify()

    def remove(self, path: Path) -> None:
        """Take out a file that was added; it stays on the disk."""
        if self._added.pop(path, None) is not None:
            self._ticks.pop(path, None)
            self.notify()


def _files(source: Source) -> dict[Path, File]:
    """The artefacts of a run that are still there."""
    found: dict[Path, File] = {}
    for variant in source.record.variants:
        path = source.directory / variant.file
        if formats.named(path) is not None and path.is_file():
            engine = engine_name(variant.engine) if has_quantized_layers(variant.precision) else ""
            note = " · ".join(part for part in (precision(variant.precision), engine) if part)
            found[path] = File(path, variant.size_bytes, artifact=variant.artifact, note=note, run=source.directory)
    return found


def results_of(source: Source) -> dict[Path, File]:
    """The results of a run that are still there, without what they are compared with."""
    return {path: file for path, file in _files(source).items() if file.artifact and file.artifact.is_result}


def _results(group: Group) -> dict[Path, File]:
    """The results of all runs of a group, each called after its run."""
    return {
        path: replace(file, of=source.title) for source in group.sources for path, file in results_of(source).items()
    }


def _identity(path: Path) -> object:
    """The same for all paths that lead to one file: through links, and by several names."""
    try:
        facts = path.stat()
    except OSError:
        return path
    return (facts.st_dev, facts.st_ino) if facts.st_ino else path.resolve()
