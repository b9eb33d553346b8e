"""Writes an app kit: the files as they are, data as JSON and text, and code from the formats' templates."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2

from deploy.app_kit import examples
from deploy.app_kit.contents import AppKit
from deploy.app_kit.examples import Example
from deploy.job import Job
from pqv_core import formatting
from pqv_core.errors import StorageError, from_os_error
from pqv_core.files.fsio import move, remove_folder
from pqv_core.files.resource_files import texts
from pqv_core.process.worker_client import Worker


def write(kit: AppKit, target: Path, *, project: Path | None, job: Job, worker: Callable[..., Worker] = Worker) -> None:
    """Make the folder ``target``, whole or not at all.

    Args:
        project: The project of the run, whose validation images the example is taken from; None for noise.

    Raises:
        StorageError: It is there and not empty, or cannot be written.
        BenchmarkError: This computer cannot run a file, so that there would be no example.
        Cancelled: The person asked for the end.
    """
    _check_free(target)
    with tempfile.TemporaryDirectory(prefix="pqv-app-kit-") as scratch:
        example = examples.answered(kit, project=project, scratch=Path(scratch), job=job, worker=worker)
    with _made(target) as folder:
        _fill(folder, kit, example)


def _check_free(target: Path) -> None:
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise StorageError(f"{target} is there already.", action="Name a new or an empty folder.")
    except OSError as error:
        raise from_os_error(error, target) from error


@contextlib.contextmanager
def _made(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` that takes its place when the block ends well, and vanishes otherwise."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise from_os_error(error, target) from error
    try:
        yield folder
        folder.chmod(0o755)  # mkdtemp's is its owner's alone
        with contextlib.suppress(FileNotFoundError):
            target.rmdir()
        move(folder, target)
    except OSError as error:
        raise from_os_error(error, target) from error
    finally:
        if folder.exists():
            with contextlib.suppress(OSError):
                remove_folder(folder)


def _fill(folder: Path, kit: AppKit, example: Example) -> None:
    for part in ("model", "example"):
        (folder / part).mkdir()
    for file in kit.files:
        shutil.copyfile(file.path, folder / "model" / file.path.name)
    names = kit.labels or [str(index) for index in range(len(next(iter(example.logits.values()))))]
    (folder / "labels.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    _write_json(folder / "preprocessing.json", kit.recipe.described())
    _write_json(folder / "example" / "expected.json", examples.described(kit, example))
    example.values.astype("<f4").tofile(folder / "example" / "input.f32")
    has_image = _write_image(folder / "example" / "image.ppm", kit, example)
    for name, text in rendered(kit, example, has_image=has_image).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _write_image(path: Path, kit: AppKit, example: Example) -> bool:
    """The example as a picture of the input's size, where it is an RGB image of 8 bits."""
    found = examples.pixels(example.values, kit.recipe) if example.is_image and kit.recipe.channels == 3 else None
    if found is None:
        return False
    height, width, _ = found.shape
    path.write_bytes(f"P6 {width} {height} 255\n".encode() + found.tobytes())
    return True


def rendered(kit: AppKit, example: Example, *, has_image: bool) -> dict[str, str]:
    """Code and README by their names in the kit."""
    options: dict[str, Any] = {"undefined": jinja2.StrictUndefined, "keep_trailing_newline": True, "trim_blocks": True}
    environment = jinja2.Environment(**options)  # noqa: S701 - code and Markdown, where HTML escapes would be wrong
    environment.filters["number"] = _number
    facts = _facts(kit, example) | {"has_image": has_image}
    found: dict[str, str] = {}
    chapters: list[str] = []
    for file in kit.files:
        runtime = file.info.runtime(file.info.default_runtime) if file.info.default_runtime else None
        of_file = facts | {"file": file.path.name, "engine": file.engine, "info": file.info, "runtime": runtime}
        for name, template in file.info.app_code().items():
            text = environment.from_string(template).render(of_file)
            if name == "README.md":
                chapters.append(text)
            elif _is_wanted(name, facts):
                found[name] = text
    has_code = bool(found)
    for name, template in texts("app_kit", "common").items():
        if name == "README.md" or (has_code and _is_wanted(name, facts)):
            found[name] = environment.from_string(template).render(facts | {"chapters": chapters, "has_code": has_code})
    return found


def _facts(kit: AppKit, example: Example) -> dict[str, Any]:
    recipe = kit.recipe
    return {
        "model": kit.record.config.get("model", {}).get("name", ""),
        "run": kit.record.id,
        "recipe": recipe,
        "steps": recipe.described(),
        "files": [
            {
                "name": file.path.name,
                "label": file.info.label,
                "precision": file.variant.precision,
                "size": formatting.size(file.variant.size_bytes),
                "answer": int(example.logits[file.path.name].argmax()),
            }
            for file in kit.files
        ],
        "is_image": example.is_image,
        "has_labels": bool(kit.labels),
        "is_for_android": kit.is_for_android,
    }


def _is_wanted(name: str, facts: dict[str, Any]) -> bool:
    return facts["is_for_android"] or not name.startswith("kotlin/")


def _number(value: float) -> str:
    """A float as C++ and Kotlin read it."""
    return f"{value!r}f"
