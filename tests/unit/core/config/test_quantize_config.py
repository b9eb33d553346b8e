"""Settings of quantization: groups, what is spared, and what a scheme asks of pruning."""

from __future__ import annotations

import pytest

from pqv_core.config import PruneConfig, QuantizeConfig, RunConfig, setting_names, with_setting, with_settings
from pqv_core.config.quantize import GROUPS, fitting_group
from pqv_core.errors import ConfigError

INT4 = QuantizeConfig(precision="int4")


@pytest.mark.parametrize(
    ("inputs", "most", "group"),
    [(768, 32, 32), (768, 64, 64), (768, 128, 128), (192, 128, 64), (96, 128, 32), (588, 128, None), (48, 32, None)],
)
def test_a_layer_gets_the_largest_group_that_divides_its_inputs(inputs: int, most: int, group: int | None) -> None:
    assert fitting_group(inputs, most) == group


def test_groups_are_what_xnnpack_has_kernels_for() -> None:
    assert QuantizeConfig().group == 32
    assert [with_setting(RunConfig(), "quantize.group", str(group)).quantize.group for group in GROUPS] == [32, 64, 128]
    with pytest.raises(ConfigError, match=r"quantize\.group: 48 is not known.*32.*64.*128"):
        with_setting(RunConfig(), "quantize.group", "48")


def test_only_a_scheme_with_groups_names_them() -> None:
    assert INT4.changed(group=64).label == "INT4, groups of 64"
    assert QuantizeConfig(group=64).label == "INT8 dynamic"


def test_too_sensitive_layers_are_left_in_what_the_scheme_falls_back_to() -> None:
    int8 = QuantizeConfig(keep=("head",)).sparing(["blocks.0.mlp.fc1"])
    assert (int8.keep, int8.keep_int8) == (("head", "blocks.0.mlp.fc1"), ())
    int4 = INT4.changed(keep=("head",)).sparing(["blocks.0.mlp.fc1"])
    assert (int4.keep, int4.keep_int8) == (("head",), ("blocks.0.mlp.fc1",))


def test_layers_of_four_bits_are_looked_at_singly() -> None:
    assert not INT4.looks_at_layers
    assert INT4.changed(tolerance=0.1).looks_at_layers
    assert not with_settings(RunConfig(), {"quantize.precision": "int4", "export.formats": ("pte",)}).uses_engine


@pytest.mark.parametrize(("heads", "to"), [(1, 32), (3, 32), (6, 16), (12, 8), (16, 8)])
def test_for_four_bits_the_inputs_of_layers_are_rounded(heads: int, to: int) -> None:
    """All heads together are the inputs; each of them is still a multiple of what was asked for."""
    config = with_settings(RunConfig(), {"quantize.precision": "int4", "prune.round_to": 8})
    assert config.pruning.rounding(heads=heads) == to
    assert config.prune.rounding(heads=heads) == 8


def test_other_schemes_and_no_pruning_ask_nothing_of_widths() -> None:
    assert RunConfig().pruning == RunConfig().prune
    whole = with_settings(RunConfig(), {"quantize.precision": "int4", "prune.enabled": False})
    assert whole.pruning == PruneConfig(enabled=False)
    assert "prune.multiple" not in setting_names()
