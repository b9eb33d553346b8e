"""Charts drawn as SVG: no script, nothing from outside; figures appear under the pointer through ``<title>``.

Colours are classes, so that the page around a chart, or the style of one that stands alone, makes it light or dark.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as Xml

from pqv_core import palette
from pqv_core.comparison import label_places
from pqv_core.comparison.charts import BarChart, Chart, ScatterChart, value_text
from pqv_core.comparison.label_places import Box

At = Callable[[float, float], tuple[float, float]]
"""Where the values of a point lie in a picture."""
WIDTH = 1000
_NAMES = 350  # width of the names at the left of bars
_FIGURES = 110  # room for the figure behind a bar
_LETTER = 7.0  # mean width of a letter, in a font of 12 px
_BAR, _GAP = 15, 11
_BASE = 16  # height of the figure above the line that bars are to reach
_STRIPE, _OWN = 6, 4  # from stripe to stripe, and what of a bar keeps its own colour
_MOST_LETTERS, _LINE, _MOST_OTHERS = 28, 14, 200  # of a name beside a mark; its height; marks that are kept free
_CAPTION = 18  # height of a line below a chart
_SHAPES = 6  # circle, square, triangle, diamond, star, pentagon
_FEW_DECADES = 2.5  # up to which there is room for ticks at 2 and 5
_WIDE = 6.0  # ratio of the largest to the smallest from which on an axis is logarithmic

_VARIABLES = ("--text", "--muted", "--line", "--back", "--bad", *(f"--s{index}" for index in range(len(palette.LIGHT))))
LIGHT = dict(zip(_VARIABLES, ("#191d24", "#59616f", "#d5d9e0", "#ffffff", "#a8321a", *palette.LIGHT), strict=True))
DARK = dict(zip(_VARIABLES, ("#e9ecf1", "#a7afbd", "#39404b", "#1e2229", "#ff9d85", *palette.DARK), strict=True))
RULES = (
    "svg.chart{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "svg.chart text{fill:var(--text)}svg.chart .quiet{fill:var(--muted)}"
    "svg.chart .inside{fill:var(--back)}"
    "svg.chart .line{stroke:var(--line);fill:none}svg.chart .front{stroke:var(--muted);fill:none;stroke-dasharray:5 4}"
    "svg.chart .base{stroke:var(--text);fill:none;stroke-dasharray:5 4}"
    "svg.chart .below,svg.chart .bad{fill:var(--bad)}"
    "svg.chart .stripes{stroke:var(--back);stroke-width:1.5;fill:none}"
    "svg.chart .ring{stroke:var(--text);fill:none}svg.chart .doubted{opacity:.4}"
    + "".join(f"svg.chart .s{index}{{fill:var(--s{index})}}" for index in range(len(palette.LIGHT)))
)


def variables(colors: dict[str, str]) -> str:
    """Declarations of one set of colours."""
    return "".join(f"{name}:{value};" for name, value in colors.items())


def draw(chart: Chart) -> str:
    """The chart as an ``<svg>`` element that takes its colours from the page."""
    return Xml.tostring(_drawn(chart), encoding="unicode")


def standalone(chart: Chart, *, dark: bool = False, caption: str = "", logarithmic: bool | None = None) -> str:
    """The chart as a file of its own, on its own ground. Many viewers know no variables: colours are written out.

    Args:
        caption: What stands below it, after its title.
        logarithmic: Whether equal distances along the lower axis of dots mean equal ratios; None for what suits them.
    """
    drawn, colors = _drawn(chart, logarithmic), DARK if dark else LIGHT
    _caption(drawn, f"{chart.title} · {caption}" if caption else "")
    drawn.set("xmlns", "http://www.w3.org/2000/svg")
    style = Xml.Element("style")
    style.text = RULES
    for name, color in colors.items():
        style.text = style.text.replace(f"var({name})", color)
    drawn.insert(0, style)
    size = {"width": drawn.attrib["width"], "height": drawn.attrib["height"]}
    drawn.insert(1, Xml.Element("rect", {**size, "fill": colors["--back"]}))
    return Xml.tostring(drawn, encoding="unicode", xml_declaration=False)


def _drawn(chart: Chart, logarithmic: bool | None = None) -> Xml.Element:
    if isinstance(chart, ScatterChart):
        return _scatter(chart, logarithmic)
    return _stacked(chart) if chart.stacked else _bars(chart)


def _caption(drawn: Xml.Element, text: str) -> None:
    """The caption below a chart, which is made higher by its lines."""
    top = float(drawn.attrib["height"])
    lines = textwrap.wrap(text, int(WIDTH / _LETTER))
    for index, line in enumerate(lines):
        _text(drawn, 4, top + _CAPTION * (index + 1), line, kind="quiet")
    height = f"{top + _CAPTION * len(lines) + (8 if lines else 0):.0f}"
    drawn.set("height", height)
    drawn.set("viewBox", f"0 0 {WIDTH} {height}")


# parts -------------------------------------------------------------------------------------------------------


def _picture(height: float, title: str) -> Xml.Element:
    size = f"0 0 {WIDTH} {height:.0f}"
    root = Xml.Element("svg", {"class": "chart", "viewBox": size, "role": "img", "aria-label": _plain(title)})
    root.set("width", str(WIDTH))
    root.set("height", f"{height:.0f}")
    return root


def _plain(text: str) -> str:
    """Text without what XML cannot hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _text(parent: Xml.Element, x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> None:
    attributes = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, **({"class": kind} if kind else {})}
    Xml.SubElement(parent, "text", attributes).text = _plain(text)


def _elided(parent: Xml.Element, x: float, y: float, text: str, *, room: float, anchor: str = "start") -> None:
    """Text that is shortened in the middle where there is no room; the whole is under the pointer."""
    most = max(4, int(room / _LETTER))
    shown = _shortened(text, most)
    group = Xml.SubElement(parent, "g")
    _title(group, text)
    _text(group, x, y, shown, anchor=anchor)


def _title(parent: Xml.Element, *words: str) -> None:
    Xml.SubElement(parent, "title").text = "\n".join(_plain(part) for part in words if part)


def _box(parent: Xml.Element, x: float, y: float, width: float, height: float, color: int) -> Xml.Element:
    attributes = {"x": x, "y": y, "width": max(width, 0.5), "height": height}
    plain = {name: f"{value:.1f}" for name, value in attributes.items()}
    return Xml.SubElement(parent, "rect", {**plain, "rx": "2", "class": _class(color)})


def _class(color: int) -> str:
    return f"s{color % len(palette.LIGHT)}"


def _line(parent: Xml.Element, points: Sequence[tuple[float, float]], kind: str) -> None:
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    Xml.SubElement(parent, "path", {"d": path, "class": kind})


def _legend(
    parent: Xml.Element, names: Sequence[str], colours: Sequence[int], top: float, *, marks: bool = False
) -> float:
    """Names with their colours in as many lines as they need; returns where they end."""
    x, y = 4.0, top + 12
    for index, name in enumerate(names):
        width = 22 + min(len(name) * _LETTER, WIDTH - 40) + 16
        if x > 4 and x + width > WIDTH:
            x, y = 4.0, y + 18
        if marks:
            _mark(parent, x + 6, y - 4, index, colours[index])
        else:
            _box(parent, x, y - 10, 12, 12, colours[index])
        _elided(parent, x + 18, y, name, room=WIDTH - x - 20)
        x += width
    return y + 12 if names else top


def _mark(parent: Xml.Element, x: float, y: float, index: int, colour: int) -> Xml.Element:
    """A mark whose shape, too, tells its series."""
    color, size = {"class": _class(colour)}, 5.0
    shape = index % _SHAPES
    if shape == 0:
        return Xml.SubElement(parent, "circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{size}", **color})
    if shape == 1:
        return _box(parent, x - size + 0.5, y - size + 0.5, 2 * size - 1, 2 * size - 1, colour)
    count, waist = {2: (3, 1.0), 3: (4, 1.0), 4: (10, 0.45), 5: (5, 1.0)}[shape]
    corners = [(size * 1.2 * (waist if place % 2 else 1.0), math.tau * place / count) for place in range(count)]
    points = " ".join(f"{x + far * math.sin(angle):.1f},{y - far * math.cos(angle):.1f}" for far, angle in corners)
    return Xml.SubElement(parent, "polygon", {"points": points, **color})


def _pitch(span: float, wanted: int) -> float:
    """A distance of ticks: 1, 2 or 5 times a power of ten, for about ``wanted`` of them."""
    rough = span / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)


# bars --------------------------------------------------------------------------------------------------------


def _bars(chart: BarChart) -> Xml.Element:
    rows = sum(_height(chart, index) for index in range(len(chart.categories)))
    many = len(chart.series) > 1
    legend = Xml.Element("g")
    top = _legend(legend, [series.name for series in chart.series], chart.colours, 0) if many else 4.0
    top += _BASE if chart.base is not None else 0.0
    root = _picture(top + rows + 4, chart.title)
    root.append(legend)
    most = chart.longest or 1.0
    y = top
    for index, name in enumerate(chart.categories):
        height = _height(chart, index)
        _elided(root, _NAMES - 10, y + (height - _GAP) / 2 + 4, name, room=_NAMES - 16, anchor="end")
        for place, series in enumerate(chart.series):
            value = series.values[index]
            if value is None:
                continue
            group = Xml.SubElement(root, "g", {"class": "doubted"} if series.doubted(index) else {})
            width = (WIDTH - _NAMES - _FIGURES) * max(0.0, value) / most
            _title(group, name, f"{series.name}: {chart.say(value)}", series.detail(index))
            _box(group, _NAMES, y, width, _BAR - 3, chart.colours[place])
            if chart.is_below(value):
                _hatch(group, _NAMES, y, width, _BAR - 3)
            below = chart.is_below(value)
            end = max(width, (WIDTH - _NAMES - _FIGURES) * (chart.base or 0.0) / most) if below else width
            _text(group, _NAMES + end + 6, y + 10, chart.figure(series, index), kind="bad" if below else "")
            y += _BAR
        y += _GAP
    _line(root, [(_NAMES - 0.5, top - 2), (_NAMES - 0.5, y - _GAP + 2)], "line")
    if chart.base is not None:
        x = _NAMES + (WIDTH - _NAMES - _FIGURES) * chart.base / most
        _line(root, [(x, top - 4), (x, y - _GAP + 2)], "base")
        _text(root, x, top - 8, chart.say(chart.base), anchor="middle", kind="quiet")
    return root


def _hatch(parent: Xml.Element, x: float, y: float, width: float, height: float) -> None:
    """Over a bar that does not reach the line: red with stripes, but for its beginning, which tells the series."""
    left, right = x + min(_OWN, width / 4), x + width
    size = {"x": f"{left:.1f}", "y": f"{y:.1f}", "width": f"{right - left:.1f}", "height": f"{height}"}
    Xml.SubElement(parent, "rect", {**size, "class": "below"})
    for place in range(int((right - left) / _STRIPE)):
        at = left + (place + 0.7) * _STRIPE
        _line(parent, [(at, y), (at, y + height)], "stripes")


def _height(chart: BarChart, index: int) -> float:
    return _BAR * sum(series.values[index] is not None for series in chart.series) + _GAP


def _stacked(chart: BarChart) -> Xml.Element:
    legend = Xml.Element("g")
    top = _legend(legend, [series.name for series in chart.series], chart.colours, 0)
    pitch = 34
    root = _picture(top + pitch * len(chart.categories) + 4, chart.title)
    root.append(legend)
    totals = [sum(series.values[index] or 0.0 for series in chart.series) for index in range(len(chart.categories))]
    most = max(totals, default=0.0) or 1.0
    for index, name in enumerate(chart.categories):
        y, x = top + index * pitch, float(_NAMES)
        _elided(root, _NAMES - 10, y + 15, name, room=_NAMES - 16, anchor="end")
        for place, series in enumerate(chart.series):
            value = series.values[index] or 0.0
            if value <= 0:
                continue
            group = Xml.SubElement(root, "g")
            width = (WIDTH - _NAMES - _FIGURES) * value / most
            share = value_text(100 * value / totals[index], "%")
            _title(group, name, f"{series.name}: {chart.say(value)}, {share}")
            _box(group, x, y, width, 22, chart.colours[place])
            if width > _LETTER * len(series.name) + 8:
                _text(group, x + width / 2, y + 15, series.name, anchor="middle", kind="inside")
            x += width
        _text(root, x + 6, y + 15, chart.say(totals[index]))
    return root


# dots --------------------------------------------------------------------------------------------------------


def _scatter(chart: ScatterChart, logarithmic: bool | None) -> Xml.Element:
    series, colours = chart.series, chart.colours
    legend = Xml.Element("g")
    top = _legend(legend, series, chart.colours, 0, marks=True) + 20
    bottom, left, right = top + 330.0, 56.0, WIDTH - 16.0
    root = _picture(bottom + 40, chart.title)
    root.append(legend)
    xs = _Axis.of([p.x for p in chart.points], logarithmic)
    ys = _Axis.of([p.y for p in chart.points], logarithmic=False)
    for value in xs.ticks(9):
        x = left + (right - left) * xs.place(value)
        _line(root, [(x, top), (x, bottom)], "line")
        _text(root, x, bottom + 15, f"{value:,.6g}", anchor="middle", kind="quiet")
    for value in ys.ticks(6):
        y = bottom - (bottom - top) * ys.place(value)
        _line(root, [(left, y), (right, y)], "line")
        _text(root, left - 6, y + 4, f"{value:,.6g}", anchor="end", kind="quiet")
    _text(root, (left + right) / 2, bottom + 34, f"{chart.x_name} [{chart.x_unit}]", anchor="middle", kind="quiet")
    _text(root, 4, top - 8, f"{chart.y_name} [{chart.y_unit}]", kind="quiet")

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (right - left) * xs.place(x), bottom - (bottom - top) * ys.place(y)

    if chart.line and len(chart.front) > 1:
        _line(root, [at(point.x, point.y) for point in chart.front], "front")
    for point in chart.points:
        group = Xml.SubElement(root, "g")
        figures = f"{value_text(point.x, chart.x_unit)}, {value_text(point.y, chart.y_unit)}"
        _title(group, point.name, figures, point.detail, "On the Pareto front" if point.front else "")
        x, y = at(point.x, point.y)
        place = series.index(point.series)
        _mark(group, x, y, place, colours[place])
        if point.front:
            Xml.SubElement(group, "circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "8", "class": "ring"})
    _write_names(root, chart, at, Box(left, top, right, bottom))
    return root


def _write_names(root: Xml.Element, chart: ScatterChart, at: At, area: Box) -> None:
    """The names of the points beside them, as far as there is room."""
    shown = [(point, _shortened(_plain(point.name), _MOST_LETTERS)) for point in chart.named]
    known = {point.known_by for point, _ in shown}
    rest = [at(point.x, point.y) for point in chart.points if point.known_by not in known]
    marks = [at(point.x, point.y) for point, _ in shown]
    sizes = [(_LETTER * len(name), _LINE) for _, name in shown]
    found = label_places.places(marks, sizes, area=area, radius=8, others=rest[:_MOST_OTHERS])
    for (_, name), box in zip(shown, found, strict=True):
        if box is not None:
            _text(root, (box.left + box.right) / 2, box.bottom - 3, name, anchor="middle", kind="quiet")


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most - most // 2 - 1) :]}"


class _Axis:
    """Where values lie along an axis, from 0 to 1; a logarithmic one where they are far apart.

    ``low`` and ``high`` are its ends, of a logarithmic one their decimal logarithms.
    """

    def __init__(self, low: float, high: float, *, logarithmic: bool) -> None:
        self.low, self.high, self.logarithmic = low, high, logarithmic

    @classmethod
    def of(cls, values: Sequence[float], logarithmic: bool | None) -> _Axis:
        """An axis that holds all values with some room."""
        low, high = min(values), max(values)
        if low > 0 and (high > _WIDE * low if logarithmic is None else logarithmic):
            return cls(math.log10(low) - 0.1, math.log10(high) + 0.1, logarithmic=True)
        room = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
        return cls(low - room, high + room, logarithmic=False)

    def place(self, value: float) -> float:
        """Where a value lies."""
        return ((math.log10(value) if self.logarithmic else value) - self.low) / (self.high - self.low)

    def ticks(self, wanted: int) -> list[float]:
        """Round values along the axis."""
        if not self.logarithmic:
            pitch = _pitch(self.high - self.low, wanted)
            first = math.ceil(self.low / pitch)
            return [index * pitch for index in range(first, first + 3 * wanted) if index * pitch <= self.high]
        every = max(1, math.ceil((self.high - self.low) / wanted))
        powers = range(math.floor(self.low), math.ceil(self.high) + 1, every)
        steps = (1, 2, 5) if self.high - self.low < _FEW_DECADES else (1,)
        values = (step * 10.0**power for power in powers for step in steps)
        return [value for value in values if value > 0 and self.low <= math.log10(value) <= self.high]
