"""A process that reads images for the worker: asked for (recipe, items) on its connection, it answers with a chunk."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from pqv_core import owner


def serve(connection: Connection[Any, Any]) -> None:
    """Say ``True`` once all is imported, then answer until the connection ends."""
    owner.end_with_parent()  # first of all: what is imported below takes seconds
    import torch

    from pqv_core.engine.reading import read_chunk

    torch.set_num_threads(1)
    try:
        connection.send(True)
        while True:
            recipe, items = connection.recv()
            connection.send(read_chunk(recipe, items))
    except (EOFError, ConnectionError):
        return
