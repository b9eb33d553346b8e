"""The four files of a run: made for this computer by measuring, or for Android by what its runtime knows."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from pqv_core import labels
from pqv_core.config import ExportConfig, MeasureConfig, ModelConfig, QuantizeConfig, RunConfig, with_settings
from pqv_core.engine import export
from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.formats.ptl import lite_exporter, lite_writer
from pqv_core.engine.formats.ptl import lite_session as lite
from pqv_core.engine.measure.file_client import ExportedFile
from pqv_core.engine.transforms import merged_tokens
from pqv_core.engine.transforms.merged_tokens import Merging
from pqv_core.errors import ConfigError, ExportError
from pqv_core.formats.ptl import android_runtime
from pqv_core.formats.ptl import ptl_file as ptl
from pqv_core.process.events import Event, Progress

MODEL = "vit_tiny_patch16_224"
PREPROCESSING = Preprocessing(
    input_size=(3, 32, 32),
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    interpolation="bicubic",
    crop_pct=1.0,
    crop_mode="center",
)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    arguments = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 10}
    made: nn.Module = timm.create_model(MODEL, **arguments)
    return made.eval()


def exported(
    model: nn.Module,
    folder: Path,
    *,
    target: str,
    engine: str = "auto",
    send: Callable[[Event], None] = lambda event: None,
) -> list[export.ArtifactFile]:
    config = RunConfig(
        model=ModelConfig(name=MODEL, weights="random"),
        quantize=QuantizeConfig.parse({"engine": engine}),
        export=ExportConfig.parse({"target": target}),
        measure=MeasureConfig(threads=1),
    )
    return export.export(
        dense=model,
        final=model,
        config=config,
        preprocessing=PREPROCESSING,
        classes=None,
        directory=folder,
        context=Context(run="r", send=send, cancelled=threading.Event()),
    )


def test_every_file_for_android_is_known_to_its_runtime(model: nn.Module, tmp_path: Path) -> None:
    artifacts = exported(model, tmp_path, target="android")
    assert [item.key for item in artifacts] == ["paper_fp32", "fast_fp32", "pruned_fp32", "compressed"]
    assert artifacts[-1].engine == "qnnpack"
    inputs = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        expected = model(inputs)
        for item in artifacts:
            file = ptl.read(tmp_path / item.file)
            assert list(android_runtime.problems(file, android_runtime.load())) == []
            assert file.input_shape == (1, 3, 32, 32)
            assert (file.description["target"], file.description["runtime"]) == ("android", android_runtime.DEFAULT)
            answer = torch.cat(
                [lite.open_file(tmp_path / item.file, engine=item.engine).run(one[None]) for one in inputs]
            )
            assert torch.allclose(answer, expected, atol=1e-5 if item.spec.scheme == "fp32" else 0.1)


def test_each_part_of_the_export_is_told_and_the_choice_among_candidates_one_by_one(
    model: nn.Module, tmp_path: Path
) -> None:
    events: list[Event] = []
    exported(model, tmp_path, target="host", send=events.append)
    told = [event for event in events if isinstance(event, Progress)]
    parts = list(dict.fromkeys(event.part for event in told))
    assert parts == ["paper_fp32", "fast_fp32", "pruned_fp32", "compressed", "quantize"]
    assert [labels.doing("export", part) for part in parts][:2] == [
        "Writing “FP32, paper’s baseline”",
        "Writing “FP32, fastest”",
    ]
    shares = [event.done_share or 0 for event in told]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
    for part in ("fast_fp32", "compressed"):
        units = [event.unit for event in told if event.part == part and event.unit]
        assert units.count("candidates") >= 2
        assert units.count("inferences") > 5


def test_a_file_for_this_computer_says_so(model: nn.Module, tmp_path: Path) -> None:
    artifacts = exported(model, tmp_path, target="host", engine="onednn")
    file = ptl.read(tmp_path / artifacts[0].file)
    assert (file.description["target"], file.description["runtime"]) == ("host", None)
    assert "aten::scaled_dot_product_attention" in file.operators
    assert [len(item.samples_ns) for item in artifacts[1].candidates] == [15, 15]


def test_choosing_by_measuring_ends_after_its_time_with_a_turn_of_each(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_CHOICE_SECONDS", 0.0)
    config = RunConfig(measure=MeasureConfig(threads=1))
    exporting = export._Export(config, PREPROCESSING, None, tmp_path, Context(run="r", send=lambda event: None))
    lite_writer.save(model, tmp_path / "a.ptl", example=exporting.example, passes="freeze", description={})
    files = [ExportedFile(key=key, path=str(tmp_path / "a.ptl"), format="ptl") for key in ("one", "another")]
    candidates = exporting._choose(files)
    assert [len(item.samples_ns) for item in candidates] == [5, 5]
    assert sum(item.chosen for item in candidates) == 1


def test_where_bfloat16_is_multiplied_attention_is_tried_in_it_too(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lite_exporter, "multiplies_bf16", lambda: True)
    compressed = exported(model, tmp_path, target="host", engine="onednn")[-1]
    assert [item.name for item in compressed.candidates] == ["onednn", "onednn, freeze-bf16"]
    assert all(item.median_ns for item in compressed.candidates)
    chosen = next(item.name for item in compressed.candidates if item.chosen)
    assert compressed.passes == ("freeze" if chosen == "onednn" else "freeze-bf16")
    assert ptl.read(tmp_path / compressed.file).description["passes"] == compressed.passes
    assert list(tmp_path.glob(".trial*")) == []


def test_it_is_tried_neither_for_phones_nor_where_attention_is_not_fused(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lite_exporter, "multiplies_bf16", lambda: True)
    plain = lite_exporter.without_fused_attention(model)
    assert exported(plain, tmp_path, target="host", engine="onednn")[-1].candidates == ()
    assert exported(model, tmp_path, target="android")[-1].passes == "freeze"


@pytest.mark.parametrize("target", ["host", "android"])
def test_a_model_that_merges_tokens_is_written_with_all_of_them_too(
    model: nn.Module, target: str, tmp_path: Path
) -> None:
    merges = copy.deepcopy(model)
    merged_tokens.merge(merges, Merging(merged=(5, 3)))
    settings = {"tokens.per_block": (5, 3), "export.target": target, "measure.threads": 1, "model.name": MODEL}
    files = export.export(
        dense=model,
        final=merges,
        config=with_settings(RunConfig(), settings),
        preprocessing=PREPROCESSING,
        classes=None,
        directory=tmp_path,
        context=Context(run="r", send=lambda event: None, cancelled=threading.Event()),
    )
    made = {item.key: item for item in files}
    assert list(made) == ["paper_fp32", "fast_fp32", "pruned_fp32", "compressed", "unmerged"]
    assert (made["unmerged"].engine, made["unmerged"].passes) == (made["compressed"].engine, made["compressed"].passes)
    assert "_merged" in made["compressed"].file
    image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    for key, expected, error in (("pruned_fp32", merges, 1e-4), ("compressed", merges, 0.1), ("unmerged", model, 0.1)):
        item = made[key]
        answer = lite.open_file(tmp_path / item.file, engine=item.engine).run(image)
        with torch.inference_mode():
            assert (answer - expected(image)).norm() / expected(image).norm() < error, key
        described = ptl.read(tmp_path / item.file).description
        assert described["merged"] == ([5, 3] if key != "unmerged" else None)


def test_an_engine_that_phones_lack_is_refused_before_any_work(model: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="QNNPACK"):
        exported(model, tmp_path, target="android", engine="fbgemm")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_the_runtime_cannot_run_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    class Newer(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.rms_norm(x.flatten(1), [3 * 32 * 32])

    with pytest.raises(ExportError, match="lacks aten::rms_norm"):
        exported(Newer().eval(), tmp_path, target="android")


def test_the_model_itself_keeps_its_fused_attention(model: nn.Module) -> None:
    plain = lite_exporter.without_fused_attention(model)
    flags = [module.fused_attn for module in model.modules() if hasattr(module, "fused_attn")]
    assert flags and all(flags)
    assert not any(getattr(module, "fused_attn", False) for module in plain.modules())
