"""What every model source does in the worker: each description's ``implementation`` is a class of this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from pqv_core.engine.context import Context
from pqv_core.engine.data.preprocessing import Preprocessing
from pqv_core.errors import ModelError


class ModelSource(ABC):
    """Makes, loads and describes the models of one source. It is made without arguments and keeps nothing.

    A model is a module that answers images of shape (N, C, H, W) with logits of shape (N, classes), and whose
    ``num_classes`` says how many. Its arguments are the source's own, but ``num_classes``, ``in_chans`` (channels of
    the input) and ``img_size`` mean the same in all sources. The same name and arguments give the same architecture
    each time: a checkpoint keeps only what differs from it.
    """

    @property
    @abstractmethod
    def version(self) -> str:
        """Of what makes the models. Under another one, a run makes its model anew."""

    @abstractmethod
    def require_known(self, name: str) -> None:
        """Refuse a name that the source does not have; nothing is asked of the network.

        Raises:
            ModelError: With names that come near.
        """

    @abstractmethod
    def create(self, name: str, arguments: Mapping[str, Any]) -> nn.Module:
        """A model with random weights, from torch's generator.

        Args:
            name: A known one.

        Raises:
            Exception: The arguments do not go together: RuntimeError, TypeError, ValueError and their like.
        """

    @abstractmethod
    def preprocessing(self, model: nn.Module) -> Preprocessing:
        """The input that a model takes, as its arguments made it."""

    @abstractmethod
    def classifiers(self, model: nn.Module) -> tuple[str, ...]:
        """Names of the layers that give the classes: weights for other classes leave them new."""

    @abstractmethod
    def renew_head(self, model: nn.Module, classes: int) -> None:
        """Give a model a new head for so many classes, and say so in its ``num_classes``."""

    # what a source may have beside -----------------------------------------------------------------------------

    def published_classes(self, name: str) -> int | None:
        """How many classes the published weights of a model tell apart; None where none are published."""
        return None

    def load_published(self, name: str, arguments: Mapping[str, Any], *, context: Context) -> nn.Module:
        """A model with its published weights; the head is new where ``num_classes`` asks for other classes.

        Raises:
            ModelError: There are none, or they cannot be had.
        """
        raise ModelError(
            f"No weights are published for {name}.",
            action="Choose random weights or a weights file.",
        )

    def class_names(self, name: str, classes: int) -> Sequence[str] | None:
        """What the outputs of a head with so many classes stand for, where weights for a model usually agree on it."""
        return None

    # weights files of other programs ---------------------------------------------------------------------------

    def renamed(self, state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """Weights under this source's names, and the library whose names they had; empty where it is this source's."""
        return dict(state), ""

    def converted(self, state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
        """Weights under this source's names, as far as they can be brought into the layout and sizes of a model.

        Raises:
            Exception: The weights are not what was expected: RuntimeError, LookupError, ValueError and their like.
        """
        return dict(state)

    def with_channels(self, state: Mapping[str, Tensor], model: nn.Module) -> tuple[dict[str, Tensor], str]:
        """Weights for the channels of a model's input, and the warning that they were made for others; mostly none."""
        return dict(state), ""
