"""``pqv report``: one HTML file that needs nothing from outside, CSV, JSON, and an attachment for Netron."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqv_core import comparison
from pqv_core.comparison.charts import BarChart, Point, ScatterChart, Series
from pqv_core.project import project_file as projects
from pqv_core.project import run_label
from pqv_core.report import html_page, plain_data, svg, write
from pqv_core.results import record as results
from pqv_core.results.record import RunRecord
from pqv_gui import cli
from tests.fakes.records import MS, record

HOSTILE = "</script><script>alert(1)</script>\"'&<img src=x onerror=alert(2)>{{ 7*7 }}\u202e"
WORDS = st.text(max_size=12)
VALUES = st.none() | st.floats(0, 1e15)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project())
    for run in ("r1", "r2"):
        times = [{"name": "aten::linear", "calls": 2, "ns": 6 * MS}, {"name": "aten::gelu", "calls": 1, "ns": 2 * MS}]
        plain = record(run).model_dump(mode="json")
        plain["variants"][3]["operators"] = times
        results.save(projects.runs_directory(path) / run, RunRecord.model_validate(plain))
    return path


class Page(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._inside:
            self.scripts.append(data)
        elif "style" not in self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.words)

    def links(self) -> Iterator[tuple[str, str]]:
        for tag, attributes in self.tags:
            if tag == "a" and attributes.get("download"):
                yield str(attributes["download"]), str(attributes["href"])


def report(project: Path, *arguments: str) -> int:
    return cli.main(["report", str(project), *arguments])


def html(project: Path) -> str:
    assert report(project) == 0
    return (project.parent / "some-report.html").read_text(encoding="utf-8")


def unpacked(link: str) -> str:
    head, _, body = link.partition(",")
    assert head.startswith("data:")
    assert head.endswith(";base64")
    return base64.b64decode(unquote(body)).decode()


# HTML --------------------------------------------------------------------------------------------------------


def test_the_page_has_table_charts_figures_and_versions(project: Path) -> None:
    run_label.save(projects.runs_directory(project) / "r1", name="My first", note="It went well.")
    seen = Page(html(project))
    for words in (
        "some",
        "My first",
        "It went well.",
        "10.0 ms",
        "8.00×",
        "88.5 %",
        "Accuracy vs. latency",
        "Speed-up of the compressed file",
        "Figure 2: Latency and size by pruning and precision",
        "Figure 7: Latency by engine",
        "Run the project with a second model",
        "Some CPU, 2 cores",
        "torch 2.12.1",
        "Something to know.",
    ):
        assert words in seen.text, words
    assert sum(tag == "svg" for tag, _ in seen.tags) >= 8


def test_nothing_comes_from_outside_and_nothing_runs(project: Path) -> None:
    text = html(project)
    seen = Page(text)
    for tag, attributes in seen.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert not any(name.startswith("on") for name in attributes)
        assert "src" not in attributes
        if "href" in attributes:
            assert str(attributes["href"]).startswith(("#", "data:"))
        if tag == "script":
            assert attributes["type"] == "application/json"
    assert not re.search(r"url\(|@import", text)
    assert "http://" not in re.sub(r'href="data:[^"]*"', "", text)
    policy = next(a["content"] for t, a in seen.tags if t == "meta" and a.get("http-equiv"))
    assert "default-src 'none'" in str(policy)
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text


def test_hostile_words_are_shown_and_never_obeyed(project: Path) -> None:
    plain = record("r3").model_dump(mode="json")
    plain["config"]["model"]["name"] = HOSTILE
    plain["environment"]["processor"] = HOSTILE
    plain["warnings"] = [HOSTILE]
    plain["variants"][3]["operators"] = [{"name": HOSTILE, "calls": 1, "ns": 5}]
    plain["variants"][3]["measurements"].append({**plain["variants"][3]["measurements"][0], "target": HOSTILE})
    folder = projects.runs_directory(project) / "r3"
    folder.mkdir()
    (folder / results.RUN_FILE).write_text(json.dumps(plain))
    run_label.save(folder, name=HOSTILE, note=HOSTILE)
    seen = Page(html(project))
    assert all(tag not in ("img",) for tag, _ in seen.tags)
    assert [attributes.get("type") for tag, attributes in seen.tags if tag == "script"] == ["application/json"]
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    assert "</script><script>alert(1)</script>\"'&<img" in seen.text
    assert "49" not in seen.text.split("alert(2)")[1][:20]
    assert HOSTILE in json.loads(seen.scripts[0])["rows"][-1]["device"]
    for name, link in seen.links():
        if name.endswith(".svg"):
            Xml.fromstring(unpacked(link))


def test_lone_surrogates_and_control_letters_do_no_harm(project: Path) -> None:
    folder = projects.runs_directory(project) / "r3"
    folder.mkdir()
    text = json.dumps(record("r3").model_dump(mode="json")).replace("Some CPU", "a\\ud800\\u0000\\u001b[31mb")
    (folder / results.RUN_FILE).write_text(text)
    html(project)
    for form in ("csv", "json", "netron"):
        assert report(project, "--format", form) == 0


def test_the_raw_figures_are_inside(project: Path) -> None:
    seen = Page(html(project))
    island = json.loads(seen.scripts[0])
    compressed = [row for row in island["rows"] if row["artefact"] == "compressed"]
    assert [row["measurement"]["samples_ns"] for row in compressed] == [[10 * MS, 10 * MS, 12 * MS]] * 2
    links = dict(seen.links())
    assert json.loads(unpacked(links["some-report.json"])) == island
    assert "over FP32, paper’s baseline" in unpacked(links["speedup.csv"])
    Xml.fromstring(unpacked(links["pareto.svg"]))


def test_a_project_without_runs_has_a_page_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project())
    assert "No run has made a file yet." in Page(html(path)).text


def test_a_damaged_run_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = projects.runs_directory(project) / "broken"
    broken.mkdir()
    (broken / results.RUN_FILE).write_text("{")
    assert "The run broken is damaged." in Page(html(project)).text
    assert "The run broken is damaged." in capsys.readouterr().err


# the other forms ---------------------------------------------------------------------------------------------


def test_csv_holds_plain_figures_in_the_units_of_its_heads(project: Path) -> None:
    assert report(project, "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO((project.parent / "some-report.csv").read_text(encoding="utf-8"))))
    assert len(rows) == 8
    last = rows[-1]
    assert (last["Run ID"], last["File"], last["Median [ms]"], last["Size [bytes]"]) == (
        "r2",
        "Compressed",
        "10.0",
        "8000000",
    )
    assert (last["Top-1"], last["Over paper’s [×]"]) == ("0.885", "8.0")


@given(st.lists(st.lists(WORDS, min_size=2, max_size=2), max_size=4))
def test_csv_comes_back_and_holds_no_formula(rows: list[list[str]]) -> None:
    text = plain_data.csv_text(("a", "b"), rows)
    found = list(csv.reader(io.StringIO(text, newline="")))
    assert len(found) == len(rows) + 1
    for row in found:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_json_holds_runs_rows_charts_and_figures(project: Path) -> None:
    assert report(project, "--format", "json", "--run", "r2") == 0
    found = json.loads((project.parent / "some-report.json").read_text(encoding="utf-8"))
    assert [run["run"] for run in found["runs"]] == ["r2"]
    assert found["runs"][0]["environment"]["versions"] == {"torch": "2.12.1"}
    (device,) = found["devices"]
    assert [chart["key"] for chart in device["charts"]] == ["pareto", "speedup", "size", "memory", "operators"]
    assert [figure["number"] for figure in device["figures"]] == [2, 3, 4, 5, 6, 7]


def test_netron_reads_the_times_of_operators(project: Path) -> None:
    """Netron takes items with a kind, a target and a name; those of the model and its graph have an empty target."""
    assert report(project, "--format", "netron") == 0
    found = json.loads((project.parent / "some-netron.json").read_text(encoding="utf-8"))
    assert found["signature"] == "netron:attachment"
    metrics = found["metrics"]
    assert {(item["kind"], item["target"]) for item in metrics} == {("model", ""), ("graph", "")}
    of_model = {item["name"]: item["value"] for item in metrics if item["kind"] == "model"}
    assert of_model == {"aten::linear": "6.00 ms, 75.0 %, 2×", "aten::gelu": "2.00 ms, 25.0 %, 1×"}
    assert {"kind": "model", "target": "", "name": "run", "value": "r2"} in found["metadata"]


def test_without_times_there_is_nothing_for_netron(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project())
    assert report(path, "--format", "netron") == 1
    assert "measure.profile=true" in capsys.readouterr().err
    assert not (tmp_path / "some-netron.json").exists()


@pytest.mark.parametrize(
    "arguments", [["--format", "pdf"], ["--run", "nothing"], ["--out", "model.ptl"], ["--out", "some.pqv"]]
)
def test_wrong_usage_writes_nothing(
    project: Path, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    before = sorted(project.parent.iterdir()), project.read_bytes()
    assert report(project, *arguments) == 2
    assert capsys.readouterr().err.startswith("Error: ")
    assert (sorted(project.parent.iterdir()), project.read_bytes()) == before


def test_json_lines_say_where_the_report_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = project.parent / "here.html"
    assert report(project, "--out", str(out), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"type": "report", "format": "html", "path": str(out), "runs": 2}
    assert out.exists()


def test_a_report_is_written_whole_or_not_at_all(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = project.parent / "some-report.html"
    out.write_text("an earlier one")

    def fails(*_: Any, **__: Any) -> str:
        raise write.ProjectError("no")

    monkeypatch.setattr(html_page, "html", fails)
    assert report(project) == 1
    assert out.read_text() == "an earlier one"


# charts ------------------------------------------------------------------------------------------------------

BARS = st.integers(1, 4).flatmap(
    lambda count: st.builds(
        BarChart,
        key=st.just("k"),
        title=WORDS,
        unit=st.sampled_from(["ms", "MB", "%", "×"]),
        categories=st.tuples(*[WORDS] * count),
        series=st.lists(st.builds(Series, name=WORDS, values=st.tuples(*[VALUES] * count)), min_size=1, max_size=9).map(
            tuple
        ),
        stacked=st.booleans(),
    )
)
POINTS = st.builds(
    Point, x=st.floats(0, 1e15), y=st.floats(0, 100), name=WORDS, series=WORDS, detail=WORDS, front=st.booleans()
)


@given(BARS)
def test_every_bar_chart_is_drawn(chart: BarChart) -> None:
    drawn = Xml.fromstring(svg.standalone(chart))
    ground, *bars = (box for box in drawn.iter() if box.tag.endswith("rect"))
    assert (ground.attrib["width"], ground.attrib["height"]) == (drawn.attrib["width"], drawn.attrib["height"])
    values = [value for series in chart.series for value in series.values if value is not None]
    shown = sum(value > 0 for value in values) if chart.stacked else len(values)
    legend = len(chart.series) if chart.stacked or len(chart.series) > 1 else 0
    assert len(bars) == shown + legend
    for box in bars:
        assert 0 <= float(box.attrib["x"]) + float(box.attrib["width"]) <= svg.WIDTH


@given(st.lists(POINTS, min_size=1, max_size=12).map(tuple))
def test_every_scatter_is_drawn_inside_its_frame(points: tuple[Point, ...]) -> None:
    chart = ScatterChart("k", "t", "x", "ms", "y", "%", points)
    drawn = Xml.fromstring(svg.standalone(chart))
    rings = [ring for ring in drawn.iter() if ring.attrib.get("class") == "ring"]
    assert len(rings) == sum(point.front for point in points)
    for ring in rings:
        assert 0 <= float(ring.attrib["cx"]) <= svg.WIDTH
        assert 0 <= float(ring.attrib["cy"]) <= float(drawn.attrib["height"])


def test_what_does_not_reach_the_line_is_red_hatched_and_said() -> None:
    series = (Series("over a", (2.0, 0.5)),)
    chart = BarChart("k", "t", "×", ("fast", "slow"), series, base=1.0, below="slower")
    drawn = Xml.fromstring(svg.standalone(chart))
    (line,) = [each for each in drawn.iter() if each.get("class") == "base"]
    bars = [each for each in drawn.iter() if each.get("class") == "s0"]
    left, widths = float(bars[0].attrib["x"]), [float(each.attrib["width"]) for each in bars]
    at = float(line.attrib["d"][1:].split()[0])
    assert at == pytest.approx(left + widths[0] / 2, abs=1), "1 × stands half as far as 2 ×"
    assert widths[1] == pytest.approx(widths[0] / 4, abs=1)
    assert len([each for each in drawn.iter() if each.get("class") == "below"]) == 1
    assert len([each for each in drawn.iter() if each.get("class") == "stripes"]) > 5
    assert {"1.00×", "2.00×", "0.500× slower"} <= {each.text for each in drawn.iter() if each.text}


def test_a_line_that_no_bar_reaches_is_seen_all_the_same() -> None:
    chart = BarChart("k", "t", "×", ("slow",), (Series("over a", (0.5,)),), base=1.0, below="slower")
    assert chart.longest == 1.0
    svg.draw(chart)


def test_points_have_their_names_beside_them() -> None:
    points = (Point(1, 1, "left", "s"), Point(2, 2, "a name that is much too long for its place", "s", front=True))
    drawn = Xml.fromstring(svg.standalone(ScatterChart("k", "t", "x", "ms", "y", "%", points)))
    written = {each.text for each in drawn.iter() if each.tag.endswith("text")}
    assert "left" in written
    assert any(text and text.startswith("a name that") and "…" in text for text in written)


def test_a_series_is_told_by_shape_and_by_name_and_not_by_colour_alone() -> None:
    points = tuple(Point(index + 1.0, 1.0, "", name, "", False) for index, name in enumerate("abcdef"))
    drawn = Xml.fromstring(svg.standalone(ScatterChart("k", "t", "x", "ms", "y", "%", points)))
    shapes = [item for item in drawn.iter() if re.fullmatch(r"s\d", item.attrib.get("class", ""))]
    assert len({(item.tag, len(item.attrib.get("points", "").split())) for item in shapes}) == 6
    assert set("abcdef") <= {item.text for item in drawn.iter()}


def test_what_is_compared_is_what_the_project_holds(project: Path) -> None:
    assert len(write.only(comparison.load(project), ["r1"]).rows) == 4
