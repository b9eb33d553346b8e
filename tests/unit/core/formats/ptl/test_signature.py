"""What a file takes is read from its bytecode, so that what it cannot be given is told before it is run."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core.formats.base import InputError
from pqv_core.formats.ptl import INFO
from pqv_core.formats.ptl import ptl_file as ptl
from pqv_core.formats.ptl.signature import Signature, signature_of


def row(name: str, type_: str, default: object = None) -> tuple[tuple[str, object], ...]:
    return (("name", name), ("type", type_), ("default_value", default))


def schema(*arguments: object, returns: tuple[str, ...] = ("Tensor",)) -> object:
    given = (row("self", "__torch__.Model"), *arguments)
    return (("arguments", given), ("returns", tuple(row("", type_) for type_ in returns)))


def read(value: object) -> Signature:
    found = signature_of(value)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([row("x", "Tensor")], ""),
        ([row("x", "Optional[Tensor]")], ""),
        ([row("x", "Tensor"), row("mask", "Optional[Tensor]"), row("scale", "float", 1.0)], ""),
        ([row("a", "Tensor"), row("b", "Tensor")], "takes 2 inputs (a, b), not one image"),
        ([row("a", "List[Tensor]")], "takes a list (a: List[Tensor]), not an image"),
        ([row("a", "Dict[str, Tensor]")], "takes a dictionary (a: Dict[str, Tensor]), not an image"),
        ([row("n", "int")], "takes a whole number (n: int), not an image"),
        ([], "takes no input"),
    ],
)
def test_what_one_image_is_not_enough_for(arguments: list[object], problem: str) -> None:
    assert read(schema(*arguments)).problem == problem


@pytest.mark.parametrize(
    ("returns", "unusual"),
    [
        (("Tensor",), ""),
        (("Tuple[Tensor, Tensor]",), "a tuple"),
        (("Dict[str, Tensor]",), "a dictionary"),
        (("Tensor", "Tensor"), "2 results"),
        ((), "nothing"),
    ],
)
def test_what_gives_no_tensor(returns: tuple[str, ...], unusual: str) -> None:
    assert read(schema(row("x", "Tensor"), returns=returns)).unusual_result == unusual


plain = st.recursive(
    st.none() | st.integers() | st.sampled_from(["arguments", "returns", "name", "type", "Tensor", "self"]),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=20,
)


@given(plain)
def test_any_table_is_a_signature_or_none(value: object) -> None:
    found = signature_of(value)
    assert found is None or isinstance(found.problem, str)


def test_a_method_needs_no_word_about_itself_whatever_it_calls_itself() -> None:
    itself = row("s", "__torch__.___torch_mangle_39.T")
    found = read((("arguments", (itself, row("x", "Tensor"))), ("returns", (row("", "Tensor"),))))
    assert [item.name for item in found.arguments] == ["x"]
    assert str(found) == "(x: Tensor) → Tensor"


def test_a_file_is_refused_by_name(tmp_path: Path) -> None:
    function = ("m.forward", (("operators", ()),), schema(row("a", "Tensor"), row("b", "Tensor")))
    with zipfile.ZipFile(tmp_path / "two.ptl", "w") as file:
        file.writestr("m/bytecode.pkl", pickle.dumps((8, function), 2))
    with pytest.raises(InputError, match=r"two\.ptl takes 2 inputs \(a, b\)") as caught:
        INFO.check_input(ptl.read(tmp_path / "two.ptl"), "two.ptl")
    assert caught.value.details == "forward(a: Tensor, b: Tensor) → Tensor"
