"""What a structure really costs: it is written as a file, and timed beside the uncut model where that can be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from pqv_core.config import RunConfig
from pqv_core.config.budget import LOCAL
from pqv_core.engine.context import Context
from pqv_core.engine.formats.exporter import Way, exporter
from pqv_core.engine.latency import measuring, writing
from pqv_core.engine.latency.probes import whole_file
from pqv_core.engine.models import create as models
from pqv_core.engine.prune import structured
from pqv_core.engine.prune.space import Costs
from pqv_core.formats import FORMATS
from pqv_core.latency.probe_files import DENSE, ProbeFile
from pqv_core.latency.table import LatencyTable

_CUT = "cut"


class Trial:
    """Tries structures of one model, with whatever weights.

    Args:
        model: Uncut, in eval mode, on the CPU.
        table: In whose way files are written; None where only sizes matter.
        folder: For the files.
        finish: What else is done to a model that was cut, before it is written, in place.
    """

    def __init__(
        self,
        model: nn.Module,
        config: RunConfig,
        table: LatencyTable | None,
        folder: Path,
        context: Context,
        *,
        finish: Callable[[nn.Module], None] = lambda model: None,
    ) -> None:
        self._model, self._config, self._folder, self._context = model, config, folder, context
        self._finish = finish
        self._form = config.export.formats[0]
        self._spec = writing.result(config, self._form)
        self._by = exporter(self._form, config)
        self._shape = (1, *models.preprocessing(model).input_size)
        self._table = table
        self._way = Way(table.subject.passes, table.subject.engine) if table is not None else None
        self._dense: ProbeFile | None = None

    def __call__(self, units: Mapping[str, int]) -> Costs:
        """What the model costs with so many units of each width, by its name.

        Raises:
            PqvError: The model cannot be cut so, written or run.
            Cancelled: The end was asked for.
        """
        cut = structured.cut_evenly(self._model, self._config.pruning, units, self._shape, self._context)
        self._finish(cut)
        file = self._written(cut, _CUT, units)
        if self._table is None or self._config.budget.on != LOCAL:
            return Costs(None, file.size)
        if self._dense is None:
            self._dense = self._written(self._model, DENSE, {})
        subject = self._table.subject
        samples = measuring.timed([self._dense, file], subject, self._folder, self._config, self._context)
        return Costs(min(samples[_CUT]) / min(samples[DENSE]), file.size)

    def _written(self, model: nn.Module, key: str, units: Mapping[str, int]) -> ProbeFile:
        image = torch.randn(self._shape, generator=torch.Generator().manual_seed(0))
        path = self._folder / f"{key}{FORMATS[self._form].suffix}"
        with FORMATS.blaming(self._form):
            prepared = self._by.prepare(model, self._spec).eval()
            if self._way is None:
                self._way = self._by.ways(prepared, self._spec)[0]
        return whole_file(prepared, self._by, self._spec, image=image, path=path, way=self._way, units=units)
