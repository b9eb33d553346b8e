"""Whether the phone gives the same answers as this computer: logits compared, and accuracy where labels are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deploy.errors import RunnerError
from pqv_core.errors import BenchmarkError, from_os_error
from pqv_core.results.record import Accuracy, Parity

Logits = NDArray[np.float32]
MAX_BYTES = 2 << 30


def read_logits(path: Path, inputs: int) -> Logits:
    """Raw little-endian float32 values as an array of shape (inputs, classes).

    Raises:
        RunnerError: The file is no such array, or holds infinite values.
        StorageError: It cannot be read.
    """
    try:
        flat = np.fromfile(path, dtype="<f4")
    except OSError as error:
        raise from_os_error(error, path) from error
    if not flat.size or flat.size % inputs:
        raise RunnerError(
            "The phone's outputs are incomplete.",
            action="Run again.",
            details=f"{flat.size} values for {inputs} inputs",
        )
    if not np.isfinite(flat).all():
        raise RunnerError(
            "The phone's outputs contain NaN or infinity.",
            action="Export with another precision or engine.",
        )
    return flat.reshape(inputs, -1).astype(np.float32, copy=False)


def compare(phone: Logits, host: Logits) -> Parity:
    """The phone's logits against this computer's on the same inputs, both of shape (inputs, classes).

    Raises:
        BenchmarkError: The shapes differ.
    """
    if phone.shape != host.shape:
        raise BenchmarkError(
            "The phone and this computer output different numbers of classes.",
            action="Check that both run the same file.",
            details=f"{phone.shape} and {host.shape}",
        )
    difference = phone.astype(np.float64) - host
    norm = float(np.linalg.norm(host.astype(np.float64)))
    return Parity(
        max_abs=float(np.abs(difference).max()),
        relative=float(np.linalg.norm(difference)) / max(norm, np.finfo(np.float64).tiny),
        top1_agreement=float((phone.argmax(1) == host.argmax(1)).mean()),
        inputs=len(host),
    )


def accuracy(logits: Logits, labels: NDArray[Any]) -> Accuracy:
    """Top-1, top-5 and mean cross-entropy of logits of shape (images, classes) against labels of shape (images,)."""
    wide = logits.astype(np.float64)
    shifted = wide - wide.max(1, keepdims=True)
    loss = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]
    order = np.argsort(-wide, axis=1, kind="stable")[:, :5]
    hits = order == np.asarray(labels)[:, None]
    return Accuracy(
        top1=float(hits[:, 0].mean()), top5=float(hits.any(1).mean()), loss=float(loss.mean()), images=len(labels)
    )
