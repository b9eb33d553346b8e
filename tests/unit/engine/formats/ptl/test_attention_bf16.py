"""Fused attention in bfloat16: the graph says so, and the answers stay near."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from pqv_core.engine.formats.ptl import attention_bf16, lite_writer
from pqv_core.engine.formats.ptl import lite_session as lite
from pqv_core.engine.measure.parity import parity
from pqv_core.engine.quantize import quantize

EXAMPLE = torch.zeros(1, 3, 32, 32)
BFLOAT16 = 15


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(x, x, x).transpose(1, 2)


class Masked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(x, x, x, attn_mask=torch.zeros(x.shape[-2], x.shape[-2]))


def graph_of(module: nn.Module) -> torch.Graph:
    return torch.jit.freeze(torch.jit.script(module.eval())).graph


def test_inputs_are_cast_and_the_result_is_cast_back() -> None:
    graph = graph_of(Attention())
    assert attention_bf16.attend_in_bf16(graph) == 1
    graph.lint()
    (attention,) = graph.findAllNodes("aten::scaled_dot_product_attention")
    for value in list(attention.inputs())[:3]:
        assert value.node().kind() == "aten::to"
        assert value.node().inputsAt(1).toIValue() == BFLOAT16
    (use,) = attention.output().uses()
    assert use.user.kind() == "aten::to"
    assert [later.user.kind() for later in use.user.output().uses()] == ["aten::transpose"]


def test_attention_with_a_mask_stays_as_it_is() -> None:
    assert attention_bf16.attend_in_bf16(graph_of(Masked())) == 0


@pytest.mark.parametrize(("precision", "error"), [("fp32", 0.01), ("int8-dynamic", 0.05), ("int8-static", 0.05)])
def test_a_file_answers_nearly_as_the_one_in_fp32(precision: str, error: float, tmp_path: Path) -> None:
    torch.manual_seed(0)
    arguments = {"img_size": 32, "patch_size": 8, "embed_dim": 96, "depth": 2, "num_heads": 3, "num_classes": 10}
    model = timm.create_model("vit_tiny_patch16_224", **arguments).eval()
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    made = quantize(model, precision, batches=[images])  # type: ignore[arg-type]  # one of the three
    answers = []
    for passes in ("freeze", "freeze-bf16"):
        path = tmp_path / f"{passes}.ptl"
        lite_writer.save(made, path, example=EXAMPLE, passes=passes, description={})  # type: ignore[arg-type]
        module = lite.open_file(path, engine="" if precision == "fp32" else "onednn")
        with torch.inference_mode():
            answers.append(torch.cat([module.run(image[None]) for image in images]))
    assert answers[1].dtype == torch.float32
    assert 0 < parity(answers[1], answers[0]).relative < error


def test_a_processor_is_asked_for_its_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, expected in (("amx_bf16", True), ("avx512_bf16", True), ("avx2", False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda name=name: {name: True, "amx_int8": True})
        assert attention_bf16.multiplies_bf16() is expected
