"""What the bench of latency tables draws, and what it makes of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bench.latency_bench import Place, compared, drawn, summary
from pqv_core.latency.probe_files import DENSE, Folder, ProbeFile, ProbeFiles
from pqv_core.latency.table import LatencyTable, Narrower, Part, Point, Subject

SUBJECT = Subject(model="some_vit", input_shape=(1, 3, 8, 8), unit="width", format="ptl", scheme="fp32")
CURVE = tuple(Point(units=units, copies=1, samples_ns=(units * 100,), loop=0) for units in (8, 64))
PARTS = tuple(Part(name=name, kind="mlp", units=64, curve=0) for name in ("a", "b"))


def table(*, narrower: Sequence[int] = ()) -> LatencyTable:
    """Two parts that take 100 ns a channel, of 20,000 ns; a narrower embedding makes no difference."""
    known = tuple(Narrower(units=units, samples_ns=(20_000,), loop=0, curves=(CURVE,)) for units in narrower)
    return LatencyTable(
        subject=SUBJECT,
        device="A processor",
        created="",
        parts=PARTS,
        curves=(CURVE,),
        embedding=96 if narrower else None,
        embeddings=known,
        loops=((20_000,),),
    )


def test_structures_are_the_same_each_time_and_fit_the_table() -> None:
    found = list(drawn(table(), 30))
    assert found == list(drawn(table(), 30))
    widths = {units for structure, _ in found for units in structure.values()}
    assert widths <= set(range(8, 65, 8)) and len(widths) > 5
    assert {embedding for _, embedding in found} == {None}


def test_embeddings_lie_between_the_narrowest_that_is_known_and_the_whole() -> None:
    embeddings = {embedding for _, embedding in drawn(table(narrower=(48, 72)), 60)}
    assert embeddings == set(range(48, 96, 8))


def test_of_errors_their_size_and_their_side_are_told() -> None:
    assert summary([0.01, -0.03, 0.02, 0.01, 0.06]) == {
        "median": 0.02,
        "p90": 0.03,
        "max": 0.06,
        "above_5_percent": 1,
        "bias": 0.01,
    }


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.latency_bench.environment.busy", lambda: 0.0)


@pytest.mark.usefixtures("quiet")
def test_what_is_far_off_is_measured_once_more_and_both_are_told(tmp_path: Path) -> None:
    names = [DENSE, *(f"structure-{number}" for number in range(8))]
    files = ProbeFiles(
        subject=SUBJECT,
        parts=PARTS,
        files=tuple(
            ProbeFile(key=name, name=name, size=1, input_shape=(1, 3, 8, 8), units={"a": 64, "b": 64}) for name in names
        ),
    )
    loops: list[list[str]] = []

    def samples(loop: Sequence[ProbeFile], subject: Subject, folder: Folder) -> Mapping[str, Sequence[int]]:
        keys = [file.key for file in loop]
        loops.append(keys)
        disturbed = {"structure-3": 2.0} if len(loops) == 1 else {}
        slower = {"structure-7": 1.1}  # each time
        return {key: [round(20_000 * disturbed.get(key, 1.0) * slower.get(key, 1.0)), 90_000] for key in keys}

    folder = Folder(tmp_path)
    place = Place(lambda folder: table(), samples)
    found = compared(place, files, table(), folder)
    assert loops == [names[:7], [DENSE, *names[7:]], [DENSE, "structure-3", "structure-7"]]
    assert (found["structures"], found["measured_again"]) == (8, 2)
    assert (found["errors"]["max"], found["errors"]["above_5_percent"]) == (0.5, 2)
    assert (found["errors_then"]["max"], found["errors_then"]["above_5_percent"]) == (0.0909, 1)
    assert compared(place, files, table(), folder) == found  # nothing is measured a third time
    assert len(loops) == 3
