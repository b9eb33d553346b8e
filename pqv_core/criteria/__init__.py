"""Importance criteria: which parts of a model matter least. One file each; ``docs/plugins.md`` says how to add one."""

from __future__ import annotations

from dataclasses import dataclass

from pqv_core.registry import Registry


@dataclass(frozen=True)
class Criterion:
    """What a person reads about an importance criterion before choosing it, and what it depends on.

    Attributes:
        key: Its name in settings.
        label: Its name in the window.
        sentence: How it finds what matters least.
        implementation: A ``pqv_core.engine.importance.base.Importance``, or what makes one when called.
        order: Its place in lists.
        needs_images: It looks at images, and their classes.
        is_random: It draws without looking at any.
    """

    key: str
    label: str
    sentence: str
    implementation: str
    order: int = 100
    needs_images: bool = False
    is_random: bool = False

    @property
    def uses_seed(self) -> bool:
        """Whether the seed decides anything: the order of images, directions, the scores themselves."""
        return self.needs_images or self.is_random


CRITERIA = Registry("importance criterion", Criterion, package=__name__, group="pqv.criteria")
