"""Names of timm's registry. One of anywhere else, such as ``hf-hub:…`` or ``local-dir:…``, never reaches timm."""

from __future__ import annotations

import timm

from pqv_core.errors import ModelError
from pqv_core.spelling import closest

_SHOWN = 4


def require_known(name: str) -> None:
    """Refuse a name that timm does not have, or a tag that it does not publish; nothing is asked of the network.

    Raises:
        ModelError: With names that come near.
    """
    if timm.is_model(name):
        try:
            timm.get_pretrained_cfg(name)
        except RuntimeError as error:
            raise ModelError(str(error), action="Leave the tag out, or name a published one.") from error
        return
    close = closest(name, timm.list_models(), count=_SHOWN)
    raise ModelError(
        f"timm {timm.__version__} has no model named {name!r}.",
        action=f"Did you mean {', '.join(close)}?" if close else "Look for one with: pqv models TEXT.",
    )
