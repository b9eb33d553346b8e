"""Presets in the window: a new project made from one, or the settings of the open project filled in."""

from __future__ import annotations

from collections.abc import Mapping

from pqv_core.config import RunConfig, with_settings
from pqv_core.project import own_presets, presets
from pqv_gui.viewmodels import defaults
from pqv_gui.viewmodels.project_session import ProjectSession


def new_config(name: str) -> RunConfig:
    """A project without images that begins with a preset."""
    return with_settings(defaults.new_config(), presets.get(name, own_presets.found()).settings(images=False))


def fill_in(session: ProjectSession, name: str, *, uncut: Mapping[str, str]) -> tuple[str, ...]:
    """Fill a preset into the open project, as one step that is undone as one; a sentence for all that was adapted.

    Args:
        uncut: What of the model cannot be cut, and why.
    """
    images = bool(session.get("data.train") or session.get("data.val"))
    settings, differs = presets.get(name, own_presets.found()).fitted(uncut, images=images)
    session.set_many(settings, label=f"preset.{name}")
    return differs
