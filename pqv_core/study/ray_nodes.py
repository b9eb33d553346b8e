"""The computers of a Ray cluster; the only module that touches Ray.

Ray brings the calls and their arguments from one computer to another with pickle, so a cluster is a network in which
everybody is trusted. What is given to it here is text and bytes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from dataclasses import dataclass
from typing import Any

# What it tells of its computers it would print on standard output, where lines of JSON may stand; read at its import.
os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"] = "^"

import ray
from ray import exceptions

from pqv_core.config import RunConfig
from pqv_core.errors import ClusterError, UsageError, WorkerError
from pqv_core.study import away
from pqv_core.study.away import Order, Sent
from pqv_core.study.cluster_executor import NodeLostError

_LOOK_S = 2.0
_LISTENS_S = 5.0
_HERE = "ray.io/node-id"  # a label that Ray gives to each computer
_LOST = (exceptions.NodeDiedError, exceptions.WorkerCrashedError, exceptions.ObjectLostError)


@dataclass(frozen=True)
class Room:
    """What one training takes.

    Attributes:
        cpus: Also its number of threads.
        gpus: None, or one.
    """

    cpus: int
    gpus: int

    def fits(self, resources: dict[str, float]) -> int:
        """How many trainings a computer has room for."""
        by_cpus = int(resources.get("CPU", 0)) // self.cpus
        return min(by_cpus, int(resources.get("GPU", 0)) // self.gpus) if self.gpus else by_cpus


class RayNodes:
    """All computers of a cluster but this one, whose latencies training would disturb.

    Args:
        address: Of the cluster, HOST:PORT, to which this computer belongs; ``auto`` finds it.
        config: What the trials have in common.
        cpus: Processors for each training; None for those of the smallest computer, so that each does one at least.

    Raises:
        UsageError: It is no address of a cluster that can be used.
        ClusterError: There is no cluster, or no other computer in it.
    """

    def __init__(self, address: str, *, config: RunConfig, cpus: int | None = None) -> None:
        if address == "local" or address.startswith("ray://"):
            raise UsageError(
                f"{address} cannot be used: a study needs a cluster to which this computer belongs.",
                action="Leave out --ray to run on this computer alone, or let it join: "
                "ray start --address=HOST:PORT --num-cpus=0.",
            )
        self._connect(address)
        self._here = ray.get_runtime_context().get_node_id()
        self._lost, self._closing = threading.Event(), threading.Event()
        self._others = others = self._resources()
        if not others:
            ray.shutdown()
            raise ClusterError(
                f"The cluster at {address} has no other computer that trains.",
                action="Let one join, with PQV-Mobile installed on it: ray start --address=HOST:PORT.",
            )
        self._room = _room(others, config, cpus)
        # Not by whoever asks: Ray answers for a minute to nobody once the cluster has ended.
        threading.Thread(target=self._watch, daemon=True, name="pqv-ray-watch").start()

    def _watch(self) -> None:
        while not self._closing.wait(_LOOK_S):
            with contextlib.suppress(exceptions.RayError, OSError, RuntimeError):
                self._others = self._resources()

    def _connect(self, address: str) -> None:
        if ray.is_initialized():
            raise UsageError("This process already uses a Ray cluster.", action="Use a process for each study.")
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, configure_logging=False)
        except (ConnectionError, ValueError, RuntimeError, OSError, exceptions.RayError) as error:
            raise ClusterError(
                f"There is no Ray cluster at {address}, or this computer does not belong to it.",
                action="Start one on the first computer with: ray start --head --num-cpus=0. "
                "Every other one joins it with: ray start --address=HOST:PORT.",
                details=f"{type(error).__name__}: {error}",
            ) from error

    def _resources(self) -> list[dict[str, float]]:
        """What the other computers have that can train."""
        alive = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["NodeID"] != self._here]
        return [resources for resources in alive if resources.get("CPU", 0) >= 1]

    @property
    def slots(self) -> int:
        """Trainings that there is room for at a time, as known a moment ago; computers may come and go."""
        return sum(self._room.fits(resources) for resources in self._others)

    @property
    def threads(self) -> int | None:
        """Threads for each training: as many as it has processors."""
        return self._room.cpus

    def begin(self, order: Order, archives: list[bytes]) -> RayTask:
        """Have a part of a run done where there is room; returns at once."""
        remote = ray.remote(away.work).options(
            name=f"pqv {order.job.run}",
            num_cpus=self._room.cpus,
            num_gpus=self._room.gpus,
            num_returns="streaming",
            max_retries=0,  # what is missing after a loss is known here, not there
            label_selector={_HERE: f"!{self._here}"},
        )
        kept = [ray.put(content) for content in archives]
        return RayTask(remote.remote(away.versions(), order.model_dump_json(), *kept), self._lost)

    def close(self) -> None:
        """Leave the cluster, which goes on."""
        self._closing.set()
        if not self._lost.is_set():  # else it waits for answers, until Ray ends this process
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError, or ValueError, where nobody listens: Ray would try for minutes, and then end this process."""
    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=_LISTENS_S).close()


def _room(others: list[dict[str, float]], config: RunConfig, cpus: int | None) -> Room:
    """What one training takes: a GPU where there is one and the settings want it, and a fair share of processors."""
    with_gpu = [resources for resources in others if resources.get("GPU", 0) >= 1]
    gpus = 1 if with_gpu and config.finetune.device in ("auto", "cuda") else 0
    if gpus:
        shares = [int(resources["CPU"] // resources["GPU"]) for resources in with_gpu]
    else:
        shares = [int(resources["CPU"]) for resources in others]
    return Room(cpus or max(1, min(shares)), gpus)


class RayTask:
    """A part of a run on a computer of the cluster.

    Args:
        stream: Of what it says.
        lost: Set once the cluster itself is gone.
    """

    def __init__(self, stream: Any, lost: threading.Event) -> None:
        self._stream, self._lost = stream, lost

    def next(self, timeout: float) -> Sent | None:
        """What it says next; see ``cluster_executor.Task``."""
        try:
            ready, _ = ray.wait([self._stream], timeout=timeout)
            if not ready:
                return None
            text, content = ray.get(next(self._stream))
            return str(text), bytes(content)
        except StopIteration as error:
            raise NodeLostError from error
        except exceptions.OutOfMemoryError as error:
            raise WorkerError(
                "A computer of the cluster has not enough memory for a training.",
                action="Give each training more processors (--ray-cpus), so that fewer run beside each other, or "
                "choose a smaller batch.",
                details=str(error),
            ) from error
        except _LOST as error:
            raise NodeLostError from error
        except OSError as error:
            self._lost.set()
            raise ClusterError(
                "This computer has left the cluster, or the cluster has ended.",
                action="Start it again, and run the study again: finished work is kept.",
                details=f"{type(error).__name__}: {error}",
            ) from error
        except exceptions.RayError as error:
            raise ClusterError(
                "A computer of the cluster cannot do a trial.",
                action="Install the same version of PQV-Mobile on every computer: pip install 'pqv-mobile[cluster]'.",
                details=str(error),
            ) from error

    def cancel(self) -> None:
        """End it at once; its worker ends with it."""
        if self._lost.is_set():
            return
        with contextlib.suppress(exceptions.RayError, OSError, ValueError):
            ray.cancel(self._stream, force=True)
