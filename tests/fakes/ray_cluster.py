"""A real Ray cluster of three computers that are one: the first has no processors, as the docs ask of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

_STORE_BYTES = 120 << 20


class Computers:
    """The cluster, and its computers that train.

    Attributes:
        address: Of the cluster.
        others: Those that train.
    """

    def __init__(self, cluster: Any, count: int) -> None:
        self._cluster = cluster
        self.address: str = cluster.address
        self.others = [self._joined() for _ in range(count)]

    def _joined(self) -> Any:
        return self._cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES)

    def kill(self, node: Any) -> None:
        """As if its plug were pulled."""
        self._cluster.remove_node(node, allow_graceful=False)

    def join(self) -> None:
        """One more."""
        self.others.append(self._joined())


@contextlib.contextmanager
def computers(count: int) -> Iterator[Computers]:
    """A cluster of so many computers that train."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    head = {"num_cpus": 0, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        yield Computers(cluster, count)
    finally:
        cluster.shutdown()
