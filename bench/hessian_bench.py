"""What Hessian importance costs: ours against a plain batched backward pass and the published loop, taking turns.

    python -m bench.hessian_bench [--model NAME] [--images N] [--rounds N]

Prints one line of JSON: seconds of processor time of each round, the median of the rounds' ratios to the plain pass,
how many times less than the published loop (a backward pass an image over the graph of the whole batch, as in
torch-pruning's documentation; measured once, for it is slow), and the largest difference from it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import timm
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.importance.base import accumulate_gradients
from pqv_core.engine.importance.hessian import squared_gradients

Squares = dict[nn.Parameter, Tensor]


def published_loop(model: nn.Module, images: Tensor, labels: Tensor) -> Squares:
    """Mean of the squared gradients of single images."""
    squares = {parameter: torch.zeros_like(parameter) for parameter in model.parameters()}
    for loss in F.cross_entropy(model(images), labels, reduction="none"):
        model.zero_grad()
        loss.backward(retain_graph=True)
        for parameter, total in squares.items():
            if parameter.grad is not None:
                total += parameter.grad**2 / len(images)
    model.zero_grad(set_to_none=True)
    return squares


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time, and what came of it."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def difference(ours: Squares, published: Squares) -> float:
    """The largest, relative to the largest square of the same weight."""
    return max(
        float((squares - published[weight]).abs().max() / published[weight].abs().max().clamp_min(1e-30))
        for weight, squares in ours.items()
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="deit_small_patch16_224")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = timm.create_model(arguments.model).eval()
    size = model.pretrained_cfg["input_size"]
    images, labels = torch.randn(arguments.images, *size), torch.randint(1000, (arguments.images,))
    context = Context(run="bench", send=lambda event: None)

    def plain() -> None:
        accumulate_gradients(model, [(images, labels)], total=len(images), context=context)
        model.zero_grad(set_to_none=True)

    def ours() -> Squares:
        return squared_gradients(model, [(images, labels)], total=len(images), context=context)

    taken: dict[str, list[float]] = {"plain": [], "hessian": []}
    found: Squares = {}
    for round_ in range(arguments.rounds + 1):
        for name, work in (("plain", plain), ("hessian", ours)):
            seconds, result = timed(work)
            found = result or found
            if round_:  # the first is for warming up
                taken[name].append(seconds)
    loop, published = timed(lambda: published_loop(model, images, labels))
    print(
        json.dumps(
            {
                "model": arguments.model,
                "images": arguments.images,
                "to_plain": statistics.median(h / p for h, p in zip(taken["hessian"], taken["plain"], strict=True)),
                "times_less_than_published": loop / statistics.median(taken["hessian"]),
                "largest_difference": difference(found, published),
                "seconds": {**taken, "published": loop},
            }
        )
    )


if __name__ == "__main__":
    main()
