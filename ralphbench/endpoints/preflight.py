"""What can be checked of a model before anything is spent, the same for every server."""

from __future__ import annotations

from ralphbench.endpoints.protocol import ModelInfo
from ralphbench.errors import ContextTooSmall
from ralphbench.model import EndpointSpec, StageModel


def check_context(spec: EndpointSpec, model: StageModel, info: ModelInfo, *, remedy: str) -> None:
    """Raises ContextTooSmall where the server says that it has less than the profile states. Unknown passes."""
    has = info.context if info.context is not None else info.max_context
    if model.context is None or has is None or has >= model.context:
        return
    raise ContextTooSmall(
        f"endpoint {spec.name!r}: {model.model.model!r} has a context of {has:,} tokens, "
        f"the profile states {model.context:,}",
        remedy=remedy,
    )
