"""Where a report goes, and in which form."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from pqv_core.report.write import FORMATS, default_path
from pqv_gui.desks.compare_desk import CompareDesk
from pqv_gui.i18n import tr

_NAMES = {"html": "HTML", "csv": "CSV", "json": "JSON", "netron": "Netron"}


def ask_for_report(parent: QWidget, desk: CompareDesk) -> None:
    """Ask for a place, and have a report on the ticked runs written there."""
    if desk.project is None:
        return
    filters = {f"{_NAMES[kind]} (*{default_path(desk.project, kind).suffix})": kind for kind in FORMATS}
    chosen, wanted = QFileDialog.getSaveFileName(
        parent, tr("Export report"), str(default_path(desk.project, "html")), ";;".join(filters)
    )
    if chosen:
        desk.export(Path(chosen), filters.get(wanted, "html"))
