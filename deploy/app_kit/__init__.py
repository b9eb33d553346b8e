"""What an app developer needs of a run: its files, how to feed them, code that does, and an example to check it."""

from __future__ import annotations

from deploy.app_kit.contents import AppKit, read
from deploy.app_kit.writing import write

__all__ = ["AppKit", "read", "write"]
