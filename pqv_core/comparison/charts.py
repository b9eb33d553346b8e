"""Charts as data: what is drawn in the window, in a report, and written as a table is the same."""

from __future__ import annotations

from dataclasses import dataclass

from pqv_core import formatting

MOST_NAMES = 24
"""Most points of which all have their names beside them."""


@dataclass(frozen=True)
class Series:
    """Bars of one colour: a value for each category, None where there is none.

    Attributes:
        details: As many sentences as values, for the readout.
        doubts: As many as values: whether it is not to be trusted, and is greyed; empty where all are.
        colour: Number of the colour of what it stands for, the same in every chart; None for that of its place.
    """

    name: str
    values: tuple[float | None, ...]
    details: tuple[str, ...] = ()
    doubts: tuple[bool, ...] = ()
    colour: int | None = None

    def detail(self, index: int) -> str:
        """The sentence about a bar."""
        return self.details[index] if index < len(self.details) else ""

    def doubted(self, index: int) -> bool:
        """Whether the value of a bar is not to be trusted."""
        return index < len(self.doubts) and self.doubts[index]


@dataclass(frozen=True)
class BarChart:
    """Bars by category, one a series; ``stacked`` ones are parts of a whole.

    Attributes:
        key: Short name, for files.
        unit: Unit of all values.
        base: Value at which nothing is gained: a line stands there, and bars that do not reach it are red and hatched.
        below: What is written at those.
    """

    key: str
    title: str
    unit: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    stacked: bool = False
    base: float | None = None
    below: str = ""

    @property
    def colours(self) -> tuple[int, ...]:
        """Number of the colour of each series."""
        return tuple(place if one.colour is None else one.colour for place, one in enumerate(self.series))

    def say(self, value: float) -> str:
        """A value with its unit."""
        return value_text(value, self.unit)

    def figure(self, series: Series, index: int) -> str:
        """What is written at a bar, with a mark where it is not to be trusted."""
        value = series.values[index] or 0.0
        words = f" {self.below}" if self.is_below(value) else ""
        return self.say(value) + words + (" ⚠" if series.doubted(index) else "")

    def is_below(self, value: float) -> bool:
        """Whether a bar does not reach what it is to reach."""
        return self.base is not None and value < self.base

    @property
    def longest(self) -> float:
        """Of all bars, and of the line."""
        if self.stacked:
            return max((sum(values) for values in self.values), default=0.0)
        return max((*(value for values in self.values for value in values), self.base or 0.0), default=0.0)

    @property
    def values(self) -> list[list[float]]:
        """By category the value of each series; 0 where there is none."""
        return [[series.values[index] or 0.0 for series in self.series] for index in range(len(self.categories))]

    def table(self) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Heads and rows: a row a category."""
        heads = ("", *(f"{series.name} [{self.unit}]" for series in self.series))
        rows: list[tuple[object, ...]] = [
            (name, *(series.values[index] for series in self.series)) for index, name in enumerate(self.categories)
        ]
        return heads, rows


@dataclass(frozen=True)
class Point:
    """A dot.

    Attributes:
        front: No other one beats it.
        key: What it stands for, where names are not enough.
        colour: Number of the colour of its series, the same in every chart; None for that of its place.
    """

    x: float
    y: float
    name: str
    series: str
    detail: str = ""
    front: bool = False
    key: str = ""
    colour: int | None = None

    @property
    def known_by(self) -> str:
        """What tells it from the others."""
        return self.key or self.name


@dataclass(frozen=True)
class ScatterChart:
    """Dots, with a line along the front.

    Attributes:
        line: Both axes are what the front is the best in, so that a line along it says what lies between.
    """

    key: str
    title: str
    x_name: str
    x_unit: str
    y_name: str
    y_unit: str
    points: tuple[Point, ...]
    line: bool = True

    @property
    def series(self) -> tuple[str, ...]:
        """Names of the series, in the order in which they come."""
        return tuple(dict.fromkeys(point.series for point in self.points))

    @property
    def colours(self) -> tuple[int, ...]:
        """Number of the colour of each series; their marks tell those of one colour apart."""
        told = {point.series: point.colour for point in reversed(self.points)}
        known = ((place, told[name]) for place, name in enumerate(self.series))
        return tuple(place if colour is None else colour for place, colour in known)

    @property
    def front(self) -> tuple[Point, ...]:
        """The points of the front, from left to right."""
        return tuple(sorted((point for point in self.points if point.front), key=lambda point: (point.x, point.y)))

    @property
    def named(self) -> tuple[Point, ...]:
        """The points beside which their names stand, where there is room: of many only those of the front."""
        front = self.front
        if len(self.points) > MOST_NAMES:
            return front[:MOST_NAMES]
        return (*front, *(point for point in self.points if not point.front))

    def table(self) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Heads and rows: a row a point."""
        heads = ("", "Series", f"{self.x_name} [{self.x_unit}]", f"{self.y_name} [{self.y_unit}]", "Pareto front")
        rows: list[tuple[object, ...]] = [
            (point.name, point.series, point.x, point.y, point.front) for point in self.points
        ]
        return heads, rows


@dataclass(frozen=True)
class MatrixChart:
    """Numbers in rows and columns, drawn as squares that are the darker the greater they are.

    Attributes:
        values: A row for each of ``rows``, with a number for each of ``columns``.
        keys: What the rows stand for, where names are not enough.
        signed: They are differences: those below 0 have another colour.
    """

    title: str
    row_name: str
    column_name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]
    keys: tuple[int, ...]
    signed: bool = False

    def say(self, row: int, column: int) -> str:
        """What is said of a square."""
        value = self.values[row][column]
        figure = f"{value:+,}".replace("-", "−") if self.signed else f"{value:,}"
        return f"{self.row_name} {self.rows[row]} · {self.column_name} {self.columns[column]}: {figure}"


Chart = BarChart | ScatterChart


def value_text(value: float, unit: str) -> str:
    """A value with its unit, as a person writes it."""
    if unit == "×":
        return formatting.ratio(value)
    if unit == "ms":
        return formatting.milliseconds(value)
    return f"{formatting.significant(value)} {unit}".strip()
