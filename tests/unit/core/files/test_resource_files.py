from pathlib import Path

import pytest

import pqv_core
from pqv_core.errors import StorageError, UsageError
from pqv_core.files import resource_files
from pqv_core.files.resource_files import resource


def test_resources_stand_beside_the_package() -> None:
    assert resource() == Path(pqv_core.__file__).resolve().parents[1] / "resources"


def test_a_part_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource_files, "_ROOT", tmp_path)
    (tmp_path / "icons").mkdir()
    (tmp_path / "icons" / "app.svg").write_text("<svg/>")

    assert resource("icons", "app.svg").read_text() == "<svg/>"


def test_a_missing_part_is_named_with_the_way_out() -> None:
    with pytest.raises(StorageError, match=r"resources/icons/nothing\.svg") as error:
        resource("icons", "nothing.svg")

    assert "Reinstall" in error.value.action


@pytest.mark.parametrize("parts", [("..", "pyproject.toml"), ("/etc/passwd",)])
def test_nothing_outside_is_handed_out(parts: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        resource(*parts)


@pytest.mark.parametrize("place", ["docs", "resources/docs"])
def test_the_documentation_is_found_in_a_checkout_and_in_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(resource_files, "_ROOT", tmp_path / "resources")
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "guide.md").write_text("# Guide")

    assert resource_files.docs() == tmp_path / place


def test_a_folder_of_docs_that_somebody_else_has_installed_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource_files, "_ROOT", tmp_path / "resources")
    (tmp_path / "docs").mkdir()

    with pytest.raises(StorageError, match="resources/docs"):
        resource_files.docs()
