"""What is written to measure a latency table: one file a width of each kind of part."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from pqv_core import formats
from pqv_core.config import RunConfig
from pqv_core.engine import export
from pqv_core.engine.context import Context
from pqv_core.engine.formats.exporter import Way, exporter
from pqv_core.engine.latency import measuring, writing
from pqv_core.engine.latency.probes import COPIES, Place, Probes, narrower_embeddings
from pqv_core.engine.models import checkpoint
from pqv_core.errors import Cancelled
from pqv_core.latency import store
from pqv_core.latency.probe_files import DENSE, Folder, ProbeFile
from tests.unit.core.latency.test_latency_table import table

IMAGE = torch.zeros(1, 3, 32, 32)
SWIN: dict[str, Any] = {"img_size": 56, "depths": (2, 2), "num_heads": (2, 4), "embed_dim": 16, "num_classes": 5}
PLAIN: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 3, "num_heads": 3, "num_classes": 5}


def context() -> Context:
    return Context(run="r", send=lambda event: None, cancelled=threading.Event())


def probes(model: nn.Module, *, precision: str = "fp32", unit: str = "width", image: Tensor = IMAGE) -> Probes:
    config = RunConfig.parse(
        {"quantize": {"precision": precision}, "prune": {"attention_unit": unit}, "export": {"formats": ["ptl"]}}
    )
    spec = export.specifications(config)[-1]
    return Probes(model.eval(), config, exporter("ptl", config), spec, image, context())


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", **PLAIN).eval()


def test_parts_that_cost_the_same_share_a_curve(model: nn.Module) -> None:
    parts = probes(model).parts
    curves = {part.name: part.curve for part in parts}
    assert curves["blocks.0.mlp.fc2"] == curves["blocks.1.mlp.fc2"]
    assert curves["blocks.0.attn.proj"] == curves["blocks.1.attn.proj"]
    # The last block is worked out for the class token only, which costs far less.
    assert len({*curves.values()}) == 4
    assert {part.name: part.units for part in parts}["blocks.0.mlp.fc2"] == 192


def test_every_cut_is_the_model_with_all_parts_at_one_level(model: nn.Module) -> None:
    cuts = probes(model).cuts(context())
    widths = [cut.prepared.get_submodule("blocks.0.mlp.fc2").in_features for cut in cuts]
    assert widths == [cut.units["blocks.0.mlp.fc2"] for cut in cuts] == [192, 144, 96, 48, 24]
    assert [cut.units["blocks.0.attn.proj"] for cut in cuts] == [16, 8, 8, 8, 8]
    assert model.get_submodule("blocks.0.mlp.fc2").in_features == 192


def test_what_is_little_of_the_model_is_measured_at_fewer_widths(model: nn.Module) -> None:
    made = probes(model, unit="heads")
    assert [cut.units["blocks.0.mlp.fc2"] for cut in made.cuts(context())] == [192, 144, 96, 48, 24]
    # The MLP of the last block sees one token of seventeen.
    assert [cut.units["blocks.2.mlp.fc2"] for cut in made.cuts(context())] == [192, 96, 24, 24, 24]
    assert made.count() == 1 + 5 + 3 + 3 + 3  # the uncut model; MLPs; attentions of three heads


@pytest.mark.parametrize("precision", ["fp32", "int8-dynamic"])
def test_a_probe_holds_a_part_several_times_and_can_be_read(precision: str, model: nn.Module, tmp_path: Path) -> None:
    made = probes(model, precision=precision, unit="heads")
    (way, *_) = made.by.ways(made.dense.prepared, made.spec)
    way = Way(way.passes, way.engine)
    written = list(made.written(made.cuts(context()), Place(tmp_path, way)))
    assert len([file for file in written if not file.blocks]) == made.count()
    (block,) = (file for file in written if file.blocks)
    assert block.blocks["blocks.1"] == ("blocks.1.mlp.fc2", "blocks.1.attn.proj")
    assert written[0].key == "dense"
    assert {file.copies for file in written[1:]} == {COPIES, 1}  # attention of the last block gives fewer tokens
    for file in written:
        info, facts = formats.read(tmp_path / file.name)
        assert (info.key, facts.input_shape, facts.size_bytes) == ("ptl", file.input_shape, file.size)
    sizes = [file.size for file in written if file.curve == 0]
    assert sizes == sorted(sizes, reverse=True)


def test_with_a_narrower_embedding_the_same_parts_are_written_at_fewer_widths(tmp_path: Path) -> None:
    config = RunConfig.parse(
        {
            "model": {"name": "vit_tiny_patch16_224", "arguments": PLAIN},
            "prune": {"embedding": True, "attention_unit": "heads"},
            "quantize": {"precision": "fp32"},
            "export": {"formats": ["ptl"]},
        }
    )
    model = checkpoint.Base(name="vit_tiny_patch16_224", arguments=PLAIN).create().eval()
    folder = Folder(tmp_path)
    files = writing.write(model, config, "ptl", folder, context())
    assert folder.files() == files and files.embedding == 48
    assert files.files[0].key == DENSE
    whole, half = ({file.key: file for file in files.files if file.embedding == units} for units in (None, 24))
    assert {file.embedding for file in files.files} == {None, 32, 24}
    assert _widths(whole) == {0: [24, 48, 96, 144, 192], 1: [24, 96, 192], 2: [1, 2, 3], 3: [1, 2, 3]}
    assert _widths(half) == {0: [24, 96, 192], 1: [24, 192], 2: [1, 3], 3: [1, 3]}
    assert {key.removeprefix("embedding-24-") for key in half} < set(whole)
    for key, file in half.items():
        same = whole[key.removeprefix("embedding-24-")]
        assert (file.units, file.curve, file.blocks, file.copies) == (same.units, same.curve, same.blocks, same.copies)
        assert file.size < same.size
    assert half["embedding-24-part-0-192"].input_shape[-1] == 24
    again = writing.write(model, config, "ptl", folder, context())
    assert again == files  # nothing is written twice


def _widths(files: Mapping[str, ProbeFile]) -> dict[int, list[int]]:
    """At which each curve is measured."""
    found: dict[int, list[int]] = defaultdict(list)
    for file in files.values():
        if file.curve is not None:
            found[file.curve] += file.units.values()
    return {curve: sorted(found[curve]) for curve in sorted(found)}


def test_a_model_with_several_embeddings_keeps_them_whole() -> None:
    assert narrower_embeddings(timm.create_model("swin_tiny_patch4_window7_224", **SWIN)) == (None, [])


def test_a_table_that_another_process_measured_meanwhile_is_taken() -> None:
    found, before = table(), len(list(store.kept()))
    taken = measuring.kept(nn.Identity(), RunConfig(), "ptl", context(), unless=lambda: found)
    assert taken is found and len(list(store.kept())) == before


def test_what_was_written_before_is_not_written_again(model: nn.Module, tmp_path: Path) -> None:
    made = probes(model)
    cuts = made.cuts(context())
    (way, *_) = made.by.ways(made.dense.prepared, made.spec)
    names = [file.name for file in made.written(cuts, Place(tmp_path, way))]
    again = made.written(cuts, Place(tmp_path, way, frozenset(names[1:])))
    assert [file.name for file in again] == names[:1]


def test_a_part_can_be_written_at_any_further_width(model: nn.Module, tmp_path: Path) -> None:
    made = probes(model)
    (way, *_) = made.by.ways(model, made.spec)
    (file,) = made.further({"blocks.0.mlp.fc2": (40,)}, Place(tmp_path, way), context())
    assert (file.units, file.curve) == ({"blocks.0.mlp.fc2": 40}, 0)
    assert formats.read(tmp_path / file.name)[1].size_bytes == file.size


def test_windows_that_are_shifted_have_curves_of_their_own() -> None:
    swin = timm.create_model("swin_tiny_patch4_window7_224", **SWIN)
    made = probes(swin, unit="heads", image=torch.zeros(1, 3, 56, 56))
    names = {part.name: part.curve for part in made.parts}
    assert names["layers.0.blocks.0.attn.proj"] != names["layers.0.blocks.1.attn.proj"]  # a mask more
    assert names["layers.0.blocks.0.mlp.fc2"] == names["layers.0.blocks.1.mlp.fc2"]


def test_it_ends_when_the_end_is_asked_for(model: nn.Module) -> None:
    stopped, made = context(), probes(model)
    stopped.cancelled.set()
    with pytest.raises(Cancelled):
        made.cuts(stopped)
