"""Modules built without memory for their weights, to be filled from files."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class Weightless(TorchFunctionMode):
    """Modules built in this context get weights without memory.

    Layers make their weights with ``torch.empty``; only that goes to the meta device, so buffers that
    are computed and never stored, such as rotary frequencies, are real. Such weights are not initialized,
    which would change nothing and bring in torch's compiler.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        filled = kwargs.get("tensor")  # so the functions of torch.nn.init, and others in their place, call it
        if isinstance(filled, torch.Tensor) and filled.is_meta:
            return filled
        return func(*args, **kwargs)
