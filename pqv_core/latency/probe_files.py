"""Files from which a latency table is measured, lying in a folder, and how far measuring them has come.

Whoever has a device measures them there: the worker on this computer, ``deploy`` on a phone. What was written and what
was measured is kept after each file and each loop, so whoever is killed goes on where it was.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pqv_core.files.fsio import FileTooLargeError, read_json, write_json
from pqv_core.latency.table import MAX_BYTES, BlockCost, LatencyTable, Narrower, Part, Point, Samples, Subject, Whole

DENSE = "dense"
"""Key of the uncut model, which takes its turns in every loop."""
_PLAN, _MEASURED = "probes.json", "measured.json"
_IN_A_LOOP = 10
_LOOPS: TypeAdapter[list[dict[str, Samples]]] = TypeAdapter(list[dict[str, Samples]])


class ProbeFile(BaseModel):
    """A file to be timed.

    Attributes:
        name: In its folder.
        units: Of the part that it holds; of every part where it holds the whole model.
        curve: Which curve its time is a point of; None for a whole model, and for a block.
        blocks: Names of the blocks that it stands for, each with the names of its parts; where it holds one.
        embedding: Channels of it where it is narrower; None where it is whole.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    name: str
    size: int
    input_shape: tuple[int, ...]
    units: dict[str, int]
    copies: int = 1
    curve: int | None = None
    blocks: dict[str, tuple[str, ...]] = {}
    embedding: int | None = None

    @property
    def is_model(self) -> bool:
        """Whether it holds the whole model, instead of one of its parts or blocks."""
        return self.curve is None and not self.blocks

    @property
    def words(self) -> str:
        """What it holds, as the beginning of a sentence."""
        with_embedding = f" with an embedding of {self.embedding:,}" if self.embedding is not None else ""
        if self.is_model and self.key == DENSE:
            return "The uncut model"
        if self.is_model and self.embedding is not None:
            return f"The model{with_embedding}"
        if self.blocks:
            return f"The whole of {next(iter(self.blocks))}{with_embedding}"
        return ", ".join(f"{name} at {units:,}" for name, units in self.units.items()) + with_embedding


class ProbeFiles(BaseModel):
    """All files of a table, the uncut model first.

    Attributes:
        subject: Of the table; of its device nothing is known yet.
        embedding: Channels of it where it is whole; None where no narrower ones are asked about.
    """

    model_config = ConfigDict(frozen=True)

    subject: Subject
    parts: tuple[Part, ...]
    files: tuple[ProbeFile, ...] = Field(min_length=1)
    embedding: int | None = None

    def loops(self, measured: Collection[str] = ()) -> Iterator[list[ProbeFile]]:
        """Which files take turns: a few of one curve and the uncut model, which is timed beside all others.

        Args:
            measured: Keys of files that need no further turns.
        """
        dense = next(file for file in self.files if file.key == DENSE)
        alike: dict[object, list[ProbeFile]] = {}
        for file in self.files:
            if file.key not in (DENSE, *measured):
                alike.setdefault((file.embedding, file.curve, file.is_model), []).append(file)
        for mine in alike.values():
            for first in range(0, len(mine), _IN_A_LOOP):
                yield [dense, *mine[first : first + _IN_A_LOOP]]


class Folder:
    """Where the files lie.

    Args:
        path: Made where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def files(self) -> ProbeFiles | None:
        """What was written, and is whole; None where nothing is."""
        try:
            found = ProbeFiles.model_validate(read_json(self.path / _PLAN, limit=MAX_BYTES))
        except (OSError, ValueError, FileTooLargeError):
            return None
        there = tuple(file for file in found.files if self._is_whole(file))
        return found.model_copy(update={"files": there}) if there else None

    def keep(self, files: ProbeFiles) -> None:
        """Note what was written so far."""
        write_json(self.path / _PLAN, files.model_dump(mode="json"))

    def measured(self) -> list[dict[str, Samples]]:
        """Samples by the key of a file, of each loop that came to its end."""
        try:
            return _LOOPS.validate_python(read_json(self.path / _MEASURED, limit=MAX_BYTES))
        except (OSError, ValueError, FileTooLargeError):
            return []

    def left(self, files: ProbeFiles) -> list[list[ProbeFile]]:
        """The loops that are still to be done."""
        known = {key for loop in self.measured() for key in loop}
        return list(files.loops(known))

    def add(self, samples: Mapping[str, Sequence[int]]) -> None:
        """Keep what a loop gave."""
        loop = {key: tuple(values) for key, values in samples.items()}
        write_json(self.path / _MEASURED, [*self.measured(), loop])

    def _is_whole(self, file: ProbeFile) -> bool:
        path = self.path / file.name
        return path.is_file() and path.stat().st_size == file.size


def assemble(
    files: ProbeFiles,
    loops: Sequence[Mapping[str, Samples]],
    *,
    subject: Subject,
    device: str,
    serial: str = "",
    versions: Mapping[str, str],
) -> LatencyTable:
    """The table of what was measured.

    Args:
        loops: Samples by the key of a file, the uncut model's in each.
        subject: That of the files, with its device.
        device: For a person.
        serial: By which a connected device is known.
    """
    known = {file.key: file for file in files.files}
    whole, narrower = _Timed(), defaultdict[int, _Timed](_Timed)
    for place, loop in enumerate(loops):
        for key, samples in loop.items():
            if key != DENSE and (file := known.get(key)):  # others were deleted since, and are not asked about
                (whole if file.embedding is None else narrower[file.embedding]).take(file, samples, place)
    return LatencyTable(
        subject=subject,
        device=device,
        serial=serial,
        created=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        versions=dict(versions),
        parts=files.parts,
        curves=whole.in_order,
        wholes=tuple(whole.models),
        blocks=tuple(whole.blocks),
        embedding=files.embedding,
        embeddings=tuple(narrower[units].narrower(units) for units in sorted(narrower)),
        loops=tuple(loop[DENSE] for loop in loops),
    )


class _Timed:
    """What was timed with one embedding."""

    def __init__(self) -> None:
        self.models: list[Whole] = []
        self.blocks: list[BlockCost] = []
        self._curves: dict[int, list[Point]] = defaultdict(list)

    def take(self, file: ProbeFile, samples: Samples, loop: int) -> None:
        if file.curve is not None:
            (units,) = file.units.values()
            self._curves[file.curve].append(Point(units=units, copies=file.copies, samples_ns=samples, loop=loop))
        elif file.blocks:
            self.blocks += [
                BlockCost(name=name, parts=parts, copies=file.copies, samples_ns=samples, loop=loop)
                for name, parts in file.blocks.items()
            ]
        else:
            self.models.append(Whole(units=file.units, samples_ns=samples, loop=loop))

    @property
    def in_order(self) -> tuple[tuple[Point, ...], ...]:
        """The curves, the narrowest point of each first."""
        return tuple(
            tuple(sorted(self._curves[place], key=lambda point: point.units)) for place in sorted(self._curves)
        )

    def narrower(self, units: int) -> Narrower:
        (model,) = self.models
        return Narrower(
            units=units,
            samples_ns=model.samples_ns,
            loop=model.loop,
            curves=self.in_order,
            blocks=tuple(self.blocks),
        )
