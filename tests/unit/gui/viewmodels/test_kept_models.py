"""Starred and recent models."""

from __future__ import annotations

from pqv_gui.viewmodels.kept_models import MOST_RECENT, KeptModels
from pqv_gui.viewmodels.recent_projects import TextStore


def store(kept: list[list[str]]) -> TextStore:
    return TextStore(read=lambda: kept[-1], write=kept.append)


def test_stars_are_given_and_taken_and_kept() -> None:
    starred, heard = [["a", "", "b", "a"]], list[tuple[str, ...]]()
    models = KeptModels(starred=store(starred), recent=store([[]]))
    models.subscribe(lambda: heard.append(models.starred))
    assert models.starred == ("a", "b")
    models.star("c", True)
    models.star("c", True)
    models.star("a", False)
    assert models.starred == tuple(starred[-1]) == ("b", "c")
    assert heard[-1] == ("b", "c")


def test_the_latest_used_comes_first_each_once_and_not_without_end() -> None:
    recent: list[list[str]] = [[]]
    models = KeptModels(starred=store([[]]), recent=store(recent))
    for number in range(2 * MOST_RECENT):
        models.use(f"m{number}")
    models.use("m20")
    assert models.recent[:3] == ("m20", "m23", "m22")
    assert len(recent[-1]) == MOST_RECENT
    written = len(recent)
    models.use("m20")
    assert len(recent) == written  # nothing has changed


def test_what_another_window_has_kept_stays() -> None:
    starred: list[list[str]] = [[]]
    recent: list[list[str]] = [[]]
    one, other = (KeptModels(starred=store(starred), recent=store(recent)) for _ in range(2))
    one.star("a", True)
    other.star("b", True)
    other.use("x")
    one.use("y")
    assert (starred[-1], recent[-1]) == (["a", "b"], ["y", "x"])
