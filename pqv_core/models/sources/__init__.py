"""Model sources: where networks and their published weights come from. One file each; see ``docs/plugins.md``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pqv_core.registry import Registry

if TYPE_CHECKING:
    from pqv_core.models.catalog import Catalog, CatalogEntry

DEFAULT = "timm"
"""What projects and checkpoints mean that name no source: they are from before there was a choice."""


@dataclass(frozen=True)
class SourceInfo:
    """What a person reads about a source of models, and what can be said of its models without making them.

    Attributes:
        key: Its name in settings and files.
        label: Its name in texts.
        sentence: Which models it has.
        implementation: A class of ``pqv_core.engine.models.sources.base.ModelSource``.
        catalog: Where its catalogue is read, ``"package.module:function"``: without arguments, it gives a
            ``pqv_core.models.catalog.Catalog``. Empty for a source without one: nothing is predicted then, and a name
            that does not exist is refused by the run.
        reserved: Arguments of models that nobody may set: they bring weights or a description in from elsewhere, or
            make another kind of model.
        order: Its place in lists.
    """

    key: str
    label: str
    sentence: str
    implementation: str
    catalog: str = ""
    reserved: frozenset[str] = frozenset()
    order: int = 100


SOURCES = Registry("model source", SourceInfo, package=__name__, group="pqv.models")


def catalog(key: str) -> Catalog | None:
    """The catalogue of a source; None where it has none.

    Raises:
        StorageError: It is damaged.
        PluginError: The source's package cannot be loaded.
    """
    if not SOURCES[key].catalog:
        return None
    found: Catalog = SOURCES.load(key, "catalog")()
    return found


def entry(key: str, name: str) -> CatalogEntry | None:
    """What the catalogue of a source knows of a model; None where the source has no catalogue.

    Raises:
        ModelError: The catalogue does not have it; names the closest ones.
        StorageError: The catalogue is damaged.
        PluginError: The source's package cannot be loaded.
    """
    known = catalog(key)
    return None if known is None else known.get(name)
