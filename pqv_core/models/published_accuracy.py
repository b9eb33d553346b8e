"""What published weights reach on ImageNet-1k, as timm's authors measured it: ``resources/imagenet.json``.

The file is made by ``scripts/make_published_accuracy.py``. Figures are those of single sets of weights, by their whole
names (``model.tag``): what one set reaches says nothing of another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pqv_core.errors import StorageError, from_os_error
from pqv_core.files.resource_files import resource


@dataclass(frozen=True, slots=True)
class PublishedAccuracy:
    """What a set of weights reaches with images of one size.

    Attributes:
        image_size: Side of the images in pixels.
        top1: Share of the 50,000 validation images of ImageNet-1k whose first class is right, from 0 to 1.
    """

    image_size: int
    top1: float


@dataclass(frozen=True)
class PublishedAccuracies:
    """All that is known, and whose figures they are.

    Attributes:
        source: For a person: where they were published, and when.
        by_weights: By whole names of weights; several where they were measured with images of several sizes.
    """

    source: str = ""
    by_weights: Mapping[str, tuple[PublishedAccuracy, ...]] = field(default_factory=dict)


def load(path: Path | None = None) -> PublishedAccuracies:
    """Read the file that comes with the program.

    Raises:
        StorageError: It is missing or damaged.
    """
    path = path or resource("imagenet.json")
    try:
        plain = json.loads(path.read_bytes())
        source = plain["source"]
        day = date.fromisoformat(source["date"])
        return PublishedAccuracies(
            source=f"{source['name']}, {day:%Y-%m-%d}, commit {source['commit'][:7]}",
            by_weights={
                name: tuple(PublishedAccuracy(int(size), round(percent / 100, 5)) for size, percent in by_size.items())
                for name, by_size in plain["top1"].items()
            },
        )
    except OSError as error:
        raise from_os_error(error, path) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            "The published accuracies are damaged.", action="Reinstall PQV-Mobile.", details=f"{path}: {error!r}"
        ) from error
