"""Code of another package that fails in the worker is said with that package's name, whatever it raises or gives."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from pqv_core import formats
from pqv_core.config import ModelConfig, PruneConfig, RunConfig
from pqv_core.criteria import CRITERIA
from pqv_core.engine.context import Context
from pqv_core.engine.formats.exporter import exporter
from pqv_core.engine.measure.file_process import FileProcess, FileRequest
from pqv_core.engine.models import create, sources
from pqv_core.engine.prune.structured import prune
from pqv_core.engine.quantize import quantize
from pqv_core.errors import PluginError
from pqv_core.formats import FORMATS
from pqv_core.models.sources import SOURCES
from pqv_core.registry import Registry
from pqv_core.schemes import SCHEMES
from tests.fakes.installed import offer

DESCRIBED = """
from pqv_core.criteria import Criterion
from pqv_core.models.sources import SourceInfo
from pqv_core.schemes import Scheme
from pqv_example.torchscript import TorchScript

class Foreign(TorchScript):
    key, suffix, label = "thing", ".thing", "Thing"
    implementation = exporter = "foreign_code:made"

    def read(self, path, *, cancelled=None):
        return made()

    def all_rows(self, facts):
        return made()

CRITERIA = Criterion("thing", "Thing", "Does a thing.", "foreign_code:made")
SCHEMES = Scheme("thing", "Thing", "Does a thing.", "foreign_code:made")
SOURCES = SourceInfo("thing", "Thing", "Has things.", "foreign_code:made")
FORMATS = Foreign()
"""
RAISES = "def made(*_, **__):\n    raise ZeroDivisionError('boom')\n"
GIVES_NOTHING = "def made(*_, **__):\n    return None\n"
GIVES_WHAT_RAISES = (
    "class Thing:\n    def __getattr__(self, name):\n        raise OSError('boom')\n\n"
    "def made(*_, **__):\n    return Thing()\n"
)


@pytest.fixture(params=[RAISES, GIVES_NOTHING, GIVES_WHAT_RAISES], ids=["raises", "nothing", "what-raises"])
def thing(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Brings a thing of another package, of the kind of a registry."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "data" / "plugin")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "foreign_code.py").write_text(DESCRIBED + request.param)
    monkeypatch.delitem(sys.modules, "foreign_code", raising=False)

    def bring(registry: Registry[Any], name: str) -> None:
        offer(monkeypatch, tmp_path / "installed", registry, name="thing", value=f"foreign_code:{name}")
        assert "thing" in registry

    return bring


NAMED = r"Thing, of foreign 1\.2, (failed|cannot be loaded): "


def test_a_scheme(thing: Any) -> None:
    thing(SCHEMES, "SCHEMES")
    with pytest.raises(PluginError, match=f"quantization scheme {NAMED}"):
        quantize(nn.Linear(2, 2), "thing")


def test_a_criterion(thing: Any) -> None:
    thing(CRITERIA, "CRITERIA")
    arguments = {"img_size": 32, "patch_size": 16, "embed_dim": 48, "depth": 1, "num_heads": 3}
    config = ModelConfig.parse({"name": "vit_tiny_patch16_224", "arguments": arguments})
    context = Context(run="test", send=lambda _: None)
    model, _ = create.create(config, num_classes=2, project=Path("p.pqv"), context=context)
    with pytest.raises(PluginError, match=f"importance criterion {NAMED}"):
        prune(model, PruneConfig(importance="thing"), batches=None, context=context)


def test_a_model_source(thing: Any) -> None:
    thing(SOURCES, "SOURCES")
    with pytest.raises(PluginError, match=f"model source {NAMED}"):
        sources.source("thing")


def test_an_exporter(thing: Any) -> None:
    thing(FORMATS, "FORMATS")
    with pytest.raises(PluginError, match=f"file format {NAMED}"):
        exporter("thing", RunConfig.parse({"model": {"name": "vit_tiny_patch16_224"}}))


def test_a_session(thing: Any) -> None:
    thing(FORMATS, "FORMATS")
    process = FileProcess()
    with pytest.raises(PluginError, match=f"file format {NAMED}"):
        process.serve(FileRequest(task="load", format="thing", path="x.thing", input_shape=(1, 3, 8, 8)))
        process.serve(FileRequest(task="measure"))


def test_a_reader_and_what_it_tells(thing: Any, tmp_path: Path) -> None:
    thing(FORMATS, "FORMATS")
    file = tmp_path / "x.thing"
    file.touch()
    with pytest.raises(PluginError, match=f"file format {NAMED}"):
        formats.read(file)
    with pytest.raises(PluginError, match=f"file format {NAMED}"):
        formats.rows(FORMATS["thing"], formats.FileFacts(size_bytes=1))
