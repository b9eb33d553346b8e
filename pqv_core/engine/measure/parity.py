"""Does a file answer as the model does that it came from?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from pqv_core.config import RunConfig
from pqv_core.config.base import look_up
from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.engine.export import ArtifactFile
from pqv_core.engine.measure import benchmark, environment
from pqv_core.errors import ExportError
from pqv_core.results.record import Parity
from pqv_core.schemes import SCHEMES

INPUTS = 16


class ImageSet(Protocol):
    """Images in the model's form: each an (C, H, W) tensor and its class."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Tensor, int]: ...


def inputs(images: ImageSet | None, *, preprocessing: Preprocessing, seed: int) -> Tensor:
    """Inputs to compare on, of shape (N, C, H, W): validation images, or noise where there are none."""
    if images is not None:
        count = min(INPUTS, len(images))
        chosen = [index * len(images) // count for index in range(count)]
        return torch.stack([images[index][0] for index in chosen])
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(INPUTS, *preprocessing.input_size, generator=generator)


def compare(
    artifacts: Sequence[ArtifactFile],
    *,
    folder: Path,
    references: Mapping[str, nn.Module],
    inputs: Tensor,
    scratch: Path,
    config: RunConfig,
    context: Context,
) -> dict[str, Parity]:
    """Load each artefact in a clean process and compare its logits with its model's.

    Args:
        references: The fp32 model by the key of the artefact.
        inputs: Shape (N, C, H, W).
        scratch: Folder for the tensors that go to the process and back.

    Raises:
        ExportError: A fp32 file does not agree within the tolerance, or a file answers with NaN.
    """
    answers = benchmark.answers(
        [artifact.exported(folder) for artifact in artifacts],
        inputs,
        threads=config.measure.threads or environment.default_threads(),
        scratch=scratch,
        context=context,
    )
    expected: dict[int, Tensor] = {}
    found: dict[str, Parity] = {}
    for artifact in artifacts:
        context.check_cancelled()
        model = references[artifact.key]
        if id(model) not in expected:
            expected[id(model)] = logits(model, inputs)
        found[artifact.key] = parity(answers[artifact.key], expected[id(model)])
        _judge(artifact, found[artifact.key], config, context)
    return found


def logits(model: nn.Module, inputs: Tensor) -> Tensor:
    """Logits (N, classes) of inputs (N, C, H, W), answered one by one: dynamic quantization scales by the batch."""
    with torch.inference_mode():
        return torch.cat([model(image[None]) for image in inputs])


def parity(answer: Tensor, expected: Tensor) -> Parity:
    """Compare logits of shape (N, classes).

    Raises:
        ExportError: The answer holds NaN or infinity.
    """
    if not torch.isfinite(answer).all():
        raise ExportError(
            "The exported file's outputs are not finite.",
            action="Choose another engine or precision, and check the model's weights.",
        )
    return Parity(
        max_abs=(answer - expected).double().abs().max().item(),
        relative=relative_error(answer, expected),
        top1_agreement=(answer.argmax(1) == expected.argmax(1)).double().mean().item(),
        inputs=len(expected),
    )


def relative_error(answer: Tensor, expected: Tensor) -> float:
    """‖a − b‖₂ ∕ ‖b‖₂ over all logits."""
    scale = expected.double().norm().clamp_min(torch.finfo(torch.float64).tiny)
    return ((answer - expected).double().norm() / scale).item()


def _judge(artifact: ArtifactFile, found: Parity, config: RunConfig, context: Context) -> None:
    exact = look_up(SCHEMES, artifact.spec.scheme, field="quantize.precision").is_exact
    tolerance = config.export.tolerance(artifact.spec.scheme)
    if found.relative <= tolerance:
        return
    sentence = (
        f"{artifact.file} differs from its fp32 model by {found.relative:.3g} (relative error of the logits), "
        f"more than the tolerance of {tolerance:g}."
    )
    if exact:
        raise ExportError(
            sentence, action="Raise export.fp32_tolerance if this is acceptable, or report it as a defect."
        )
    context.warn(f"{sentence} Check its accuracy, or choose another engine.")
