"""Which images."""

from __future__ import annotations

from pydantic import Field

from pqv_core.config.base import Config, PathText


class DataConfig(Config):
    """Folders of images, one sub-folder a class. Without them accuracy is left out, latency is not.

    Attributes:
        train: Folder of training images; relative paths start at the project's folder. Or one of timm's names of
            data sets, such as ``torch/cifar10``, ``hfds/…`` or ``tfds/…``: its training split.
        val: Folder of validation images; or such a name: its validation or test split.
        root: Folder in which named data sets lie, or into which they are downloaded; the user's cache when None.
        eval_images: Upper limit of validation images to use, evenly spread over the classes; None for all.
        batch_size: Images a step while evaluating.
        readers: Processes that read large sets of images ahead; 0 reads them where they are used, None takes as many
            as this computer can spare. Changes no result.
    """

    train: PathText | None = None
    val: PathText | None = None
    root: PathText | None = None
    eval_images: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=32, ge=1, le=4096)
    readers: int | None = Field(default=None, ge=0, le=64)
