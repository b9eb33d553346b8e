"""Predictions follow from the sizes alone (what the engine really makes of them: tests/unit/engine)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.config import ModelConfig, PruneConfig, QuantizeConfig, TokensConfig
from pqv_core.errors import ConfigError
from pqv_core.files.resource_files import resource
from pqv_core.models import catalog
from pqv_core.models.catalog import CatalogEntry
from pqv_core.models.predict import Prediction, describe, predict
from pqv_core.project import demo

FP32 = QuantizeConfig(precision="fp32")
INT8 = QuantizeConfig(precision="int8-dynamic")
OFF = PruneConfig(enabled=False)
DEIT = "deit_small_patch16_224"


def _entry(name: str) -> CatalogEntry:
    return catalog.load().get(name)


def _predict(name: str, *, prune: PruneConfig = OFF, quantize: QuantizeConfig = FP32, **arguments: Any) -> Prediction:
    return predict(_entry(name), model=ModelConfig(name=name, arguments=arguments), prune=prune, quantize=quantize)


def test_nothing_done_changes_nothing() -> None:
    prediction = _predict(DEIT)
    assert prediction.before == prediction.after
    assert prediction.before.params == _entry(DEIT).params
    assert prediction.before.macs == _entry(DEIT).macs
    assert prediction.widths_before == prediction.widths_after


def test_a_model_is_described_as_its_arguments_make_it() -> None:
    published = _entry("deit_tiny_patch16_224")
    assert published.vit is not None
    arguments = {"img_size": 32, "embed_dim": 96, "depth": 4, "num_heads": 3, "num_classes": 10, "in_chans": 1}
    small = describe(published, ModelConfig(name=published.name, arguments={**arguments, "drop_rate": 0.1}))
    assert (published.params, small.params) == (5_717_416, 473_770)
    assert (small.image, small.channels, small.unheeded) == ((32, 32), 1, ())
    odd = describe(published, ModelConfig(name=published.name, arguments={"qkv_bias": False}))
    assert (odd.params, odd.unheeded) == (published.params, ("qkv_bias",))


def test_without_known_sizes_it_is_said_which_arguments_are_not_in_the_figures() -> None:
    swin = _entry("swin_tiny_patch4_window7_224")
    found = describe(swin, ModelConfig(name=swin.name, arguments={"num_classes": 10, "embed_dim": 48}))
    assert found.unheeded == ("embed_dim",)
    assert found.params < swin.params, "of the arguments, the number of classes is known"


def test_int8_is_a_quarter_of_the_file_and_the_same_network() -> None:
    prediction = _predict(DEIT, quantize=INT8)
    assert prediction.after is not None
    assert 0.25 < prediction.after.file_bytes / prediction.before.file_bytes < 0.27
    assert (prediction.after.params, prediction.after.macs) == (prediction.before.params, prediction.before.macs)


def test_a_quarter_of_mlp_and_heads_by_hand() -> None:
    prediction = _predict(DEIT, prune=PruneConfig(ratio=0.25))
    assert prediction.after is not None
    assert prediction.widths_after is not None
    assert (prediction.widths_after.embedding, prediction.widths_after.hidden) == (384, 1152)
    assert (prediction.widths_after.heads, prediction.widths_after.head_dim) == (6, 48)
    cut_in_a_block = 4 * 384 * 96 + 2 * 384 * 384 + 3 * 96 + 384  # weights of attention and MLP, their biases
    assert prediction.before.params - prediction.after.params == 12 * cut_in_a_block


def test_merged_tokens_save_compute_and_nothing_else() -> None:
    entry, model = _entry(DEIT), ModelConfig(name=DEIT)
    found = predict(entry, model=model, prune=OFF, quantize=FP32, tokens=TokensConfig(merge=13))
    assert found.after is not None and found.after.macs is not None and found.before.macs is not None
    assert (found.after.params, found.after.file_bytes) == (found.before.params, found.before.file_bytes)
    assert found.before.macs == pytest.approx(4.6e9, rel=0.01)
    assert found.after.macs == pytest.approx(2.7e9, rel=0.02), "ToMe, table 1: DeiT-S, r = 13"


def test_numbers_of_merged_tokens_that_a_budget_does_not_heed_predict_nothing() -> None:
    tokens = TokensConfig(by_budget=True, per_block=(8,) * 40)
    found = predict(_entry(DEIT), model=ModelConfig(name=DEIT), prune=OFF, quantize=FP32, tokens=tokens)
    assert found.after is not None and found.after.macs == found.before.macs


def test_where_tokens_cannot_be_merged_the_prediction_says_so() -> None:
    swin = _entry("swin_tiny_patch4_window7_224")
    found = predict(swin, model=ModelConfig(name=swin.name), prune=OFF, quantize=FP32, tokens=TokensConfig(merge=1))
    assert found.after is None
    assert "SwinTransformer" in found.why_not
    assert found.before.params == swin.params


def test_whole_heads() -> None:
    prediction = _predict(DEIT, prune=PruneConfig(ratio=0.25, mlp=False, attention_unit="heads"))
    assert prediction.widths_after is not None
    assert (prediction.widths_after.heads, prediction.widths_after.head_dim) == (4, 64)
    assert prediction.widths_after.hidden == 1536


def _tensors(path: Path) -> int:
    """Numbers in a safetensors file, from its header."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def test_the_demo_is_predicted_with_its_arguments() -> None:
    config = demo.config()
    prediction = predict(_entry(config.model.name), model=config.model, prune=config.prune, quantize=config.quantize)
    assert prediction.after is not None
    assert prediction.blocks == 4
    assert prediction.before.params == _tensors(resource("demo", demo.WEIGHTS_FILE))
    assert prediction.before.file_bytes < 2_000_000
    assert prediction.after.file_bytes / prediction.before.file_bytes < 0.40


@given(
    st.sampled_from([DEIT, "vit_base_patch16_224", "vit_giant_patch14_reg4_dinov2", "vit_base_patch16_siglip_224"]),
    st.tuples(st.floats(0.001, 0.9), st.floats(0.001, 0.9)),
    st.sampled_from(["width", "heads"]),
    st.booleans(),
)
def test_cutting_more_never_costs_more(name: str, ratios: tuple[float, float], unit: Any, mlp: bool) -> None:
    less, more = (
        _predict(name, prune=PruneConfig(ratio=ratio, attention_unit=unit, mlp=mlp)).after for ratio in sorted(ratios)
    )
    before = _predict(name).before
    assert less is not None
    assert more is not None
    assert more.params <= less.params <= before.params
    assert (more.macs or 0) <= (less.macs or 0) <= (before.macs or 0)
    assert more.file_bytes <= less.file_bytes <= before.file_bytes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_heads": 5}, "not a multiple"),
        ({"embed_dim": 100, "num_heads": 3}, "not a multiple"),
        ({"depth": 0}, "depth must be a whole number"),
        ({"depth": "deep"}, "depth must be a whole number"),
        ({"embed_dim": 1.5}, "embed_dim must be a whole number"),
        ({"img_size": 8}, "smaller than a patch"),
        ({"mlp_ratio": 0}, "mlp_ratio must be a number"),
        ({"num_classes": -1}, "num_classes must be"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        _predict(DEIT, **arguments)
    assert caught.value.field.startswith("model.arguments.")


def test_a_tag_decides_the_classes_unless_they_are_given() -> None:
    thousand = _predict("vit_base_patch16_224").before.params
    many = _predict("vit_base_patch16_224.augreg_in21k").before.params
    assert many - thousand == (21843 - 1000) * 769
    assert _predict("vit_base_patch16_224.augreg_in21k", num_classes=1000).before.params == thousand


def test_other_architectures_are_predicted_by_what_can_be_cut_in_them() -> None:
    swin = "swin_tiny_patch4_window7_224"
    quantized = _predict(swin, quantize=INT8)
    assert quantized.after is not None
    assert quantized.after.params == quantized.before.params
    assert 0.25 < quantized.after.file_bytes / quantized.before.file_bytes < 0.30
    pruned = _predict(swin, prune=PruneConfig(ratio=0.25))
    assert pruned.after is not None
    assert pruned.after.params / pruned.before.params == pytest.approx(0.771, abs=1e-3)  # MLPs and heads are cut
    ten = _predict(swin, num_classes=10).before.params
    assert pruned.before.params - ten == 990 * 769


def test_heads_that_cannot_be_narrowed_go_whole() -> None:
    eva = "eva02_tiny_patch14_224"
    narrowed, whole = (_predict(eva, prune=PruneConfig(attention_unit=unit)).after for unit in ("width", "heads"))
    assert narrowed == whole
    relative = "coatnet_nano_rw_224"
    narrowed, whole = (_predict(relative, prune=PruneConfig(attention_unit=unit)).after for unit in ("width", "heads"))
    assert narrowed is not None and whole is not None
    assert whole.params == narrowed.params  # heads of 32 channels: a quarter of each is as much
    assert whole.file_bytes < narrowed.file_bytes - 1_000_000  # but their tables of positions go with them


def test_what_an_architecture_does_not_allow_has_its_reason() -> None:
    pruned = _predict("mixer_s32_224", prune=PruneConfig(mlp=False))
    assert pruned.after is None
    assert pruned.why_not.startswith("MlpMixer models cannot be pruned: MlpMixer has no attention")
    embedding = _predict("swin_tiny_patch4_window7_224", prune=PruneConfig(embedding=True))
    assert embedding.why_not.startswith("The embedding of this model cannot be cut:")


def test_what_a_plain_vit_does_not_allow_has_its_reason() -> None:
    prediction = _predict("vit_base_patch16_siglip_224", prune=PruneConfig(embedding=True))
    assert prediction.after is None
    assert "attention pooling" in prediction.why_not
    assert _predict("vit_base_patch16_siglip_224", prune=PruneConfig()).after is not None
