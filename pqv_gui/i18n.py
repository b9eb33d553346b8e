"""Translation of the window's texts."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def tr(text: str) -> str:
    """``text`` in the language of the person; English where there is no translation."""
    return QCoreApplication.translate("pqv", text)
