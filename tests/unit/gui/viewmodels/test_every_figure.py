"""Every number that ``pqv show``, the report and the window print, recomputed from ``run.json``.

The arithmetic here is a second one, over plain dictionaries: nothing of the program reckons for it.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import random
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pqv_core.comparison import load
from pqv_core.comparison.differences import difference
from pqv_core.project import project_file as projects
from pqv_core.results import record as results
from pqv_gui import cli
from pqv_gui.pages.compare.comparison_view import ComparisonView
from pqv_gui.viewmodels.results import measurement_rows, result_cards
from pqv_gui.viewmodels.run_view import RunView
from tests.fakes.records import record

Plain = dict[str, Any]
Key = tuple[str, int, int, str]  # target, threads, batch, loop

ROLES = ("paper_fp32", "fast_fp32", "pruned_fp32", "compressed")
BASES = ROLES[:2]
NAMES = dict(zip(ROLES, ("FP32, paper’s baseline", "FP32, fastest", "Pruned FP32", "Compressed"), strict=True))
PHONES = ("Phone One (A1)", "Phone Two (B2)")
HERE = "This computer"

# the second arithmetic ---------------------------------------------------------------------------------------


def median(item: Plain) -> float:
    ordered = sorted(item["samples_ns"])
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def p90(item: Plain) -> float:
    ordered = sorted(item["samples_ns"])
    return ordered[(9 * len(ordered) + 9) // 10 - 1]


def role_of(one: Plain) -> str:
    return str(one["artifact"]["key"])


def variant(run: Plain, role: str) -> Plain | None:
    return next((one for one in run["variants"] if role_of(one) == role), None)


def items(run: Plain, role: str) -> list[Plain]:
    return (variant(run, role) or {"measurements": []})["measurements"]


def key(item: Plain) -> Key:
    return item["target"], item["threads"], item["batch"], item["loop"]


def setting(run: Plain, target: str, threads: int | None = None, batch: int | None = None) -> Key | None:
    """The latest of those that hold the compressed file and most baselines; else the same of another file."""
    bases = [{key(item) for item in items(run, role) if one_push(item)} for role in BASES]
    for role in ("compressed", *(role_of(one) for one in run["variants"])):
        ours = [key(item) for item in items(run, role) if item["target"] == target]
        ours = [one for one in ours if threads in (None, one[1]) and batch in (None, one[2])]
        if ours:
            held = [sum(one in base for base in bases) for one in ours]
            return [one for one, count in zip(ours, held, strict=True) if count == max(held)][-1]
    return None


def one_push(item: Plain) -> bool:
    return item["target"] == "local" or item["loop"] != ""


def headline(run: Plain) -> str:
    """The phone that measured the compressed file last, where the run is for Android; else this computer."""
    phones = [item["target"] for item in items(run, "compressed") if item["target"] != "local"]
    return phones[-1] if phones and run["config"]["export"]["target"] == "android" else "local"


def at(run: Plain, role: str, chosen: Key | None) -> Plain | None:
    """Of the loop, else of the latest loop with as many threads and images: each wait policy's last, the fastest."""
    if chosen is None:
        return None
    alike = [item for item in items(run, role) if key(item)[:3] == chosen[:3]]
    inside = [item for item in alike if item["loop"] == chosen[3]]
    counted = inside or [item for item in alike if item["loop"] == alike[-1]["loop"]]
    policies = {item["wait_policy"]: item for item in counted}
    return min(policies.values(), key=median, default=None)


def ratio(before: Plain | None, after: Plain | None) -> float | None:
    if before is None or after is None or not alike(before, after):
        return None
    return median(before) / median(after)


def alike(before: Plain, after: Plain) -> bool:
    """Whether two were measured together: in one setting, and in one push."""
    return key(before) == key(after) and one_push(before)


def disturbed(item: Plain | None) -> bool:
    """Whether samples drift, scatter, or were taken beside other programs."""
    if item is None:
        return False
    samples, busy = item["samples_ns"], (item.get("busy") or 0) > 0.2
    if len(samples) < 9:
        return busy
    third = len(samples) // 3
    drift = median({"samples_ns": samples[-third:]}) / median({"samples_ns": samples[:third]})
    ordered = sorted(samples)

    def quantile(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = ordered[int(place)]
        return low + (place - int(place)) * (ordered[min(int(place) + 1, len(ordered) - 1)] - low)

    return busy or not 1 / 1.15 <= drift <= 1.15 or (quantile(0.75) - quantile(0.25)) / median(item) > 0.2


def memory(item: Plain | None) -> int | None:
    """What the file adds to the process: the only meaning that memory has anywhere."""
    if item is None or None in (item["peak_rss_bytes"], item["base_rss_bytes"]):
        return None
    return item["peak_rss_bytes"] - item["base_rss_bytes"] or None


def error(share: float, images: int) -> float:
    """Half the width of Wilson's interval of one standard deviation."""
    return (share * (1 - share) / images + 1 / (4 * images * images)) ** 0.5 / (1 + 1 / images)


def answer(run: Plain, role: str, item: Plain | None, kind: str) -> Plain | None:
    """Accuracy or parity: this computer's of the file; a phone's of the session."""
    known = variant(run, role)
    if known is None:
        return None
    if item is None or item["target"] == "local":
        return known[kind]
    session = [
        item,
        *(one for one in known["measurements"] if (key(one)[0], key(one)[3]) == (key(item)[0], key(item)[3])),
    ]
    return next((one[kind] for one in session if one[kind]), None)


def figures(run: Plain, role: str, target: str) -> Plain:
    """All that a table shows of an artefact on a target; None where it has nothing."""
    one, item = variant(run, role), at(run, role, setting(run, target))
    if one is None or (item is None and target != "local"):
        return {}
    accuracy, parity = answer(run, role, item, "accuracy") or {}, answer(run, role, item, "parity") or {}
    found: Plain = {"size_bytes": one["size_bytes"], "params": one["params"], "macs": one["macs"]}
    found |= {"top1": accuracy.get("top1"), "top5": accuracy.get("top5")}
    found |= {"relative_error": parity.get("relative"), "top1_agreement": parity.get("top1_agreement")}
    if item is not None:
        found |= {"latency_median_s": median(item) / 1e9, "latency_p90_s": p90(item) / 1e9}
        found["memory_bytes"] = memory(item)
        found["load_s"] = item["load_ns"] / 1e9 if item["load_ns"] is not None else None
    found["images"] = accuracy.get("images")
    return {name: value for name, value in found.items() if value is not None}


def of_the_file(figure: str, target: str) -> bool:
    """Whether a figure can be compared without a measurement."""
    answers = ("top1", "top5", "relative_error", "top1_agreement")
    return figure in ("size_bytes", "params", "macs") or (target == "local" and figure in answers)


def targets(run: Plain) -> list[str]:
    found = [item["target"] for one in run["variants"] for item in one["measurements"]]
    return list(dict.fromkeys(["local", *found]))


def sets(run: Plain) -> list[Key]:
    """For each target, threads and batch the setting that counts."""
    keys = dict.fromkeys(key(item)[:3] for one in run["variants"] for item in one["measurements"])
    return [found for one in keys if (found := setting(run, *one)) is not None]


def rows(run: Plain) -> list[Plain]:
    """An artefact in each setting in which it was measured; one that was not has a row all the same."""
    found = []
    for one in run["variants"]:
        measured_in = [chosen for chosen in sets(run) if at(run, role_of(one), chosen)]
        for chosen in measured_in or [None]:
            found.append({"run": run["id"], "role": role_of(one), "set": chosen, "item": at(run, role_of(one), chosen)})
    return found


def operators(run: Plain, row: Plain) -> list[Plain]:
    one, item = variant(run, row["role"]), row["item"]
    assert one is not None
    if item is None:
        return list(one["operators"])
    if item["operators"] or item["target"] != "local":
        return list(item["operators"])
    own = next(first for first in one["measurements"] if first["target"] == "local")
    return list(one["operators"]) if key(own)[1:3] == key(item)[1:3] else []


# runs --------------------------------------------------------------------------------------------------------


def made(seed: int, run: str) -> Plain:
    """A run with whatever can be: targets, threads, batches, loops, policies, figures that are missing."""
    chance = random.Random(f"{seed} {run}")
    plain: Plain = record(run).model_dump(mode="json")
    plain["number"] = int(run[1:])
    plain["config"]["export"]["target"] = chance.choice(("host", "android"))
    plain["environment"]["threads"] = 1
    plain["dense_accuracy"] = plain["pruned_accuracy"] = {"top1": 0.9051, "top5": 0.99, "loss": 0.1, "images": 355}
    for one in plain["variants"]:
        one["measurements"] = [_measurement(chance) for _ in range(chance.choice((0, 2, 5, 9)))]
        one["operators"] = [
            {"name": name, "calls": 3, "ns": chance.randrange(10**5, 10**7)} for name in ("aten::linear", "aten::gelu")
        ]
        one["size_bytes"], one["params"] = chance.randrange(10**6, 10**8), chance.randrange(10**6, 10**8)
        one["macs"] = chance.randrange(10**8, 10**10)
        if chance.random() < 0.3:
            one["accuracy"] = None
    if chance.random() < 0.3:
        del plain["variants"][chance.randrange(3)]
    chance.shuffle(plain["variants"])
    return plain


def _measurement(chance: random.Random) -> Plain:
    target = chance.choice(("local", "local", *PHONES))
    phone = target != "local"
    accuracy = {"top1": chance.random(), "top5": 1.0, "loss": 0.5, "images": chance.choice((32, 32, 355))}
    parity = {"max_abs": 0.5, "relative": chance.random(), "top1_agreement": chance.random(), "inputs": 33}
    return {
        "target": target,
        "loop": chance.choice(("", "a", "b", "c")),
        "wait_policy": "" if phone else chance.choice(("", "PASSIVE")),
        "engine": "",
        "threads": chance.choice((1, 4)),
        "batch": chance.choice((1, 1, 1, 8)),
        "warmup": 1,
        "samples_ns": [chance.randrange(10**5, 10**8) for _ in range(chance.choice((1, 2, 9, 10, 11, 31)))],
        "base_rss_bytes": chance.choice((None, 40_000_000)),
        "peak_rss_bytes": chance.choice((None, chance.randrange(41_000_000, 10**9))),
        "load_ns": chance.choice((None, chance.randrange(10**5, 10**8))),
        "accuracy": chance.choice((None, accuracy)) if phone else None,
        "parity": chance.choice((None, parity)) if phone else None,
        "operators": [],
    }


def unequal() -> Plain:
    """The baseline with one thread, the compressed file with four."""
    plain: Plain = record("r1").model_dump(mode="json")
    for one in plain["variants"]:
        for item in one["measurements"]:
            item |= {"loop": "a", "threads": 4 if role_of(one) == "compressed" else 1}
    return plain


RUNS = {
    "whole": [record("r1").model_dump(mode="json")],
    "unequal": [unequal()],
    **{f"made {seed}": [made(seed, "r1"), made(seed, "r2")] for seed in range(8)},
}


@pytest.fixture(params=RUNS)
def runs(request: pytest.FixtureRequest) -> list[Plain]:
    return RUNS[request.param]


@pytest.fixture
def project(runs: list[Plain], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "400")
    path = tmp_path / "some.pqv"
    projects.save(path, projects.Project())
    for run in runs:
        folder = projects.runs_directory(path) / run["id"]
        folder.mkdir(parents=True)
        (folder / results.RUN_FILE).write_text(json.dumps(run), encoding="utf-8")
    return path


# words -------------------------------------------------------------------------------------------------------

UNITS = {
    "GB": 1e9, "MB": 1e6, "kB": 1e3, "bytes": 1, "ms": 1e-3, "µs": 1e-6, "G": 1e9, "M": 1e6, "k": 1e3, "%": 1e-2,
    "GMAC": 1e9, "MMAC": 1e6, "kMAC": 1e3, "MAC": 1, "points": 1e-2, "×": 1, "": 1,
}  # fmt: skip
CELL = re.compile(
    r"–|the same|[−+±]?\d[\d,.]*(?:e-\d+)?"
    r"(?:× (?:faster|slower|smaller|larger)|×| (?:points|%|ms|µs|GB|MB|kB|bytes|[GMk]?MAC|[GMk])(?!\w))?"
)


def number(text: str) -> float | None:
    """A figure in SI units, bytes or shares; None for a dash."""
    if text == "–":
        return None
    sign, digits, unit = re.fullmatch(r"([−+±]?)([\d,.]+(?:e-\d+)?)\s*(\S*).*", text).groups()  # type: ignore[union-attr]
    return (-1 if sign == "−" else 1) * float(digits.replace(",", "")) * UNITS[unit]


ERROR = re.compile(r" ± ([\d.]+)(?: \(n = ([\d,]+)\))?")


def without_errors(text: str) -> str:
    return re.sub(r" \(n = [\d,]+\)", "", ERROR.sub("", text))


def judged(text: str, share: float | None, images: int | None) -> bool:
    """Whether a text is a share with its standard error, and names its images or leaves them out."""
    if share is None or images is None:
        return text == "–"
    said = ERROR.search(text)
    assert said is not None
    wanted = 100 * error(share, images)
    near = float(said[1]) == pytest.approx(wanted, rel=0.06, abs=0.051)
    return near and said[2] in (None, f"{images:,}") and says(without_errors(text), share)


def says(text: str, value: float | None) -> bool:
    """Whether a text is this value to three digits."""
    found = number(text)
    return found == value if None in (found, value) else found == pytest.approx(value, rel=0.0051, abs=1e-12)


def gained(text: str, figure: str, before: float | None, after: float | None) -> bool:
    """Whether a text is the gain from before to after."""
    if before is None or after is None:
        return text == "–"
    if figure in ("top1", "top5"):
        shown = number(text)
        return shown is not None and abs(shown - (after - before)) <= 0.0000501
    if figure in ("params", "macs") or not before or not after:
        return changed(text, before, after)
    if text == "the same":
        return abs(before / after - 1) <= 0.005
    worse = text.endswith(("slower", "larger"))
    return says(text, after / before if worse else before / after) and (worse == (after > before))


def changed(text: str, before: float, after: float) -> bool:
    """Whether a text is the relative change in percent."""
    if not before:
        return text == "–"
    shown, share = number(text), (after - before) / before
    return shown is not None and abs(shown - share) <= max(0.0051 * abs(share), 0.00005)


# pqv show ----------------------------------------------------------------------------------------------------

FIGURES = {
    "Top-1 accuracy": "top1", "Top-5 accuracy": "top5", "Latency, median": "latency_median_s",
    "Latency, p90": "latency_p90_s", "File size": "size_bytes", "Parameters": "params", "Operations": "macs",
    "Memory": "memory_bytes", "Loading": "load_s",
    "Logit error": "relative_error", "Same answer": "top1_agreement",
}  # fmt: skip


def test_the_tables_of_show(project: Path, runs: list[Plain], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", str(project)]) == 0
    text = capsys.readouterr().out
    for run in runs:
        line, target = next(line for line in text.splitlines() if line.startswith(run["id"])), headline(run)
        assert (HERE if target == "local" else target) in line
        cells = CELL.findall(without_errors(line))[-5:]
        chosen = setting(run, target)
        found, item = figures(run, "compressed", target), at(run, "compressed", chosen)
        for cell, name in zip(cells, ("top1", "latency_median_s", "size_bytes"), strict=False):
            assert says(cell, found.get(name)), (cell, name)
        ratios = [ratio(at(run, role, chosen), item) for role in BASES]
        for cell, value in zip(cells[3:], ratios, strict=True):
            assert says(cell, value)
        marked = [value is not None and (disturbed(at(run, role, chosen)) or disturbed(item))
                  for role, value in zip(BASES, ratios, strict=True)]  # fmt: skip
        assert line.count("⚠") == sum(marked)
    run = runs[-1]
    tables = re.split(r"^deit_small_patch16_224 · ", text, flags=re.MULTILINE)[1:]
    shown = [target for target in targets(run) if any(figures(run, role, target) for role in ROLES)]
    assert len(tables) == len(shown)
    for target, table in zip(shown, tables, strict=True):
        check_table(run, target, table.split("\nWhere the time goes")[0])
    check_operators(run, text.partition("\nWhere the time goes")[2])


def check_operators(run: Plain, table: str) -> None:
    """Time and share of each kind of operator, an artefact a column."""
    known = [one for role in ROLES if (one := variant(run, role))]
    timed = [one["operators"] for one in known if one["operators"]]
    for label, name in (("Linear", "aten::linear"), ("Activation", "aten::gelu")):
        lines = [line for line in table.splitlines() if line.startswith(f"{label} ")]
        assert len(lines) == bool(timed)
        for line in lines:
            cells = CELL.findall(line)
            for place, times in enumerate(timed):
                ns = next(one["ns"] for one in times if one["name"] == name)
                assert says(cells[2 * place], ns / 1e9)
                assert says(cells[2 * place + 1], ns / sum(one["ns"] for one in times))


def check_table(run: Plain, target: str, table: str) -> None:
    title, *lines = table.splitlines()
    chosen = setting(run, target)
    if chosen is not None:
        assert f", {chosen[1]} thread" in title
        assert ("batch 8" in title) == (chosen[2] == 8)
    columns = {role: found for role in ROLES if (found := figures(run, role, target))}
    seen, bases = [], [role for role in BASES if variant(run, role)]
    for line in lines:
        label = next((label for label in FIGURES if line.startswith(f"{label} ")), None)
        if label is None:
            continue
        figure = FIGURES[label]
        seen.append(figure)
        compared = figure not in ("relative_error", "top1_agreement")
        answered = figure in ("top1", "top5")
        numbers = {found["images"] for found in columns.values() if figure in found} if answered else set()
        assert (re.search(r"\(n = ([\d,]+)\)", line) is not None) == bool(numbers), "the images are told"
        if answered:
            texts = re.findall(r"–|[\d.]+ % ± [\d.]+(?: \(n = [\d,]+\))?", line.removeprefix(label))
            for shown, found in zip(texts, columns.values(), strict=False):
                assert judged(shown, found.get(figure), found.get("images") if figure in found else None)
        cells = CELL.findall(without_errors(line.removeprefix(label)))
        for cell, (role, found) in zip(cells, columns.items(), strict=False):
            assert says(cell, found.get(figure)), (label, role, cell)
        after = columns.get("compressed", {}).get(figure)
        for place, role in enumerate(bases):
            before = columns.get(role, {}).get(figure)
            a, b = at(run, role, chosen), at(run, "compressed", chosen)
            together = of_the_file(figure, target) or (a is not None and b is not None and alike(a, b))
            if answered and columns.get(role, {}).get("images") != columns.get("compressed", {}).get("images"):
                together = False
            if compared:
                cell = cells[len(columns) + place]
                assert gained(cell, figure, before if together else None, after if together else None), (label, role)
        if figure.startswith("latency"):
            marked = [cells[len(columns) + place] != "–" and (disturbed(at(run, role, chosen)) or
                      disturbed(at(run, "compressed", chosen))) for place, role in enumerate(bases)]  # fmt: skip
            assert line.count("⚠") == sum(marked)
    assert set(seen) == {figure for found in columns.values() for figure in found} - {"images"}


def test_show_as_json(project: Path, runs: list[Plain], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", str(project), "--json"]) == 0
    _, *lines = map(json.loads, capsys.readouterr().out.splitlines())
    for run, line in zip(runs, lines, strict=True):
        assert [*line["phones"]] == targets(run)[1:]
        for target, said in {"local": line, **line["phones"]}.items():
            found = {role: figures(run, role, target) for role in ROLES}
            names = {name for one in found.values() for name in one} - {"images"}
            assert {row["figure"] for row in said["summary"]} == names
            for row in said["summary"]:
                for role in ROLES:
                    assert row.get(role) == pytest.approx(found[role].get(row["figure"])), (target, role, row["figure"])
                    if row["figure"] in ("top1", "top5"):
                        assert row["images"].get(role) == found[role].get("images")
            chosen = setting(run, target)
            after = at(run, "compressed", chosen)
            expected = {role: ratio(at(run, role, chosen), after) for role in BASES if variant(run, role)}
            assert said["speedup_over"] == pytest.approx(expected)


# the report --------------------------------------------------------------------------------------------------


def report(project: Path, form: str) -> str:
    out = project.with_name(f"out.{form}")
    assert cli.main(["report", str(project), "--format", form, "--out", str(out)]) == 0
    return out.read_text(encoding="utf-8")


def expected_rows(runs: list[Plain]) -> dict[tuple[Any, ...], tuple[Plain, Plain]]:
    found = {}
    for run in runs:
        for row in rows(run):
            chosen = row["set"] or ("local", None, 1, "")
            found[(run["id"], row["role"], chosen[0], chosen[1], chosen[2])] = (run, row)
    return found


def plain_row(run: Plain, row: Plain) -> Plain:
    """What stands in the columns of a row, as plain figures."""
    one, item = variant(run, row["role"]), row["item"]
    assert one is not None
    accuracy = answer(run, row["role"], item, "accuracy") or one["accuracy"]
    return {
        "top1": accuracy["top1"] if accuracy else None,
        "median_ms": median(item) / 1e6 if item else None,
        "p90_ms": p90(item) / 1e6 if item else None,
        "over_paper": ratio(at(run, "paper_fp32", row["set"]), item),
        "over_fastest": ratio(at(run, "fast_fp32", row["set"]), item),
        "size_bytes": one["size_bytes"],
        "memory_bytes": memory(item),
        "images": accuracy["images"] if accuracy else None,
        "params": one["params"],
    }


def doubts(run: Plain, row: Plain) -> Plain:
    """Of which speed-ups one side was disturbed."""
    bases = zip(("over_paper", "over_fastest"), BASES, strict=True)
    return {f"{name} disturbed": disturbed(row["item"]) or disturbed(at(run, role, row["set"])) for name, role in bases}


def test_the_rows_of_the_report_as_json(project: Path, runs: list[Plain]) -> None:
    expected = expected_rows(runs)
    found = json.loads(report(project, "json"))["rows"]
    assert len(found) == len(expected)
    for said in found:
        batch = said["batch"] or 1
        run, row = expected.pop((said["run"], said["artefact"], said["target"], said["threads"], batch))
        figures_ = plain_row(run, row)
        assert {name: said[name] for name in figures_} == pytest.approx(figures_)
        assert sum(said["operator_groups_ns"].values()) == sum(one["ns"] for one in operators(run, row))


HEADS = {
    "Top-1": "top1", "Median [ms]": "median_ms", "p90 [ms]": "p90_ms", "Over paper’s [×]": "over_paper",
    "Over fastest [×]": "over_fastest", "Size [bytes]": "size_bytes", "Memory [bytes]": "memory_bytes",
    "Parameters": "params", "Images": "images",
}  # fmt: skip


def by_words(runs: list[Plain]) -> dict[tuple[str, ...], Plain]:
    """The rows by run, file, device, threads and batch, as a person reads them."""
    found = {}
    for (run, role, target, threads, batch), (plain, row) in expected_rows(runs).items():
        device = HERE if target == "local" else target
        figures_ = {**plain_row(plain, row), **doubts(plain, row), "unstable": disturbed(row["item"])}
        found[run, NAMES[role], device, str(threads or ""), str(batch) if batch > 1 else ""] = figures_
    return found


def test_the_rows_of_the_report_as_csv(project: Path, runs: list[Plain]) -> None:
    expected = by_words(runs)
    found = list(csv.DictReader(io.StringIO(report(project, "csv"))))
    assert len(found) == len(expected)
    for said in found:
        figures_ = expected.pop(tuple(said[head] for head in ("Run ID", "File", "Device", "Threads", "Batch")))
        shown = {name: float(said[head]) if said[head] else None for head, name in HEADS.items()}
        assert shown == pytest.approx({name: figures_[name] for name in shown})
        assert bool(said["Unstable"]) == figures_["unstable"]


class Page(HTMLParser):
    """The tables of a page, the data in it, and the tables of its charts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.links: dict[str, list[str]] = {}
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._cell = True
        known = dict(attrs)
        if tag == "a" and known.get("download"):
            data = base64.b64decode(str(known["href"]).partition(",")[2]).decode()
            self.links.setdefault(str(known["download"]), []).append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.tables[-1][-1][-1] += data


def test_the_tables_and_charts_of_the_page(project: Path, runs: list[Plain]) -> None:
    page = Page(report(project, "html"))
    whole = json.loads(report(project, "json"))
    expected = by_words(runs)
    short = {head.partition(" [")[0]: name for head, name in HEADS.items()}
    for device, table in zip(whole["devices"], page.tables, strict=False):
        heads, *lines = table
        ours = [value for place, value in expected.items() if place[2] == device["name"]]
        assert len(lines) == len(ours)
        assert_same_rows(heads, lines, short, ours)
    assert json.loads(page.links["some-report.json"][0]) == whole
    charts = [chart for device in whole["devices"] for chart in all_charts(device)]
    for chart in charts:
        if "categories" in chart:
            drawn = page.links[f"{chart['key']}.csv"].pop(0)
            _, *lines = csv.reader(io.StringIO(drawn))
            values = [[series["values"][place] for series in chart["series"]] for place in range(len(lines))]
            shown = [[float(cell) if cell else None for cell in line[1:]] for line in lines]
            assert shown == values


def si(name: str, row: Plain) -> float | None:
    """A column's figure in seconds where it is in milliseconds."""
    value: float | None = row[name]
    return value / 1e3 if value is not None and name.endswith("_ms") else value


def assert_same_rows(heads: list[str], lines: list[list[str]], short: dict[str, str], rows_: list[Plain]) -> None:
    """Each line of a table is one of the rows, and each row a line."""
    left = list(rows_)
    for line in lines:
        found = {short[head]: cell for head, cell in zip(heads, line, strict=True) if head in short}
        cells = {name: without_errors(cell).rstrip("*⚠ ") for name, cell in found.items()}
        match = next((row for row in left if all(says(cell, si(name, row)) for name, cell in cells.items())), None)
        assert match is not None, cells
        assert judged(found.get("top1", "–").rstrip("*"), match["top1"], match["images"])
        for name in ("over_paper", "over_fastest"):
            assert ("⚠" in found.get(name, "")) == (match[name] is not None and match[f"{name} disturbed"])
        left.remove(match)


def all_charts(device: Plain) -> Iterator[Plain]:
    yield from device["charts"]
    for figure in device["figures"]:
        yield from figure["charts"]


def test_the_attachment_for_netron(project: Path, runs: list[Plain]) -> None:
    rows_ = [(run, row) for run in runs for row in rows(run) if row["role"] == "compressed" and operators(run, row)]
    if not rows_:
        return
    items_ = json.loads(report(project, "netron"))
    facts = {one["name"]: one["value"] for one in items_["metadata"]}
    times = {one["name"]: one["value"].split(", ") for one in items_["metrics"]}
    run, row = next(
        (run, row)
        for run, row in reversed(rows_)
        if row["item"] is None or says(facts["latency, median"].split(", ")[0], median(row["item"]) / 1e9)
    )
    assert run["id"] == rows_[-1][0]["id"] == facts["run"]
    if row["item"] is not None:
        assert f", {row['item']['threads']} thread" in facts["latency, median"]
    total = sum(one["ns"] for one in operators(run, row))
    for one in operators(run, row):
        took, share, calls = times[one["name"]]
        assert says(took, one["ns"] / 1e9)
        assert says(share, one["ns"] / total)
        assert calls == "3×"


# charts ------------------------------------------------------------------------------------------------------


def charted(runs: list[Plain], device: str) -> list[tuple[Plain, Plain]]:
    """What charts show of a device: rows of one image an inference."""
    target = "local" if device == HERE else device
    found = [(run, row) for run in runs for row in rows(run)]
    return [(run, row) for run, row in found if (row["set"] or ("local", None, 1))[0] == target and
            (row["set"] or ("local", None, 1))[2] == 1]  # fmt: skip


def check_charts(charts: list[Plain], runs: list[Plain], device: str) -> None:
    ours = charted(runs, device)
    values = {chart["key"]: chart for chart in charts}
    plain = [(row, plain_row(run, row), run) for run, row in ours]

    def standing(row: Plain, run: Plain) -> bool:
        return row["set"] is not None and row["set"] == setting(run, row["set"][0], batch=1)

    drawn = values.get("pareto", {"points": []})["points"]
    points = [(p["median_ms"], 100 * p["top1"]) for _, p, _ in plain if None not in (p["median_ms"], p["top1"])]
    for x, y in zip(sorted((p["x"], p["y"]) for p in drawn), sorted(points), strict=True):
        assert x == pytest.approx(y)
    compressed = [p for row, p, _ in plain if row["role"] == "compressed"]
    for place, name in enumerate(("over_paper", "over_fastest")):
        shown = values["speedup"]["series"][place]["values"] if "speedup" in values else ()
        assert same(shown, [p[name] for p in compressed])
        greyed = values["speedup"]["series"][place]["doubts"] if "speedup" in values else ()
        marked = [doubts(run, row)[f"{name} disturbed"] and p[name] is not None
                  for row, p, run in plain if row["role"] == "compressed"]  # fmt: skip
        assert sum(greyed) == sum(marked)
    peaks = [p["memory_bytes"] / 1e6 for row, p, run in plain
             if p["memory_bytes"] and standing(row, run) and row["role"] != "paper_fp32"]  # fmt: skip
    assert same(every(values.get("memory")), peaks)
    sizes = {(run["id"], row["role"]): p["size_bytes"] / 1e6 for row, p, run in plain if row["role"] != "paper_fp32"}
    assert same(every(values.get("size")), list(sizes.values()))
    profiled = [(row, times) for row, _, run in plain if (times := operators(run, row))]
    times = [one["ns"] / 1e6 for row, some in profiled if row["role"] in ("fast_fp32", "compressed") for one in some]
    assert same(every(values.get("operators")), times)
    check_figures(values, plain)
    final = [(row, some) for row, some in profiled if row["role"] == "compressed"]
    newest = [some for row, some in final if row["run"] == final[-1][0]["run"]]
    shares = [sorted(100 * one["ns"] / sum(two["ns"] for two in times) for one in times) for times in newest]
    assert sorted(every(values.get("figure3-operators"))) in ([pytest.approx(one) for one in shares] or [[]])
    for name in ("figure2-latency", "figure6-latency", "figure7-engines"):
        check_threads(values.get(name), {p["median_ms"]: row for row, p, _ in plain if p["median_ms"]})
    check_threads(
        values.get("figure2-memory"), {p["memory_bytes"] / 1e6: row for row, p, _ in plain if p["memory_bytes"]}
    )


def check_figures(values: dict[str, Plain], plain: list[tuple[Plain, Plain, Plain]]) -> None:
    """The paper's figures: of runs that were made alike, the newest that has a value counts."""
    timed = [one for one in plain if one[0]["item"]]
    final = [one for one in plain if one[0]["role"] == "compressed"]
    for name, some, column, scale, by_threads in (
        ("figure2-latency", timed, "median_ms", 1, True),
        ("figure2-memory", timed, "memory_bytes", 1e-6, True),
        ("figure2-size", timed, "size_bytes", 1e-6, False),
        ("figure4-accuracy", [one for one in plain if one[0]["role"] != "fast_fp32"], "top1", 100, False),
        ("figure5-importance", [one for one in plain if one[0]["role"] not in BASES], "top1", 100, False),
        ("figure6-latency", final, "median_ms", 1, True),
        ("figure6-accuracy", final, "top1", 100, False),
        ("figure7-engines", final, "median_ms", 1, True),
    ):
        newest: Plain = {}
        for row, p, _ in some:
            if p[column] is not None:
                newest[row["role"], row["item"]["threads"] if by_threads else None] = scale * p[column]
        assert same(every(values.get(name)), list(newest.values())), name


def check_threads(chart: Plain | None, known: Plain) -> None:
    """Bars of different numbers of threads carry theirs."""
    bars = [(series["name"], value) for series in (chart or {"series": []})["series"] for value in series["values"]]
    numbers = {name: known[value]["item"]["threads"] for name, value in bars if value is not None}
    if len({known[value]["item"]["threads"] for _, value in bars if value is not None}) > 1:
        for name, threads in numbers.items():
            assert name.endswith(f", {threads} thread{'s' if threads > 1 else ''}")


def every(chart: Plain | None) -> list[float]:
    if chart is None:
        return []
    return [value for series in chart["series"] for value in series["values"] if value is not None]


def same(shown: Any, expected: list[float | None]) -> bool:
    one, other = (sorted(value for value in values if value is not None) for values in (shown, expected))
    return one == pytest.approx(other)


def test_the_charts_of_the_report(project: Path, runs: list[Plain]) -> None:
    for device in json.loads(report(project, "json"))["devices"]:
        check_charts(list(all_charts(device)), runs, device["name"])


# the window --------------------------------------------------------------------------------------------------


def test_the_cards_of_every_target(runs: list[Plain]) -> None:
    for run in runs:
        kept = results.RunRecord.model_validate(run)
        shown = ["local", *(item["target"] for item in items(run, "compressed") if item["target"] != "local")]
        assert list(result_cards.targets(kept)) == list(dict.fromkeys(shown))
        for target in result_cards.targets(kept):
            check_cards(run, target, {card.title: card for card in result_cards.cards(kept, target=target)})


def check_cards(run: Plain, target: str, cards: dict[str, result_cards.ResultCard]) -> None:
    chosen = setting(run, target)
    before, after, paper = (at(run, role, chosen) for role in ("fast_fp32", "compressed", "paper_fp32"))
    together = before is not None and after is not None and alike(before, after)
    if "Latency" in cards:
        card = cards["Latency"]
        assert after is not None
        assert says(card.after, median(after) / 1e9)
        assert says(card.before, median(before) / 1e9 if before else None)
        assert changed(card.difference, median(before), median(after)) if together else card.difference == "–"
        ratios = [one for one in (ratio(before, after), ratio(paper, after)) if one is not None]
        assert all(says(line.split()[0], one) for line, one in zip(card.baselines, ratios, strict=True))
        assert says(re.findall(r"p90 ([^,]+)", card.detail)[0], p90(after) / 1e9)
        assert (card.verdict == "doubtful") == any(map(disturbed, (before, after, paper))) == bool(card.doubts)
    else:
        assert after is None or not [item for item in items(run, "fast_fp32") if item["target"] == "local"]
    assert ("Memory" in cards) == (memory(after) is not None)
    if "Memory" in cards:
        card, used = cards["Memory"], memory(before)
        assert says(card.before, used)
        assert says(card.after, memory(after))
        compared = together and used
        assert changed(card.difference, used or 0, memory(after) or 0) if compared else card.difference == "–"
    if "Accuracy" in cards:
        check_accuracy(run, target, cards["Accuracy"])
    sizes = [one["size_bytes"] if (one := variant(run, role)) else None for role in ("fast_fp32", "compressed")]
    if "File size" in cards:
        assert says(cards["File size"].before, sizes[0])
        assert changed(cards["File size"].difference, *sizes)
    else:
        assert None in sizes


def check_accuracy(run: Plain, target: str, card: result_cards.ResultCard) -> None:
    """A phone's own where it was asked, beside what it said of a baseline; else this computer's."""
    found = {role: item for role in ROLES if (item := at(run, role, setting(run, target)))}
    after = found.get("compressed")
    beside = {role: item for role, item in found.items() if item is after or (after and alike(item, after))}
    asked = {role: answer(run, role, beside[role], "accuracy") if role in beside else None for role in ROLES}
    if target == "local" or asked["compressed"] is None:
        dense, accuracy = run["dense_accuracy"], variant(run, "compressed")["accuracy"]
    else:
        dense = asked["fast_fp32"] or asked["paper_fp32"] or run["dense_accuracy"]
        accuracy = asked["compressed"]
    assert judged(card.after, accuracy["top1"], accuracy["images"])
    assert f"on {accuracy['images']:,} images" in card.note
    assert says(card.before.split(" on ")[0], dense["top1"])
    if dense["images"] == accuracy["images"]:
        assert gained(card.difference, "top1", dense["top1"], accuracy["top1"])
    else:
        assert (card.difference, f"on {dense['images']:,} images" in card.before) == ("–", True)


def test_the_rows_of_what_was_measured(runs: list[Plain]) -> None:
    for run in runs:
        expected = [
            (HERE if chosen[0] == "local" else chosen[0], NAMES[role_of(one)], item)
            for chosen in sets(run)
            for one in run["variants"]
            if (item := at(run, role_of(one), chosen))
        ]
        found = measurement_rows.from_record(results.RunRecord.model_validate(run))
        assert len(found) == len(expected)
        for row in found:
            cells = dict(zip(measurement_rows.HEADS, row.cells, strict=True))
            threads, _, batch = cells["Threads"].partition(", batch ")
            place = (cells["Target"], cells["File"], int(threads), int(batch or 1))
            (item,) = [one for *words, one in expected if (*words, one["threads"], one["batch"]) == place]
            samples = item["samples_ns"]
            assert says(cells["Median"], median(item) / 1e9)
            assert says(cells["p90"], p90(item) / 1e9)
            assert says(cells["Fastest"], min(samples) / 1e9)
            assert says(cells["Loading"], item["load_ns"] / 1e9 if item["load_ns"] is not None else None)
            assert says(cells["Memory"], memory(item))
            accuracy = item["accuracy"] or {}
            assert judged(cells["Accuracy"], accuracy.get("top1"), accuracy.get("images"))
            assert says(cells["Agreement"], item["parity"]["top1_agreement"] if item["parity"] else None)
            third = len(samples) // 3
            ends = [median({"samples_ns": part}) for part in (samples[:third], samples[-third:])] if third > 2 else None
            shown = number(cells["Last third"])
            assert (shown is None) == (ends is None)
            if ends is not None and shown is not None:
                assert shown == pytest.approx(ends[1] / ends[0] - 1, abs=0.00051)


def test_the_chart_of_a_run_that_was_opened(runs: list[Plain]) -> None:
    for run in runs:
        view = RunView()
        view.show(results.RunRecord.model_validate(run), (), Path("somewhere"))
        chosen = setting(run, "local")
        expected = {role: item["samples_ns"] for role in ROLES if (item := at(run, role, chosen))}
        shown = {role: [1e6 * ms for ms in series.samples.y] for role, series in view.now.latency.items()}
        assert shown.keys() == expected.keys()
        for role, samples in expected.items():
            assert shown[role] == pytest.approx(samples)


def test_the_compare_page(project: Path, runs: list[Plain]) -> None:
    view = ComparisonView()
    view.take(load(project))
    view.show_all_files(True)
    expected = by_words(runs)
    heads = [column.key for column in view.columns]
    lines = [[line.text(column) for column in view.columns] for line in view.lines]
    assert len(lines) == len(expected)
    assert_same_rows(heads, lines, {name: name for name in HEADS.values()}, list(expected.values()))
    for device in view.comparison.devices:
        view.choose_device(device)
        charts = [chart for name in ("pareto", "speedup", "size", "memory", "operators") if (chart := view.chart(name))]
        for figure in range(2, 8):
            view.choose_figure(figure)
            charts += view.shown_figure.charts
        check_charts([json.loads(json.dumps(chart, default=vars)) for chart in charts], runs, device)


def test_what_differs_between_two_runs(project: Path, runs: list[Plain]) -> None:
    stored = load(project).runs
    one, other = stored[0], stored[-1]
    before, after = runs[0], runs[-1]
    shown = {(found.label, found.device): found for found in difference(one, other).figures}
    for target in [target for target in targets(before) if target in targets(after)]:
        device = HERE if target == "local" else target
        pair = figures(before, "compressed", target), figures(after, "compressed", target)
        settings_ = [setting(run, target) for run in (before, after)]
        measured_alike = None not in settings_ and settings_[0][1:3] == settings_[1][1:3]  # type: ignore[index]
        for label, name in FIGURES.items():
            found = shown.pop((label, device), None)
            if None in (pair[0].get(name), pair[1].get(name)) or (target != "local" and name in ("params", "macs")):
                assert found is None or name == "size_bytes", (label, device)
                continue
            if target != "local" and name == "size_bytes":
                assert found is None
                continue
            assert found is not None, (label, device)
            assert found.values == pytest.approx((pair[0][name], pair[1][name]))
            assert (
                judged(found.before, *share_of(name, pair[0])) if name in SHARES else says(found.before, pair[0][name])
            )
            counted = name in SHARES
            comparable = pair[0].get("images") == pair[1].get("images") if counted else measured_alike
            if not comparable and name not in ("size_bytes", "params", "macs", "relative_error", "top1_agreement"):
                assert found.change == "–"
            elif name in (*SHARES, "top1_agreement"):
                assert abs((number(found.change) or 0) - (pair[1][name] - pair[0][name])) <= 0.0000501
            else:
                assert changed(found.change.removeprefix("≈ "), pair[0][name], pair[1][name])
        for label, role in (("Speed-up over paper’s FP32", "paper_fp32"), ("Speed-up over fastest FP32", "fast_fp32")):
            gains = [
                ratio(at(run, role, setting(run, target)), at(run, "compressed", setting(run, target)))
                for run in (before, after)
            ]
            found = shown.pop((label, device), None)
            assert (found is None) == (None in gains)
            if found is not None:
                assert found.values == pytest.approx(gains)
    assert shown == {}


SHARES = ("top1", "top5")


def share_of(name: str, known: Plain) -> tuple[float, int]:
    return known[name], known["images"]


# the example -------------------------------------------------------------------------------------------------


def test_a_baseline_with_one_thread_and_a_compressed_file_with_four_have_no_ratio_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    path, folder = tmp_path / "some.pqv", tmp_path / "some.runs" / "r1"
    projects.save(path, projects.Project())
    folder.mkdir(parents=True)
    (folder / results.RUN_FILE).write_text(json.dumps(unequal()), encoding="utf-8")
    assert cli.main(["show", str(path)]) == 0
    text = capsys.readouterr().out
    assert "faster" not in text
    assert "FP32, fastest was measured with 1 thread, not with 4 threads" in text
    latency = next(line for line in text.splitlines() if line.startswith("Latency, median"))
    assert latency.split()[2:] == ["–", "–", "–", "10.0", "ms", "–", "–"]
    whole = json.loads(report(path, "json"))
    compressed = next(row for row in whole["rows"] if row["artefact"] == "compressed")
    assert (compressed["over_paper"], compressed["over_fastest"]) == (None, None)
    assert "speedup" not in [chart["key"] for chart in whole["devices"][0]["charts"]]
    assert "not measured together with: FP32, fastest" in report(path, "html")
    card = next(card for card in result_cards.cards(results.load(folder)) if card.title == "Latency")
    assert (card.before, card.after, card.difference, card.baselines) == ("–", "10.0 ms", "–", ())
    assert "FP32, fastest was measured with 1 thread" in " ".join(card.remarks)
