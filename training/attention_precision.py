"""Attention in float32 inside a bfloat16 training step on the CPU.

PyTorch's CPU kernels run the backward pass of bfloat16 attention several times slower than that of
float32; with the small heads of the compact model that was a third of a training step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Float32Attention(TorchFunctionMode):
    """While active, scaled_dot_product_attention computes in float32 and returns its query's type."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        query: Tensor = args[0]
        with torch.autocast("cpu", enabled=False):
            attended: Tensor = func(*map(_float, args), **{k: _float(v) for k, v in kwargs.items()})
        return attended.to(query.dtype)


def _float(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
