"""ExecuTorch files: what is written is read back, is delegated as a whole, and whatever else is named in words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from pqv_core.config import RunConfig
from pqv_core.engine import export
from pqv_core.engine.formats.exporter import exporter
from pqv_core.engine.measure.parity import parity
from pqv_core.errors import BenchmarkError, ExportError, QuantizeError
from pqv_core.formats import FileFormatError
from pqv_core.formats.pte import INFO
from pqv_core.results.operators import group

pytest.importorskip("executorch.exir", reason="ExecuTorch is an extra that is not installed here")
pytest.importorskip("torchao", reason="torchao is an extra that is not installed here")

from pqv_core.engine.formats.pte import pte_session, pte_writer, xnnpack_profile

EXAMPLE = torch.zeros(1, 3, 16, 16)
DESCRIPTION = {"model": "a name", "labels": ["α", "β"], "input_shape": [1, 3, 16, 16]}
PRECISIONS = {"fp32": 1e-5, "fp16": 1e-3, "int8-dynamic": 0.05, "int8-static": 0.1, "int4": 0.3}
"""How far answers may be from those of the fp32 model."""


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    arguments = {"img_size": 16, "patch_size": 8, "embed_dim": 64, "depth": 1, "num_heads": 2, "num_classes": 10}
    return timm.create_model("vit_tiny_patch16_224", **arguments).eval()


@pytest.fixture(scope="module")
def inputs() -> Tensor:
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def write(model: nn.Module, path: Path, precision: str, inputs: Tensor, **settings: object) -> Path:
    config = RunConfig.parse({"quantize": {"precision": precision, **settings}, "export": {"formats": ["pte"]}})
    by, spec = exporter("pte", config), export.specifications(config)[-1]
    made = by.quantize(by.prepare(model, spec), spec, [inputs])
    (way,) = by.ways(made, spec)
    by.write(made, path, passes=way.passes, example=EXAMPLE, description=DESCRIPTION)
    return path


@pytest.fixture(scope="module", params=PRECISIONS)
def file(
    request: pytest.FixtureRequest, model: nn.Module, inputs: Tensor, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write(model, tmp_path_factory.mktemp("pte") / f"{request.param}.pte", request.param, inputs)


def test_a_file_answers_as_the_model_in_one_delegate(file: Path, model: nn.Module, inputs: Tensor) -> None:
    with torch.inference_mode():
        expected = model(inputs)
    assert parity(pte_session.load(file, threads=1).run(inputs), expected).relative < PRECISIONS[file.stem]
    found = INFO.read(file)
    assert set(found.delegates) == {"XnnpackBackend"}
    assert found.calls == {}
    assert (found.description, found.input_shape) == (DESCRIPTION, (1, 3, 16, 16))


def test_weights_in_16_bits_are_those_of_linear_layers_alone(tmp_path: Path) -> None:
    """XNNPACK misreads the biases of convolutions whose weights are in 16 bits."""
    torch.manual_seed(0)
    mixed = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 10)).eval()
    sizes = {}
    for half in (False, True):
        path = tmp_path / f"{half}.pte"
        pte_writer.save(mixed, path, example=EXAMPLE, description={}, half_weights=half)
        sizes[half] = INFO.read(path).weights_bytes
        x = torch.randn(1, 3, 16, 16)
        assert 0 <= parity(pte_session.load(path).run(x), mixed(x)).relative < (1e-3 if half else 1e-5)
    assert sizes[False] - sizes[True] == 2 * 8 * 14 * 14 * 10


def test_its_profile_adds_up(file: Path, inputs: Tensor) -> None:
    found = pte_session.load(file, threads=1).profile(inputs[:1])
    assert len(found.samples_ns) >= 5
    total = sum(operator.ns for operator in found.operators)
    assert min(found.samples_ns) / 2 < total < 2 * max(found.samples_ns)


@pytest.mark.skipif(sys.platform != "linux", reason="XNNPACK is asked through the loader's tables of Linux")
def test_xnnpack_names_its_operators(file: Path, inputs: Tensor) -> None:
    found = calls(file, inputs)
    assert sum(times for name, times in found.items() if name.startswith("Fully Connected")) >= 5
    assert sum(times for name, times in found.items() if name.startswith("Batch Matrix Multiply")) == 2
    assert {group(name) for name in found} >= {"Linear", "Matmul", "Softmax", "Norm", "Activation"}


def calls(file: Path, inputs: Tensor) -> dict[str, float]:
    """How often XNNPACK does what in one inference; files that are loaded afterwards are not watched."""
    runtime = pte_session._runtime()
    with xnnpack_profile.watching(runtime) as watch:
        method, program = pte_session._method(file, runtime)
    unwatched, other = pte_session._method(file, runtime)
    method([inputs[:1]])
    found = {name: times for name, (times, _) in watch.rows().items()}
    unwatched([inputs[:1]])
    assert {name: times for name, (times, _) in watch.rows().items()} == found
    del program, other
    return found


def test_the_number_of_threads_is_honoured(file: Path) -> None:
    for threads in (2, 1):
        pte_session.load(file, threads=threads)
        assert pte_session._runtime()._threadpool_get_thread_count() == threads


def test_another_size_than_the_file_takes_is_told_with_its_own(file: Path) -> None:
    session = pte_session.load(file)
    with pytest.raises(BenchmarkError, match="cannot answer an image of 1 × 3 × 32 × 32") as caught:
        session.run(torch.zeros(1, 3, 32, 32))
    assert "1 × 3 × 16 × 16" in caught.value.action
    assert session.run(EXAMPLE).shape == (1, 10)


def test_a_file_that_is_cut_does_not_reach_native_code(file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pte"
    cut.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(FileFormatError):
        pte_session.load(cut)


def test_layers_to_keep_stay_in_fp32(model: nn.Module, inputs: Tensor, tmp_path: Path) -> None:
    path = write(model, tmp_path / "kept.pte", "int8-dynamic", inputs, keep=("head", "blocks"))
    with torch.inference_mode():
        whole = parity(pte_session.load(path).run(inputs), model(inputs)).relative
    assert 1e-6 < whole < PRECISIONS["int8-dynamic"]  # the patches are quantized still
    if sys.platform == "linux":
        assert {name.split(")")[0] for name in calls(path, inputs) if name.startswith("Fully Connected")} == {
            "Fully Connected (NC, F32",
            "Fully Connected (NC, QDU8, F32, QC8W",
        }


def test_layers_in_four_and_in_eight_bits_stand_beside_each_other_in_one_delegate(
    model: nn.Module, inputs: Tensor, tmp_path: Path
) -> None:
    path = write(model, tmp_path / "mixed.pte", "int4", inputs, group=64, keep_int8=("head",))
    with torch.inference_mode():
        assert parity(pte_session.load(path).run(inputs), model(inputs)).relative < PRECISIONS["int4"]
    assert set(INFO.read(path).delegates) == {"XnnpackBackend"}
    if sys.platform == "linux":
        assert {name.split(")")[0] for name in calls(path, inputs) if name.startswith("Fully Connected")} == {
            "Fully Connected (NC, QDU8, F32, QB4W",
            "Fully Connected (NC, QDU8, F32, QC8W",
        }


def test_a_layer_to_keep_that_is_not_there_is_named(model: nn.Module, inputs: Tensor, tmp_path: Path) -> None:
    with pytest.raises(QuantizeError, match=r"blocks\.7"):
        write(model, tmp_path / "a.pte", "int8-dynamic", inputs, keep=("blocks.7",))


class Doing(nn.Module):
    """A network of one function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x.flatten(1))[:, :10] * 2


def test_operators_that_xnnpack_lacks_are_counted_and_computed_all_the_same(tmp_path: Path) -> None:
    model = Doing(lambda x: x.cumsum(-1)).eval()
    pte_writer.save(model, tmp_path / "a.pte", example=EXAMPLE, description={})
    delegation = INFO.read(tmp_path / "a.pte").delegation
    assert delegation is not None and delegation.outside["aten::cumsum.out"] == 1
    x = torch.randn(1, 3, 16, 16)
    torch.testing.assert_close(pte_session.load(tmp_path / "a.pte").run(x), model(x))


class Convolved(nn.Module):
    """A function of what a convolution gives, whose channels XNNPACK keeps last."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 4, stride=4)
        self.table = nn.Parameter(torch.randn(4, 4, 6))
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x), self.table).flatten(1)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, table: x.softmax(-1) * 2,
        lambda x, table: x.softmax(1) * 2,
        lambda x, table: x + table.permute(2, 0, 1).contiguous().unsqueeze(0),  # as tables of relative positions
        lambda x, table: functional.interpolate(x, scale_factor=2, mode="bilinear") * 2,
        lambda x, table: functional.interpolate(x, size=(3, 5), mode="bicubic") * 2,
        lambda x, table: x.view(1, 6, 2, 2, 4).amax(3) * 2,
        lambda x, table: x.permute(0, 2, 3, 1).contiguous().view(4, 24) * 2,
        lambda x, table: x[:, ::4, 1::2, ::2] * 2,
        lambda x, table: functional.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False),
        lambda x, table: functional.unfold(x, 3, padding=1, stride=2) * 2,
        lambda x, table: functional.fold(x.reshape(1, 12, 8) * 2, (4, 3), 2, padding=1, stride=(4, 1)),
        lambda x, table: functional.max_pool2d(functional.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, 2),
    ],
    ids=[
        "softmax of rows",
        "of channels",
        "a table",
        "bilinear",
        "bicubic",
        "the largest",
        "another order",
        "every second",
        "averaged",
        "unfolded",
        "folded",
        "pooled",
    ],
)
def test_axes_stay_what_they_are_behind_a_convolution(
    function: Callable[[Tensor, Tensor], Tensor], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = Convolved(function).eval()
    pte_writer.save(model, tmp_path / "a.pte", example=EXAMPLE, description={})
    x = torch.randn(1, 3, 16, 16)
    torch.testing.assert_close(pte_session.load(tmp_path / "a.pte").run(x), model(x), rtol=1e-4, atol=1e-5)
    assert INFO.read(tmp_path / "a.pte").calls == {}


def test_operators_that_the_runtime_lacks_are_named(tmp_path: Path) -> None:
    model = Doing(lambda x: x.sort(-1).values).eval()
    pte_writer.save(model, tmp_path / "a.pte", example=EXAMPLE, description={})
    with pytest.raises(ExportError, match=r"has no aten::sort\.values"):
        pte_session.load(tmp_path / "a.pte")


class Branching(nn.Module):
    """A network that does not do the same for every image."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((1, 2, 3)) if x.sum() > 0 else x.mean((2, 3))


def test_a_network_that_cannot_be_recorded_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be converted to ExecuTorch"):
        pte_writer.save(Branching().eval(), tmp_path / "a.pte", example=EXAMPLE, description={})
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_down_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    model = Doing(lambda x: functional.pad(x, (1, 0), value=torch.nan)).eval()  # there is no word for no number
    with pytest.raises(ExportError, match="cannot be converted to ExecuTorch"):
        pte_writer.save(model, tmp_path / "a.pte", example=EXAMPLE, description={})
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(type(INFO), "needs", ("executorch.not_there",))
    with pytest.raises(ExportError, match="not installed") as caught:
        pte_session.load(file)
    assert "pqv-mobile[executorch]" in caught.value.action
