"""Operator times for Netron: its attachment file, which is dropped onto the window in which the file is shown.

Netron (since 8.8) merges a JSON file with ``"signature": "netron:attachment"`` into what it shows: items with ``kind``,
``target``, ``name`` and ``value`` under ``metadata`` and ``metrics``. The nodes of a PyTorch file have no names there,
so that a time cannot be tied to one node; the times are shown with the model and with its graph, by operator.
"""

from __future__ import annotations

from typing import Any

from pqv_core import formatting
from pqv_core.comparison import Row
from pqv_core.results.select import Setting

_KINDS = ("model", "graph")


def attachment(row: Row) -> dict[str, Any]:
    """The attachment for the file of a row."""
    total = sum(item.ns for item in row.operator_times) or 1
    longest = sorted(row.operator_times, key=lambda item: (-item.ns, item.name))
    times = {
        _name(item.name): f"{formatting.nanoseconds(item.ns)}, {formatting.percent(item.ns / total)}, {item.calls:,}×"
        for item in longest
    }
    facts = {"run": row.run, "file": row.file, "device": row.device, "precision": row.precision}
    if row.engine:
        facts["engine"] = row.engine
    if row.measurement is not None and row.median_ms is not None:
        facts["latency, median"] = f"{formatting.milliseconds(row.median_ms)}, {Setting.of(row.measurement).words}"
    return {"signature": "netron:attachment", "metadata": _items(facts), "metrics": _items(times)}


def _items(values: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"kind": kind, "target": "", "name": name, "value": value} for kind in _KINDS for name, value in values.items()
    ]


def _name(text: str) -> str:
    """A name in one line: Netron cuts at the first line's end."""
    return " ".join(text.split()) or "?"
