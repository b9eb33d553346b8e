"""What all configs share: frozen, unknown keys kept, errors in words."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from pqv_core.errors import ConfigError


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


def config_error(error: ValidationError) -> ConfigError:
    """The first problem of a pydantic error, in words."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    given = first.get("input")
    text = first["msg"].removeprefix("Value error, ")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool | type(None)) else ""
    return ConfigError(
        f"{field or 'The settings'}: {text[:1].lower()}{text[1:]}{shown}.".replace("..", "."),
        field=field,
        action="Correct this value and try again.",
        details=str(error),
    )
