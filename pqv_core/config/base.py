"""What all configs share: frozen, unknown keys kept, errors in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from pqv_core.errors import ConfigError

_Value = TypeVar("_Value")
_SHOWN = 60


def _may_be_a_path(text: str) -> str:
    if "\0" in text:
        raise ValueError("a path holds no NUL character")
    return text


PathText = Annotated[str, AfterValidator(_may_be_a_path)]
"""A path as a person writes it; whether it exists is another question."""


class Config(BaseModel):
    """A frozen set of settings. Keys that this version does not know survive a round trip."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, validate_default=True)

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Self:
        """Build from plain data.

        Raises:
            ConfigError: A value cannot be; names the setting and says what it may be.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise config_error(error) from error

    def changed(self, **values: Any) -> Self:
        """A copy with some settings changed, validated."""
        return self.parse({**self.model_dump(), **values})


def one_of(table: Mapping[str, object]) -> AfterValidator:
    """Keeps a setting to the keys of a registry, which is not asked before there is a value."""

    def check(value: str) -> str:
        if value not in table:
            raise PydanticCustomError("literal_error", "is not known", {"expected": _listed(table)})
        return value

    return AfterValidator(check)


def look_up(table: Mapping[Any, _Value], name: str, *, field: str) -> _Value:
    """What a table holds under a name that the setting ``field`` gives.

    Raises:
        ConfigError: It holds nothing there.
    """
    if name not in table:
        raise unknown(name, table, field=field)
    return table[name]


def unknown(name: object, known: Iterable[str], *, field: str) -> ConfigError:
    """What is said of a name that the setting ``field`` gives and that stands for nothing here."""
    return _unknown(field, name, _listed(known))


def _listed(known: Iterable[str]) -> str:
    return ", ".join(repr(each) for each in known)


def _unknown(field: str, name: object, known: str, details: str = "") -> ConfigError:
    shown = repr(name)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return ConfigError(
        f"{field}: {shown} is not known to this PQV-Mobile ({known}); a newer version or a plug-in may support it.",
        field=field,
        action="Choose a known one, update PQV-Mobile or install the plug-in.",
        details=details,
    )


def config_error(error: ValidationError, *, below: str = "") -> ConfigError:
    """The first problem of a pydantic error, in words.

    Args:
        below: The part of the data that holds the settings, which their names do not contain.
    """
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    field = ".".join(path[path.index(below) + 1 :] if below in path else path)
    given = first.get("input")
    if first["type"] == "literal_error":
        return _unknown(field, given, first["ctx"]["expected"], details=str(error))
    text = first["msg"].removeprefix("Value error, ")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool | type(None)) else ""
    return ConfigError(
        f"{field or 'The settings'}: {text[:1].lower()}{text[1:]}{shown}.".replace("..", "."),
        field=field,
        action="Correct this value and try again.",
        details=str(error),
    )
