"""How far measuring a latency table has come, and what was measured put together."""

from __future__ import annotations

from pathlib import Path

from pqv_core.latency.probe_files import DENSE, Folder, ProbeFile, ProbeFiles, assemble
from pqv_core.latency.table import Part, Subject

SUBJECT = Subject(model="some_vit", input_shape=(1, 3, 8, 8), unit="width", format="ptl", scheme="fp32")
PARTS = (Part(name="a", kind="mlp", units=16, curve=0), Part(name="b", kind="attention", units=4, curve=1))


def file(key: str, units: dict[str, int], curve: int | None = None) -> ProbeFile:
    return ProbeFile(key=key, name=f"{key}.ptl", size=3, input_shape=(1, 3, 8, 8), units=units, curve=curve)


FILES = ProbeFiles(
    subject=SUBJECT,
    parts=PARTS,
    files=(
        file(DENSE, {"a": 16, "b": 4}),
        file("least", {"a": 8, "b": 1}),
        *(file(f"a-{units}", {"a": units}, curve=0) for units in range(1, 17)),
        *(file(f"b-{units}", {"b": units}, curve=1) for units in range(1, 5)),
    ),
)


def folder(path: Path) -> Folder:
    made = Folder(path / "probes")
    for each in FILES.files:
        (made.path / each.name).write_bytes(b"abc")
    made.keep(FILES)
    return made


def test_the_uncut_model_takes_its_turns_with_all_others() -> None:
    loops = [[one.key for one in loop] for loop in FILES.loops()]
    assert all(loop[0] == DENSE for loop in loops)
    assert sorted(key for loop in loops for key in loop[1:]) == sorted(one.key for one in FILES.files[1:])
    assert max(map(len, loops)) <= 11  # each is a process that waits for its turn
    assert all(len({key[0] for key in loop[1:]}) == 1 for loop in loops)


def narrower(embedding: int) -> list[ProbeFile]:
    """The files of a narrower model: itself, a block, and parts."""
    several = [
        file("dense", {"a": 16, "b": 4}),
        file("block", {}).model_copy(update={"blocks": {"ab": ("a", "b")}}),
        *(file(f"a-{units}", {"a": units}, curve=0) for units in (8, 16)),
        *(file(f"b-{units}", {"b": units}, curve=1) for units in (2, 4)),
    ]
    return [
        each.model_copy(
            update={"key": f"{embedding}-{each.key}", "embedding": embedding, "name": f"{embedding}-{each.name}"}
        )
        for each in several
    ]


def test_narrower_embeddings_are_measured_beside_the_uncut_model_and_told_apart() -> None:
    files = FILES.model_copy(update={"files": (*FILES.files, *narrower(24), *narrower(16)), "embedding": 32})
    loops = list(files.loops())
    assert all(loop[0].key == DENSE and len({each.embedding for each in loop[1:]}) == 1 for loop in loops)
    samples = [
        {each.key: (1000 if each.key == DENSE else 10 * (each.embedding or 32),) for each in loop} for loop in loops
    ]
    table = assemble(files, samples, subject=SUBJECT, device="A phone", versions={})
    assert table.embedding == 32 and [each.units for each in table.embeddings] == [16, 24]
    for each in table.embeddings:
        assert table.share(each) == each.units / 100
        assert [[point.units for point in curve] for curve in each.curves] == [[8, 16], [2, 4]]
        assert [block.name for block in each.blocks] == ["ab"]
        assert table.cost(table.parts[0], 8, each) == each.units / 100
    assert table.cost(table.parts[0], 8) == 0.32 and table.blocks == ()
    assert narrower(24)[0].words == "The model with an embedding of 24"
    assert narrower(24)[2].words == "a at 8 with an embedding of 24"


def test_a_table_goes_on_where_it_was(tmp_path: Path) -> None:
    made = folder(tmp_path)
    todo = made.left(FILES)
    for loop in todo[:2]:
        made.add({one.key: [5, 6] for one in loop})
    again = Folder(made.path)
    assert again.files() == FILES
    assert again.left(FILES) == todo[2:]


def test_of_files_that_come_later_only_those_are_measured(tmp_path: Path) -> None:
    made = folder(tmp_path)
    for loop in made.left(FILES):
        made.add({one.key: [5] for one in loop})
    more = FILES.model_copy(update={"files": (*FILES.files, file("a-1b", {"a": 17}, curve=0))})
    assert [[one.key for one in loop] for loop in made.left(more)] == [[DENSE, "a-1b"]]


def test_a_file_that_is_not_whole_is_written_again(tmp_path: Path) -> None:
    made = folder(tmp_path)
    (made.path / "a-3.ptl").write_bytes(b"a")
    (made.path / "b-1.ptl").unlink()
    there = made.files()
    assert there is not None
    assert {one.key for one in FILES.files} - {one.key for one in there.files} == {"a-3", "b-1"}


def test_notes_that_cannot_be_read_are_as_if_there_were_none(tmp_path: Path) -> None:
    made = folder(tmp_path)
    for name in ("probes.json", "measured.json"):
        (made.path / name).write_text('{"half')
    assert made.files() is None
    assert made.measured() == []


def test_the_table_has_every_width_of_every_curve(tmp_path: Path) -> None:
    made = folder(tmp_path)
    for loop in made.left(FILES):
        made.add({one.key: [1000 if one.key == DENSE else 10 * sum(one.units.values())] for one in loop})
    table = assemble(FILES, made.measured(), subject=SUBJECT, device="A phone", serial="X1", versions={})
    assert [[point.units for point in curve] for curve in table.curves] == [[*range(1, 17)], [*range(1, 5)]]
    assert table.cost(table.parts[0], 8) == 0.08
    assert [whole.units for whole in table.wholes] == [{"a": 8, "b": 1}]
    assert len(table.loops) == len(list(FILES.loops()))


def test_a_file_that_was_measured_and_deleted_since_is_not_in_the_table(tmp_path: Path) -> None:
    made = folder(tmp_path)
    further = file("a-1b", {"a": 17}, curve=0)
    for loop in made.left(FILES.model_copy(update={"files": (*FILES.files, further)})):
        made.add({one.key: [5] for one in loop})
    table = assemble(FILES, made.measured(), subject=SUBJECT, device="A phone", versions={})
    assert [point.units for point in table.curves[0]] == [*range(1, 17)]
