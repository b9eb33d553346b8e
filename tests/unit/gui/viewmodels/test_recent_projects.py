"""The list of recent projects."""

from __future__ import annotations

from pathlib import Path

from pqv_gui.viewmodels.recent_projects import LIMIT, RecentProjects, TextStore


def test_newest_first_each_once_and_kept() -> None:
    kept = [["/a.pqv", "", "/b.pqv"]]
    recents = RecentProjects(TextStore(read=lambda: kept[-1], write=kept.append))
    recents.add(Path("/b.pqv"))
    recents.add(Path("/c.pqv"))
    assert [path.name for path in recents.paths] == ["c.pqv", "b.pqv", "a.pqv"]
    recents.forget(Path("/b.pqv"))
    assert kept[-1] == ["/c.pqv", "/a.pqv"]
    recents.clear()
    assert kept[-1] == []


def test_what_another_window_has_added_stays() -> None:
    kept = [["/a.pqv"]]
    one, other = (RecentProjects(TextStore(read=lambda: kept[-1], write=kept.append)) for _ in range(2))
    one.add(Path("/b.pqv"))
    other.add(Path("/c.pqv"))
    assert kept[-1] == ["/c.pqv", "/b.pqv", "/a.pqv"]
    one.forget(Path("/a.pqv"))
    assert kept[-1] == ["/c.pqv", "/b.pqv"]


def test_the_list_does_not_grow_without_end() -> None:
    recents = RecentProjects(
        TextStore(read=lambda: (f"/{number}.pqv" for number in range(2 * LIMIT)), write=lambda paths: None)
    )
    recents.add(Path("/new.pqv"))
    assert len(recents.paths) == LIMIT
