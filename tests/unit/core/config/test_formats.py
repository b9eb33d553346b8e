"""In which formats a model is written: the usual ones of a target, and what stands against others."""

from __future__ import annotations

import pytest

from pqv_core.config import RunConfig, with_settings
from pqv_core.config import export as exports
from pqv_core.config.export import ExportConfig
from pqv_core.config.quantize import ENGINES, QuantizeConfig
from pqv_core.formats import FORMATS
from pqv_core.schemes import SCHEMES, Scheme
from tests.fakes import extras, plug_in

INT8 = "int8-dynamic"


def quantized(engine: str) -> QuantizeConfig:
    return QuantizeConfig.parse({"precision": INT8, "engine": engine})


@pytest.fixture(autouse=True)
def with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.bring(monkeypatch)


def test_phones_usually_get_every_format_and_this_computer_one() -> None:
    assert exports.usual_formats("android", precision=INT8) == ("ptl", "pte")
    assert exports.usual_formats("host", precision=INT8) == ("ptl",)


def test_without_the_extra_what_is_left_is_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.leave_out(monkeypatch)
    assert exports.usual_formats("android", precision=INT8) == ("ptl",)


def test_a_plug_ins_format_is_usual_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in.bring(monkeypatch)
    assert "torchscript" not in exports.usual_formats("android", precision=INT8)


@pytest.mark.parametrize(
    ("before", "target", "after"),
    [
        (ExportConfig(), "android", ("ptl", "pte")),
        (ExportConfig(target="android", formats=("ptl", "pte")), "host", ("ptl",)),
        (ExportConfig(formats=("pte",)), "android", ("pte",)),
        (ExportConfig(target="android", formats=("ptl",)), "host", ("ptl",)),
        (ExportConfig(formats=("pte", "ptl")), "android", ("pte", "ptl")),
    ],
)
def test_another_target_keeps_formats_that_were_asked_for(
    before: ExportConfig, target: exports.Target, after: tuple[str, ...]
) -> None:
    assert exports.formats_for(target, before=before, precision=INT8) == after


@pytest.mark.parametrize("target", exports.TARGETS)
@pytest.mark.parametrize("engine", ENGINES)
def test_no_engine_is_wrong_for_files_without_a_choice(engine: str, target: exports.Target) -> None:
    assert not FORMATS["pte"].chooses_engine(target)
    assert exports.engine_problem(engine, target, format="pte") is None
    assert list(exports.problems(ExportConfig(target=target, formats=("pte",)), quantized(engine))) == []


def test_an_engine_must_fit_the_formats_that_choose_one() -> None:
    both = ExportConfig(target="android", formats=("pte", "ptl"))
    assert both.chooses_engine
    (problem,) = exports.problems(both, quantized("onednn"))
    assert (problem.field, problem.action) == ("quantize.engine", "Choose QNNPACK or Auto.")
    assert list(exports.problems(both, QuantizeConfig(precision="fp32", engine="onednn"))) == []


def test_a_run_uses_an_engine_where_layers_and_files_do() -> None:
    def uses(name: str, value: object) -> bool:
        return with_settings(RunConfig(), {name: value}).uses_engine

    assert uses("quantize.precision", "int8-dynamic")
    assert not uses("quantize.precision", "fp16")
    assert not uses("export.formats", ("pte",))
    assert uses("export.formats", ("pte", "ptl"))


def test_a_format_that_does_not_run_on_the_target_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in.bring(monkeypatch)
    (problem,) = exports.problems(ExportConfig(target="android", formats=("torchscript",)), quantized("x86"))
    assert problem.message == "TorchScript files do not run on Android."
    assert exports.engine_problem("x86", "android", format="torchscript") is None, "it is told once, and of the format"


def test_a_format_that_cannot_be_written_here_says_how_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.leave_out(monkeypatch)
    (problem,) = exports.problems(ExportConfig(formats=("ptl", "pte")), quantized("x86"))
    assert problem.field == "export.formats"
    assert "pip install pqv-mobile[executorch]" in problem.action


def test_a_format_is_left_out_or_refused_where_it_does_not_know_the_precision() -> None:
    assert exports.usual_formats("android", precision="int4") == ("pte",)
    (problem,) = exports.problems(ExportConfig(formats=("ptl", "pte")), QuantizeConfig(precision="int4"))
    assert problem.message == "PyTorch Lite files cannot be written in INT4."
    assert "INT8 dynamic" in problem.action and "INT4" not in problem.action
    assert exports.usual_formats("android", precision="fp16") == ("ptl", "pte")


def test_four_bits_are_a_matter_of_formats_that_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    four = Scheme("int4", "INT4", "Four bits.", "nowhere:nothing", storage="int4")
    assert [key for key, info in FORMATS.items() if info.writes(four)] == ["pte"]
    monkeypatch.setitem(SCHEMES._found[0], "int4", four)
    assert (
        exports.usual_formats("android", precision="int4")
        == exports.usual_formats("host", precision="int4")
        == ("pte",)
    )
    assert ExportConfig().tolerance("int4") == ExportConfig().int4_tolerance


@pytest.mark.parametrize(("text", "formats"), [("ptl,pte", ["ptl", "pte"]), (" pte , ", ["pte"]), ("", []), (",", [])])
def test_formats_are_named_with_commas(text: str, formats: list[str]) -> None:
    assert exports.named_formats(text) == formats
