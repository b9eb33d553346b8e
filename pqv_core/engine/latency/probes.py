"""Files from which a latency table is measured: whole models, and parts of them on their own.

What a part costs is asked of the runtime itself: the part is cut to a width, taken out of the model in the form in
which the model is written, and written as a file that holds a few copies of it one after another. Parts that get the
same input and have the same weights' shapes cost the same, so one of them stands for all.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pqv_core.config import PruneConfig, RunConfig
from pqv_core.engine import structure
from pqv_core.engine.context import Context
from pqv_core.engine.formats.exporter import Exporter, Way
from pqv_core.engine.models import create as models
from pqv_core.engine.prune import structured
from pqv_core.engine.structure import Width, blocks, embedding
from pqv_core.engine.structure.blocks import Block
from pqv_core.engine.structure.calls import Call, calls
from pqv_core.errors import PruneError
from pqv_core.formats import FORMATS
from pqv_core.latency import levels
from pqv_core.latency.probe_files import DENSE, ProbeFile
from pqv_core.latency.table import Part
from pqv_core.results.artifacts import ArtifactSpec

COPIES = 3  # so that loading the input and starting to compute weigh little; more take longer to write


@dataclass(frozen=True)
class Cut:
    """The model with every part at one level, as it is written, and what each part is called with in it."""

    units: Mapping[str, int]
    prepared: nn.Module
    calls: Mapping[str, Call]


@dataclass(frozen=True)
class Place:
    """Where files are written, and how.

    Attributes:
        there: Names of files that are not written again.
    """

    folder: Path
    way: Way
    there: frozenset[str] = frozenset()


class Probes:
    """The probes of one model.

    Args:
        model: In eval mode, on the CPU.
        spec: Format and scheme of the files.
        image: What the model takes, of shape (1, C, H, W).
        embedding: Channels of it, where the model has fewer than it comes with.

    Attributes:
        dense: With nothing cut.
        parts: What can be cut, each with its curve.

    Raises:
        PruneError: Nothing of the model can be cut.
        Cancelled: The end was asked for.
    """

    def __init__(
        self,
        model: nn.Module,
        config: RunConfig,
        by: Exporter,
        spec: ArtifactSpec,
        image: Tensor,
        context: Context,
        *,
        embedding: int | None = None,
    ) -> None:
        self.model, self.by, self.spec, self._config = model, by, spec, config
        self._image, self._embedding = image, embedding
        self._prune = parts_of(config.prune)
        widths = structure.widths(model, self._prune)
        names = {module: name for name, module in model.named_modules()}
        self._scopes = {width.name: names[width.scope] for width in widths}
        self._widths = {width.name: width for width in widths}
        self.dense = self._cut({width.name: width.units for width in widths}, context)
        self.parts = self._parts()
        self._levels = self._chosen_levels()

    def narrowed(self, embedding: int, context: Context) -> Probes:
        """The probes of the same model with so many channels of its embedding."""
        model = structured.narrowed(self.model, embedding, context)
        return Probes(model, self._config, self.by, self.spec, self._image, context, embedding=embedding)

    def cuts(self, context: Context) -> list[Cut]:
        """The model at each level, the first of them whole."""
        count = max(map(len, self._levels.values()))
        found = [self.dense]
        for level in range(1, count):
            units = {name: mine[min(level, len(mine) - 1)] for name, mine in self._levels.items()}
            found.append(self._cut(units, context))
            context.progress(level + 1, count, unit="widths")
        return found

    def _cut(self, units: Mapping[str, int], context: Context) -> Cut:
        cut = structured.cut_evenly(self.model, self._prune, units, self._image.shape, context)
        prepared = self.by.prepare(cut, self.spec).eval()
        modules = {prepared.get_submodule(scope): scope for scope in self._scopes.values()}
        called = {modules[module]: call for module, call in calls(prepared, modules, self._image).items()}
        return Cut(units, prepared, called)

    def _parts(self) -> list[Part]:
        curves: dict[Any, int] = {}
        return [
            Part(
                name=name,
                kind="mlp" if width.kind == "mlp" else "attention",
                units=width.units,
                unit="heads" if width.unit == "heads" else "channels",
                curve=curves.setdefault(self._signature(width), len(curves)),
            )
            for name, width in self._widths.items()
        ]

    def _chosen_levels(self) -> dict[str, list[int]]:
        """Widths at which each part is measured: the fewer, the less of the model all parts of its curve are."""
        macs: dict[int, int] = defaultdict(int)
        for part in self.parts:
            scope = self._scopes[part.name]
            macs[part.curve] += models.macs(self.dense.prepared.get_submodule(scope), *self.dense.calls[scope])
        whole = models.macs(self.dense.prepared, (self._image,))
        found = {
            part.name: levels.of_share(part.units, whole=part.unit == "heads", share=macs[part.curve] / whole)
            for part in self.parts
        }
        return found if self._embedding is None else {name: levels.few(widths) for name, widths in found.items()}

    def _of_curves(self) -> list[Part]:
        """The first part of each curve, which stands for all of it."""
        firsts = {part.curve: part for part in reversed(self.parts)}
        return [firsts[curve] for curve in sorted(firsts)]

    def count(self) -> int:
        """How many files there will be, with that of the uncut model, without those of blocks."""
        return 1 + sum(len(self._levels[part.name]) for part in self._of_curves())

    def written(self, cuts: Sequence[Cut], to: Place) -> Iterator[ProbeFile]:
        """Write all files that are not there; the uncut model first."""
        dense = self._path(to, DENSE)
        if dense.name not in to.there:
            self._write(copy.deepcopy(self.dense.prepared), self._image, dense, to.way)
            yield self._noted(dense, self._image, self.dense.units)
        yield from self._blocks(to)
        for part in self._of_curves():
            for level, units in enumerate(self._levels[part.name]):
                yield from self._part(cuts[level], part, units, to)

    def _blocks(self, to: Place) -> Iterator[ProbeFile]:
        """A file for each kind of block that can be left out, with nothing cut."""
        dense = self.dense
        found = blocks.blocks(self.model, list(self._widths.values()), self._image)
        modules = {dense.prepared.get_submodule(block.name): block for block in found}
        called = calls(dense.prepared, modules, self._image)
        alike: dict[Any, list[Block]] = {}
        for module, block in modules.items():
            alike.setdefault((_shapes(module), _form(called[module])), []).append(block)
        for number, several in enumerate(alike.values()):
            path = self._path(to, f"block-{number}")
            if path.name not in to.there:
                name = several[0].name
                cut = Cut(dense.units, dense.prepared, {name: called[dense.prepared.get_submodule(name)]})
                repeated, given = _repeated(cut, name)
                self._write(repeated, given, path, to.way)
                stands_for = {block.name: block.widths for block in several}
                noted = self._noted(path, given, {}, copies=len(repeated.copies))
                yield noted.model_copy(update={"blocks": stands_for})

    def further(self, more: Mapping[str, Sequence[int]], to: Place, context: Context) -> Iterator[ProbeFile]:
        """Write files at further widths, by the name of the part."""
        for name, widths in more.items():
            part = next(part for part in self.parts if part.name == name)
            for units in widths:
                yield from self._part(self._cut({**self.dense.units, name: units}, context), part, units, to)

    def _part(self, cut: Cut, part: Part, units: int, to: Place) -> Iterator[ProbeFile]:
        path = self._path(to, f"part-{part.curve}-{units}")
        if path.name not in to.there:
            repeated, given = _repeated(cut, self._scopes[part.name])
            self._write(repeated, given, path, to.way)
            yield self._noted(path, given, {part.name: units}, copies=len(repeated.copies), curve=part.curve)

    def _signature(self, width: Width) -> Any:
        scope = self._scopes[width.name]
        module = self.dense.prepared.get_submodule(scope)
        return width.unit, width.units, _shapes(module), _form(self.dense.calls[scope])

    def _path(self, to: Place, key: str) -> Path:
        narrower = f"embedding-{self._embedding}-" if self._embedding is not None else ""
        return to.folder / f"{narrower}{key}{FORMATS[self.by.key].suffix}"

    def _noted(
        self, path: Path, given: Tensor, units: Mapping[str, int], *, copies: int = 1, curve: int | None = None
    ) -> ProbeFile:
        return ProbeFile(
            key=path.stem,
            name=path.name,
            size=path.stat().st_size,
            input_shape=tuple(given.shape),
            units=dict(units),
            copies=copies,
            curve=curve,
            embedding=self._embedding,
        )

    def _write(self, module: nn.Module, image: Tensor, path: Path, way: Way) -> None:
        write_file(module, self.by, self.spec, image=image, path=path, way=way)


def write_file(prepared: nn.Module, by: Exporter, spec: ArtifactSpec, *, image: Tensor, path: Path, way: Way) -> None:
    """Write a prepared model, or a part of one, quantized with noise in place of calibration images.

    Args:
        prepared: May be changed in place.
        image: What it takes.
    """
    with FORMATS.blaming(by.key):
        made = by.quantize(prepared, spec, [image])
        description = {"input_shape": list(image.shape), "engine": way.engine, "precision": spec.scheme}
        by.write(made, path, passes=way.passes, example=image, description=description)


def whole_file(
    prepared: nn.Module,
    by: Exporter,
    spec: ArtifactSpec,
    *,
    image: Tensor,
    path: Path,
    way: Way,
    units: Mapping[str, int] | None = None,
) -> ProbeFile:
    """Write a prepared model as one file, which is called as the file is.

    Args: as ``write_file``.
        units: What is left of its widths, by name.
    """
    write_file(prepared, by, spec, image=image, path=path, way=way)
    shape = tuple(image.shape)
    return ProbeFile(
        key=path.stem, name=path.name, size=path.stat().st_size, input_shape=shape, units=dict(units or {})
    )


def _shapes(module: nn.Module) -> Any:
    return type(module), tuple((name, tuple(tensor.shape)) for name, tensor in module.state_dict().items())


def parts_of(config: PruneConfig) -> PruneConfig:
    """The settings by which parts are found that a table has."""
    return config.model_copy(update={"enabled": True, "mlp": True, "attention": True, "embedding": False})


class _Repeated(nn.Module):
    """Copies of a module one after another, or one alone where its output is no input of its own."""

    def __init__(self, copies: Sequence[nn.Module], call: Call) -> None:
        super().__init__()
        self.copies = nn.ModuleList(copies)
        (_, *self._rest), self._keywords = call

    def forward(self, x: Tensor) -> Tensor:
        for module in self.copies:
            x = module(x, *self._rest, **self._keywords)
        return x


def _repeated(cut: Cut, scope: str) -> tuple[_Repeated, Tensor]:
    """A part as often as it can follow itself, and its input."""
    module, call = cut.prepared.get_submodule(scope), cut.calls[scope]
    image: Tensor = call[0][0]
    with torch.inference_mode():
        output = module(image, *call[0][1:], **call[1])
    if not isinstance(output, Tensor):
        raise PruneError(f"{scope} gives no tensor, so what it costs cannot be measured.", action="Cut by ratio.")
    copies = COPIES if output.shape == image.shape else 1
    return _Repeated([copy.deepcopy(module) for _ in range(copies)], call).eval(), image.clone()


def narrower_embeddings(model: nn.Module) -> tuple[int | None, list[int]]:
    """Channels of the embedding, and fewer with which parts are measured; None and none where it cannot be cut."""
    if structure.supported(model)["embedding"]:
        return None, []
    units = embedding.width(model).units
    return units, levels.embeddings(units)


def _form(value: Any) -> Any:
    """What of a call's arguments decides how long it takes."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, list | tuple):
        return tuple(map(_form, value))
    if isinstance(value, dict):
        return tuple((key, _form(item)) for key, item in sorted(value.items()))
    return value if isinstance(value, int | float | str | None) else repr(value)
