"""The pages of the window, a folder each: the page, what it shows, and the widgets that only it has.

A folder with an ``INFO`` is a page: the list at the left, the menus, their keys and the wizard take it from here, and
import what it stands for when it is first shown. To add one, add its folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pqv_core.registry import Registry

Group = Literal["start", "wizard", "working"]
"""Shown without a project; a step on the way to a run; a page to work on, below the steps."""


@dataclass(frozen=True)
class Shape:
    """A part of an icon, in a square whose sides are 1 long and whose corner at the upper left is the origin.

    Attributes:
        kind: A filled polygon or rectangle, the outline of a rectangle, or a line.
        points: The polygon's corners; two opposite corners of a rectangle; the ends of a line.
    """

    kind: Literal["polygon", "rectangle", "outline", "line"]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class PageInfo:
    """What the window knows of a page before it is shown. Costs no Qt.

    Attributes:
        key: Its name in the code.
        label: Its name in the window, in English, under which settings keep where a person was.
        implementation: A ``pqv_gui.pages.shared.base_page.Page``, made with the workspace as its only argument.
        group: When it is shown, and among which others.
        order: Its place in lists, over all groups.
        sections: Which sections of the settings are edited there: ``prune`` for ``prune.ratio``.
        icon: In the list at the left; steps of the wizard have a number there.
    """

    key: str
    label: str
    implementation: str
    group: Group = "working"
    order: int = 100
    sections: tuple[str, ...] = ()
    icon: tuple[Shape, ...] = (Shape("rectangle", ((0.25, 0.25), (0.75, 0.75))),)


PAGES = Registry("page", PageInfo, package=__name__)


def in_group(*groups: Group) -> tuple[str, ...]:
    """Keys of the pages of some groups: those of the first named come first, each group in its own order."""
    return tuple(key for group in groups for key, info in PAGES.items() if info.group == group)


def page_of(field: str) -> str:
    """Key of the page on which a setting is edited."""
    section = field.partition(".")[0]
    return next(key for key, info in PAGES.items() if section in info.sections)
