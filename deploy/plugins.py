"""All kinds of things that other packages can bring: those of the data, and kinds of devices."""

from __future__ import annotations

from typing import Any

from deploy.targets import TARGETS
from pqv_core import plugins
from pqv_core.registry import Registry

REGISTRIES: tuple[Registry[Any], ...] = (*plugins.REGISTRIES, TARGETS)
