"""A latency table: what each part of a model costs at each width, measured on one device.

HALP (Shen et al. 2022, §3.2) and MDP (Sun et al. 2025, arXiv 2504.02168) take latency from such tables instead of
counting operations, because kernels compute in blocks: a width that is no multiple of a block costs as much as the next
one that is.
"""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pqv_core.errors import ProjectError, from_os_error
from pqv_core.files.fsio import FileTooLargeError, read_json, write_json

SCHEMA_VERSION = 1
MAX_BYTES = 16 << 20
_LONGEST_NS = 10**15
_MOST_UNITS = 10**7
_LETTERS = 500
_MOST_PARTS = 4096


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters in a name")
    return text


Samples = tuple[Annotated[int, Field(ge=1, le=_LONGEST_NS)], ...]
Units = Annotated[int, Field(ge=1, le=_MOST_UNITS)]
Words = Annotated[str, Field(max_length=_LETTERS), AfterValidator(_one_line)]
"""What a person reads of a table, which may be a stranger's."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Point(_Data):
    """A probe, which is a file that holds ``copies`` of a part one after another, at one width.

    Attributes:
        units: Channels, heads or channels of each head that the part has in it.
        samples_ns: Of every timed inference of the probe.
        loop: In which of the table's loops it took its turns.
    """

    units: Units
    copies: int = Field(ge=1, le=1000)
    samples_ns: Samples = Field(min_length=1)
    loop: int = Field(ge=0)


class Part(_Data):
    """A width of the model that can be cut.

    Attributes:
        name: As pruning calls it: dotted name of the layer in the model.
        units: How many it has where nothing is cut.
        unit: What they are.
        curve: Index into the table's curves; parts that cost the same at every width share one.
    """

    name: Words
    kind: Literal["mlp", "attention"]
    units: Units
    unit: Literal["channels", "heads"] = "channels"
    curve: int = Field(ge=0)


class BlockCost(_Data):
    """A block that can be left out as a whole, in a file of its own with nothing cut; otherwise as ``Point``.

    Attributes:
        parts: Names of those that lie in it.
    """

    name: Words
    parts: tuple[Words, ...] = Field(min_length=1, max_length=_MOST_PARTS)
    copies: int = Field(ge=1)
    samples_ns: Samples = Field(min_length=1)
    loop: int = Field(ge=0)


class Whole(_Data):
    """The whole model as a file, with ``units`` of every part, by name; otherwise as ``Point``."""

    units: dict[Words, Units]
    samples_ns: Samples = Field(min_length=1)
    loop: int = Field(ge=0)


class Narrower(_Data):
    """The model with a narrower embedding and nothing else cut, and what its parts cost in it; otherwise as ``Point``.

    Attributes:
        units: Channels of the embedding.
        curves: As those of the table, one for one, at fewer widths.
    """

    units: Units
    samples_ns: Samples = Field(min_length=1)
    loop: int = Field(ge=0)
    curves: tuple[tuple[Point, ...], ...] = Field(min_length=1, max_length=_MOST_PARTS)
    blocks: tuple[BlockCost, ...] = Field(default=(), max_length=_MOST_PARTS)


class Subject(_Data):
    """What a table is about. Two tables of one subject measure the same.

    Attributes:
        model: Its source's name, with ``arguments`` and the shape of an image.
        unit: In what attention is cut.
        target: For which the files were written, as a run's settings call it; empty where that is not known.
        passes: With which a file is written.
        engine: Kernels; empty where the format leaves no choice.
        device: What tells the kind of device from others: its model, processor and system.
        runtime: Name and version of what runs the files.
    """

    model: Words
    arguments: dict[str, Any] = {}
    input_shape: tuple[Units, ...]
    unit: Literal["width", "heads"]
    format: Words
    scheme: Words
    target: Words = ""
    passes: Words = ""
    engine: Words = ""
    device: Words = ""
    runtime: Words = ""
    threads: int = Field(default=1, ge=1, le=256)


class LatencyTable(_Data):
    """What was measured.

    Attributes:
        device: For a person: its name.
        serial: By which a connected device is known; of a computer, ``machine.node``.
        curves: Points of each curve, the narrowest first, at different widths.
        wholes: Models of which something is cut; the uncut one takes its turns in every loop.
        embedding: Channels of the embedding; None where nothing is known of narrower ones.
        embeddings: What is known of those, the narrowest first.
        loops: What the uncut model took in each loop. A computer is not equally quick at all times, so what is
            compared is what each file took beside the same one.
    """

    schema_version: int = SCHEMA_VERSION
    subject: Subject
    device: Words
    serial: Words = ""
    created: Words
    versions: dict[Words, Words] = {}
    parts: tuple[Part, ...] = Field(min_length=1, max_length=_MOST_PARTS)
    curves: tuple[tuple[Point, ...], ...] = Field(min_length=1, max_length=_MOST_PARTS)
    wholes: tuple[Whole, ...] = ()
    blocks: tuple[BlockCost, ...] = Field(default=(), max_length=_MOST_PARTS)
    embedding: Units | None = None
    embeddings: tuple[Narrower, ...] = Field(default=(), max_length=16)
    loops: tuple[Annotated[Samples, Field(min_length=1)], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> LatencyTable:
        if any(part.curve >= len(self.curves) for part in self.parts):
            raise ValueError("a part names a curve that is not there")
        timed: list[Point | BlockCost | Whole | Narrower] = [*self.wholes, *self.embeddings]
        all_of: list[LatencyTable | Narrower] = [self, *self.embeddings]
        for of in all_of:
            timed += of.blocks
            for curve in of.curves:
                widths = [point.units for point in curve]
                if len(widths) < 2 or widths != sorted(set(widths)):
                    raise ValueError("a curve needs two points or more, at widths that grow")
                timed += curve
        loops = [one.loop for one in timed]
        if max(loops) >= len(self.loops):
            raise ValueError("a loop in which the whole model was not timed")
        names = {part.name for part in self.parts}
        if len(names) != len(self.parts) or any(set(whole.units) != names for whole in self.wholes):
            raise ValueError("a whole model says other parts than the table")
        if any(not names.issuperset(block.parts) for of in all_of for block in of.blocks):
            raise ValueError("a block names a part that is not there")
        narrower = [each.units for each in self.embeddings]
        if narrower != sorted({*narrower} - {self.embedding}) or max(narrower, default=0) > (self.embedding or 0):
            raise ValueError("embeddings that are not narrower than the whole one")
        if any(len(each.curves) != len(self.curves) for each in self.embeddings):
            raise ValueError("an embedding at which other curves are known")
        return self

    def curve(self, part: Part) -> tuple[Point, ...]:
        """The points of a part."""
        return self.curves[part.curve]

    @property
    def dense_ns(self) -> float:
        """What the model takes that nothing is cut of: the median of all loops."""
        return statistics.median(sample for loop in self.loops for sample in loop)

    @property
    def drift(self) -> float:
        """How much longer the uncut model took in the slowest loop than in the quickest, relative to that."""
        least = [min(loop) for loop in self.loops]
        return max(least) / min(least) - 1

    @property
    def scatter(self) -> float:
        """Within what share of its median the middle half of a file's times lies, for the usual file."""
        return statistics.median(_middle_half(point.samples_ns) for curve in self.curves for point in curve)

    @property
    def of_its_kind(self) -> LatencyTable:
        """The same as a table of the kind of device, without what tells whose it is."""
        return self.model_copy(update={"serial": ""})

    def share(self, timed: Point | Whole | BlockCost | Narrower) -> float:
        """What a file took, relative to the uncut model.

        The least of both are compared, as ``timeit`` does: what else runs on a device can only make a file slower, and
        on a busy one it moves medians by a tenth and more, the least by little.
        """
        return min(timed.samples_ns) / min(self.loops[timed.loop])

    def cost(self, part: Part, units: int, narrower: Narrower | None = None) -> float:
        """What one part takes at a width, relative to the uncut model; between two measured widths on the line.

        Nothing where nothing is left of it: then its block is left out. With a narrower embedding it is measured at
        fewer widths. Between two of these, what it takes beside the same with the whole embedding lies on the line: the
        kernels bend at the same widths.
        """
        if units == 0:
            return 0.0
        cost = _on_line(units, {point.units: self._each(point) for point in self.curve(part)})
        if narrower is None:
            return cost
        curve = narrower.curves[part.curve]
        return cost * _on_line(units, {each.units: self._each(each) / self.cost(part, each.units) for each in curve})

    def around(self, block: BlockCost, narrower: Narrower | None = None) -> float:
        """What a block takes beyond its parts, relative to the uncut model: norms, sums."""
        inside = sum(self.cost(part, part.units, narrower) for part in self.parts if part.name in block.parts)
        return max(0.0, self.share(block) / block.copies - inside)

    def _each(self, point: Point) -> float:
        return self.share(point) / point.copies


def beside(units: int, known: Sequence[int]) -> list[tuple[int, float]]:
    """The one or two of several known widths beside one, and how much each weighs: on the line between them.

    Beyond the narrowest and the widest nothing is made up.

    Args:
        known: In ascending order.
    """
    after = bisect.bisect_left(known, units)
    if after == len(known) or after == 0 or known[after] == units:
        return [(known[min(after, len(known) - 1)], 1.0)]
    low, high = known[after - 1], known[after]
    share = (units - low) / (high - low)
    return [(low, 1 - share), (high, share)]


def _on_line(units: int, known: Mapping[int, float]) -> float:
    return sum(weight * known[each] for each, weight in beside(units, list(known)))


def _middle_half(samples: Samples) -> float:
    median = statistics.median(samples)
    if len(samples) < 4 or not median:
        return 0.0
    low, _, high = statistics.quantiles(samples, n=4)
    return (high - low) / median


def save(path: Path, table: LatencyTable) -> None:
    """Write a table, whole or not at all.

    Raises:
        StorageError: The folder may not be written.
    """
    write_json(path, table.model_dump(mode="json"))


def load(path: Path) -> LatencyTable:
    """Read a table, also one that somebody else has measured.

    Raises:
        StorageError: The file cannot be read.
        ProjectError: It is no latency table, or of a newer version.
    """
    try:
        plain = read_json(path, limit=MAX_BYTES)
        version = plain.get("schema_version") if isinstance(plain, dict) else None
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise ProjectError(f"{path.name} was written by a newer PQV-Mobile.", action="Update PQV-Mobile.")
        return LatencyTable.model_validate(plain)
    except OSError as error:
        raise from_os_error(error, path) from error
    except (ValueError, FileTooLargeError) as error:
        raise ProjectError(
            f"{path.name} is not a latency table.",
            action="Choose a file in which a latency table was saved, or measure one.",
            details=str(error),
            command="pqv latency PROJECT --out FILE",
        ) from error
