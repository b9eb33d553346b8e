"""A process that reads images for the worker: asked for (recipe, items) on its connection, it answers with a chunk."""

from __future__ import annotations

import signal
from multiprocessing.connection import Connection
from typing import Any

from pqv_core.process import owner


def serve(connection: Connection[Any, Any]) -> None:
    """Say None once all is imported, and again after each image that was read, until the connection ends."""
    owner.end_with_parent()  # first of all: what is imported below takes seconds
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    import torch

    from pqv_core.engine.data.image_reading import read_chunk

    torch.set_num_threads(1)
    try:
        connection.send(None)
        while True:
            recipe, items = connection.recv()
            connection.send(read_chunk(recipe, items, tick=lambda: connection.send(None)))
    except (EOFError, OSError):  # the parent is gone, perhaps in the middle of a message
        return
