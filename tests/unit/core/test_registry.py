"""A registry finds what describes itself, here and in other packages, and is broken by none of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pqv_core import plugins
from pqv_core.config import PruneConfig
from pqv_core.config.base import look_up
from pqv_core.criteria import CRITERIA, Criterion
from pqv_core.errors import ConfigError, PluginError
from pqv_core.registry import Registry
from pqv_core.schemes import SCHEMES, has_quantized_layers

OURS = tuple(CRITERIA)  # read before anything else is offered


def fresh() -> Registry[Criterion]:
    return Registry("importance criterion", Criterion, package="pqv_core.criteria", group="pqv.criteria")


@pytest.fixture
def offers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a package of another author can be laid, as an installer would."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "foreign-1.2.dist-info").mkdir()
    (tmp_path / "foreign-1.2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.2\n")
    return tmp_path


def offer(folder: Path, body: str, *, value: str = "foreign_module:INFO") -> Registry[Criterion]:
    points = f"[pqv.criteria]\nthing = {value}\n"
    (folder / "foreign-1.2.dist-info" / "entry_points.txt").write_text(points)
    (folder / "foreign_module.py").write_text(f"from pqv_core.criteria import Criterion\n{body}\n")
    sys.modules.pop("foreign_module", None)
    return fresh()


GOOD = 'INFO = Criterion("thing", "Thing", "Does a thing.", "foreign_module:make", order={order})\nmake = dict'


@pytest.mark.parametrize(("order", "place"), [(0, 0), (1000, -1)])
def test_another_packages_stands_among_ours(offers: Path, order: int, place: int) -> None:
    found = offer(offers, GOOD.format(order=order))
    assert list(found)[place] == "thing"
    assert found["thing"].label == "Thing"
    assert found.foreign == {"thing": "foreign 1.2"}
    assert found.load("thing") is dict
    assert found.broken == ()
    assert set(found) - {"thing"} == set(OURS)


@pytest.mark.parametrize(
    ("body", "value", "reason"),
    [
        ("1 / 0", "foreign_module:INFO", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "foreign_module:INFO", "SystemExit: 3"),
        ("", "foreign_module:INFO", "AttributeError"),
        ("", "no_such_module_here:INFO", "ModuleNotFoundError"),
        ("INFO = 7", "foreign_module:INFO", "is no pqv_core.criteria.Criterion"),
        ('INFO = Criterion("l1", "L1", "Again.", "a:b")', "foreign_module:INFO", "'l1' already"),
        ('INFO = Criterion("L 1", "L1", "Again.", "a:b")', "foreign_module:INFO", "no key"),
        ('INFO = Criterion(7, "L1", "Again.", "a:b")', "foreign_module:INFO", "its key cannot be 7"),
        (GOOD.format(order="'first'"), "foreign_module:INFO", "its order cannot be 'first'"),
        (GOOD.format(order=1).replace('"Thing"', "None"), "foreign_module:INFO", "its label cannot be None"),
        (GOOD.format(order=1).replace('"Thing"', '" "'), "foreign_module:INFO", "its label is empty"),
        (GOOD.format(order=1).replace("Does", r"\x1b[31m\n"), "foreign_module:INFO", "its sentence is not one line"),
        ("", "no place", "'no place' does not name a description"),
        ("", "foreign_module", "'foreign_module' does not name a description"),
        ('INFO = Criterion("thing", "Thing", "A thing.", "a.b")', "foreign_module:INFO", "package.module:Name"),
    ],
)
def test_what_cannot_be_used_is_named_and_left_out(offers: Path, body: str, value: str, reason: str) -> None:
    found = offer(offers, body, value=value)
    assert tuple(found) == OURS
    [broken] = found.broken
    assert (broken.name, broken.package) == ("thing", "foreign 1.2")
    assert reason in broken.reason


def test_what_a_package_prints_while_it_is_imported_does_not_go_among_our_lines(
    offers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "thing" in offer(offers, f"print('hello')\n{GOOD.format(order=1)}")
    assert capsys.readouterr() == ("", "hello\n")


def test_what_another_packages_code_raises_is_said_with_its_package(offers: Path) -> None:
    found = offer(offers, GOOD.format(order=1))
    tuple(found)
    said = r"Thing, of foreign 1\.2, failed: ZeroDivisionError: no"
    with pytest.raises(PluginError, match=said) as caught, found.blaming("thing"):
        raise ZeroDivisionError("no")
    assert "test_registry.py" in caught.value.details
    with pytest.raises(ConfigError, match="its own words"), found.blaming("thing"):
        raise ConfigError("its own words")
    with pytest.raises(ZeroDivisionError), found.blaming("l1"):
        raise ZeroDivisionError


def test_an_implementation_that_cannot_be_loaded_is_said_with_its_package(offers: Path) -> None:
    found = offer(offers, GOOD.format(order=1).replace("make = dict", ""))
    with pytest.raises(PluginError, match=r"Thing, of foreign 1\.2, cannot be loaded: AttributeError"):
        found.load("thing")


def test_each_of_ours_can_be_loaded() -> None:
    for registry in (CRITERIA, SCHEMES):
        for key in registry:
            assert callable(registry.load(key))


def test_an_unknown_name_is_told_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"'magic' is not known .*'taylor'.*plug-in"):
        PruneConfig.parse({"importance": "magic"})
    with pytest.raises(ConfigError, match=r"quantize\.precision"):
        look_up(SCHEMES, "int3", field="quantize.precision")


def test_of_a_scheme_that_is_not_installed_no_layers_are_known() -> None:
    assert has_quantized_layers("int8-static")
    assert not has_quantized_layers("fp16")
    assert not has_quantized_layers("int4-of-another-package")


def test_without_plug_ins_there_is_nothing_to_complain_of() -> None:
    assert plugins.problems() == []
