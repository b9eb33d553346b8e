"""Kinds of devices to measure on. One folder each, which describes itself; ``docs/plugins.md`` says how to add one."""

from __future__ import annotations

from dataclasses import dataclass

from pqv_core.registry import Registry


@dataclass(frozen=True)
class TargetKind:
    """What a person reads about a kind of devices.

    Attributes:
        key: Its name in commands and files.
        label: What a person calls it.
        sentence: How it is reached.
        implementation: A ``deploy.device.target.Target``, or what makes one when called; empty for this computer, which
            the worker measures.
        order: Its place in lists.
    """

    key: str
    label: str
    sentence: str
    implementation: str = ""
    order: int = 100


TARGETS = Registry("target", TargetKind, package=__name__, group="pqv.targets")
