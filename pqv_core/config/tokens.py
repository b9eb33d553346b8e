"""How many tokens are merged, and where."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from pqv_core.config.base import Config

Schedule = Literal["constant", "decreasing"]
MAX_MERGED = 4096
_Merged = Annotated[int, Field(ge=0, le=MAX_MERGED)]


class TokensConfig(Config):
    """Merging of tokens (ToMe, Bolya et al. 2023): in each block, those most alike become one.

    Attributes:
        merge: Tokens that each block merges away, on average; 0 keeps all. No block merges more than half of them.
        schedule: ``constant`` merges as many in each block; ``decreasing`` twice as many in the first, falling to none
            in the last, which is quicker and costs more accuracy.
        per_block: A number for each block, from the first, in place of ``merge`` and ``schedule``; empty for none.
        by_budget: For a latency budget on this computer, several numbers are tried in place of ``merge`` and
            ``per_block``, none among them, and the one with the least loss is taken.
        proportional: Attention counts a merged token as often as tokens are in it (there, §3, "proportional
            attention").
    """

    merge: _Merged = 0
    schedule: Schedule = "constant"
    per_block: tuple[_Merged, ...] = Field(default=(), max_length=1024)
    by_budget: bool = False
    proportional: bool = True

    @field_validator("per_block", mode="before")
    @classmethod
    def _whole_numbers(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and not all(str(item).strip().isdecimal() for item in value):
            raise ValueError("give a whole number for each block, such as 8, 8, 4")
        return value

    @property
    def enabled(self) -> bool:
        """Whether any token is merged, or may be."""
        return self.by_budget or (any(self.per_block) if self.per_block else self.merge > 0)

    @property
    def asked_by(self) -> str:
        """Dotted name of the setting that says how many tokens are merged."""
        return f"tokens.{'by_budget' if self.by_budget else 'per_block' if self.per_block else 'merge'}"

    @property
    def words(self) -> str:
        """What is merged, in a few words; of use where something is (``enabled``)."""
        if self.by_budget:
            return "as many tokens as pay"
        if self.per_block:
            return f"{sum(self.per_block):,} tokens in {len(self.per_block)} blocks"
        falling = " on average, falling" if self.schedule == "decreasing" else ""
        return f"{self.merge:,} tokens a block{falling}"
