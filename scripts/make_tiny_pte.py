"""Write ``tests/data/tiny.pte``: a small ExecuTorch program with a delegate, an operator outside of it, and our text.

XNNPACK takes its linear layer and the sum; the means, the largest answer and the look-up in a table stay outside. Needs
ExecuTorch:

    python -m scripts.make_tiny_pte tests/data/tiny.pte
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import ExecutorchBackendConfig, to_edge_transform_and_lower
from torch import Tensor, nn

DESCRIPTION = {"model": "tiny", "input_shape": [1, 3, 8, 8], "classes": ["no", "yes"], "precision": "fp32"}


class Tiny(nn.Module):
    """Means of the channels, a layer, and values of a table by the place of the largest answer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("table", torch.arange(6, dtype=torch.float32).reshape(3, 2))

    def forward(self, image: Tensor) -> Tensor:
        """Two values (1, 2) for an image (1, 3, 8, 8)."""
        answer = self.linear(image.mean((-1, -2)))
        return answer + self.table.index_select(0, answer.argmax(-1))


def main(path: Path) -> None:
    """Write it."""
    torch.manual_seed(0)
    exported = torch.export.export(Tiny().eval(), (torch.zeros(1, 3, 8, 8),))
    lowered = to_edge_transform_and_lower(
        exported, partitioner=[XnnpackPartitioner()], constant_methods={"pqv": json.dumps(DESCRIPTION)}
    )
    path.write_bytes(lowered.to_executorch(ExecutorchBackendConfig()).buffer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
