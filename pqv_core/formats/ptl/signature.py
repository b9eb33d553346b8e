"""What a PyTorch Lite file's ``forward`` takes and gives, as its bytecode says, and whether one image is enough."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from pqv_core.files.foreign_text import line

_MOST = 50
_LETTERS = 100
_IMAGE = ("Tensor", "Optional[Tensor]")
_IN_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "yes or no",
    "str": "a text",
    "List": "a list",
    "Dict": "a dictionary",
    "Tuple": "a tuple",
    "Optional": "something that may be missing",
}


class Argument(BaseModel):
    """An argument or a result; ``type`` as TorchScript writes it, such as ``List[Tensor]``.

    Attributes:
        optional: It has a default, or may be None, which a file does not tell from having None as its default.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    type: str
    optional: bool = False


class Signature(BaseModel):
    """Arguments without ``self``, and results."""

    model_config = ConfigDict(frozen=True)

    arguments: tuple[Argument, ...]
    returns: tuple[Argument, ...]

    def __str__(self) -> str:
        given = ", ".join(f"{item.name}: {item.type}" for item in self.arguments)
        return f"({given}) → {', '.join(item.type for item in self.returns) or 'nothing'}"

    @property
    def problem(self) -> str:
        """Why one image is not what it takes, as the end of a sentence about the file; empty where it is."""
        if not self.arguments:
            return "takes no input"
        first, *others = self.arguments
        if first.type not in _IMAGE:
            return f"takes {in_words(first.type)} ({first.name}: {first.type}), not an image"
        needed = [item for item in others if not item.optional]
        if needed:
            named = ", ".join(item.name for item in (first, *needed))
            return f"takes {1 + len(needed)} inputs ({named}), not one image"
        return ""

    @property
    def unusual_result(self) -> str:
        """What it gives, where that is not one tensor; empty where it is."""
        if len(self.returns) == 1:
            return "" if self.returns[0].type == "Tensor" else in_words(self.returns[0].type)
        return f"{len(self.returns)} results" if self.returns else "nothing"


def in_words(type_: str) -> str:
    """A type of TorchScript as a person calls it."""
    return _IN_WORDS.get(type_.partition("[")[0], f"a value of type {type_}")


def signature_of(schema: Any) -> Signature | None:
    """The signature in a function's third part; None where there is none, or none that could be."""
    arguments, returns = _rows(schema, "arguments"), _rows(schema, "returns")
    if arguments is None or returns is None:
        return None
    if arguments and (arguments[0].name == "self" or arguments[0].type.startswith("__torch__.")):
        arguments = arguments[1:]
    return Signature(arguments=arguments, returns=returns)


def _rows(schema: Any, part: str) -> tuple[Argument, ...] | None:
    found = _value(schema, part)
    if not isinstance(found, tuple) or len(found) > _MOST:
        return None
    rows = [_argument(row) for row in found]
    return None if None in rows else tuple(row for row in rows if row is not None)


def _argument(row: Any) -> Argument | None:
    name, type_ = _value(row, "name"), _value(row, "type")
    if not isinstance(name, str) or not isinstance(type_, str):
        return None
    optional = type_.startswith("Optional[") or _value(row, "default_value") is not None
    return Argument(name=line(name, _LETTERS), type=line(type_, _LETTERS), optional=optional)


def _value(table: Any, name: str) -> Any:
    for entry in table if isinstance(table, tuple) else ():
        if isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str) and entry[0] == name:
            return entry[1]
    return None
