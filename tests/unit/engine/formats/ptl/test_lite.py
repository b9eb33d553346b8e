"""PyTorch Lite files: what is written is read back, small, and whatever else is named in words."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from pqv_core.engine.formats.ptl import lite_session as lite
from pqv_core.engine.formats.ptl import lite_writer
from pqv_core.engine.measure.parity import parity
from pqv_core.engine.quantize import quantize
from pqv_core.engine.quantize.engines import supported_engines
from pqv_core.errors import BenchmarkError, ExportError, QuantizeError, StorageError
from pqv_core.formats import FileFormatError
from pqv_core.formats.ptl import ptl_file as ptl

EXAMPLE = torch.zeros(1, 3, 32, 32)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=96, depth=2, num_heads=3, num_classes=10
    ).eval()


@pytest.fixture(scope="module")
def inputs() -> torch.Tensor:
    return torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def written(model: nn.Module, path: Path, passes: lite_writer.Passes = "freeze") -> Path:
    lite_writer.save(model, path, example=EXAMPLE, passes=passes, description={"model": "a name", "labels": ["α", "β"]})
    return path


@pytest.mark.parametrize("passes", ["freeze", "mobile", "mobile-no-prepack"])
def test_a_fp32_file_answers_as_the_model(
    model: nn.Module, inputs: torch.Tensor, tmp_path: Path, passes: lite_writer.Passes
) -> None:
    module = lite.open_file(written(model, tmp_path / "a.ptl", passes), engine="")
    with torch.inference_mode():
        found = parity(torch.cat([module.run(x[None]) for x in inputs]), model(inputs))
    assert found.relative < 1e-4
    assert found.top1_agreement == 1.0


@pytest.mark.parametrize("engine", supported_engines())
def test_an_int8_file_serves_every_engine(model: nn.Module, inputs: torch.Tensor, tmp_path: Path, engine: str) -> None:
    path = written(quantize(model, "int8-dynamic"), tmp_path / "a.ptl")
    module = lite.open_file(path, engine=engine)
    with torch.inference_mode():
        found = parity(torch.cat([module.run(x[None]) for x in inputs]), model(inputs))
    assert found.relative < 0.1


def test_quantizing_leaves_the_model_as_it_was(model: nn.Module, inputs: torch.Tensor) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    quantize(model, "int8-dynamic")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_no_weight_is_stored_twice(model: nn.Module, tmp_path: Path) -> None:
    path = written(quantize(model, "int8-dynamic"), tmp_path / "a.ptl")
    with zipfile.ZipFile(path) as archive:
        large = [item.CRC for item in archive.infolist() if item.file_size > 4096]
    assert large
    assert max(Counter(large).values()) == 1


def test_the_description_travels_inside(model: nn.Module, tmp_path: Path) -> None:
    path = written(model, tmp_path / "a.ptl")
    assert ptl.read(path).description == {"model": "a name", "labels": ["α", "β"]}


def with_an_operator_of_tomorrow(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        items = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in items.items():
            archive.writestr(name, content.replace(b"aten::gelu", b"aten::yelu"))


def test_an_operator_that_this_computer_lacks_is_named(model: nn.Module, tmp_path: Path) -> None:
    path = written(model, tmp_path / "a.ptl")
    with_an_operator_of_tomorrow(path)
    with pytest.raises(ExportError, match=r"this PyTorch has no aten::yelu_"):
        lite.open_file(path, engine="")


def test_an_unknown_engine_is_refused_with_the_known_ones(model: nn.Module, tmp_path: Path) -> None:
    path = written(model, tmp_path / "a.ptl")
    with pytest.raises(QuantizeError, match="Choose auto or one of") as caught:
        lite.open_file(path, engine="vulkan")
    assert "vulkan" in caught.value.message


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def another_format(path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, path)


def scrambled(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        items = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in items.items():
            archive.writestr(name, content[::-1] if name.endswith("bytecode.pkl") else content)


@pytest.mark.parametrize("damage", [cut, emptied, another_format, scrambled])
def test_a_damaged_file_is_named(model: nn.Module, tmp_path: Path, damage) -> None:
    path = written(model, tmp_path / "broken.ptl")
    damage(path)
    with pytest.raises(FileFormatError, match=r"broken\.ptl") as caught:
        lite.open_file(path, engine="")
    assert caught.value.action


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone\.ptl"):
        lite.open_file(tmp_path / "gone.ptl", engine="")


def test_a_module_that_torchscript_cannot_take_is_refused(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def forward(self, x):
            return {"not a tensor": [object(), x]}

    with pytest.raises(ExportError, match="TorchScript"):
        lite_writer.save(Odd().eval(), tmp_path / "a.ptl", example=EXAMPLE, passes="freeze", description={})
    assert not list(tmp_path.iterdir())


def test_code_that_cannot_be_scripted_is_traced(tmp_path: Path) -> None:
    class Open(nn.Module):
        def forward(self, x):
            options = {"other": x}
            return torch.add(x, **options)

    lite_writer.save(Open().eval(), tmp_path / "a.ptl", example=EXAMPLE, passes="freeze", description={})
    assert torch.equal(lite.open_file(tmp_path / "a.ptl", engine="").run(EXAMPLE), 2 * EXAMPLE)


class Checks(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.size(2) != 7:
            raise ValueError("only 7 x 7")
        return x


class Pair(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a + b


class Listed(nn.Module):
    def forward(self, a: list[torch.Tensor]) -> torch.Tensor:
        return a[0]


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.table(x)


def foreign(made: nn.Module, path: Path) -> Path:
    torch.jit.script(made.eval())._save_for_lite_interpreter(str(path))
    return path


@pytest.mark.parametrize(("made", "words"), [(Checks(), "“only 7 x 7”"), (Tokens(), "whole numbers")])
def test_why_a_foreign_file_could_not_be_run_names_it(made: nn.Module, words: str, tmp_path: Path) -> None:
    loaded = lite.open_file(foreign(made, tmp_path / "theirs.ptl"), engine="")
    with pytest.raises(BenchmarkError, match=r"theirs\.ptl") as caught:
        loaded.run(EXAMPLE)
    assert words in caught.value.message


@pytest.mark.parametrize("made", [Pair(), Listed()])
def test_what_takes_no_image_is_never_loaded(made: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"theirs\.ptl takes"):
        lite.open_file(foreign(made, tmp_path / "theirs.ptl"), engine="")
