"""Faster ways through what PyTorch's CPU kernels do slowly in a training step with bfloat16.

Measured on one core of an AMD EPYC with AVX-512 bfloat16: the backward pass of bfloat16 attention takes
several times as long as that of float32, and that of bfloat16 depthwise convolutions two to seven times
as long as float32 with channels last. On one core with AVX2 only, Muon's products in bfloat16 took 13 s of a
step of 22 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class CpuKernels(TorchFunctionMode):
    """While active, attention and grouped convolutions compute in float32; results have the type of
    their input.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            with torch.autocast("cpu", enabled=False):
                return _attention(*args, **kwargs)
        if func is F.conv2d and _groups(args, kwargs) > 1:
            with torch.autocast("cpu", enabled=False):
                return _depthwise(*args, **kwargs)
        return func(*args, **kwargs)


class Float32Products(TorchFunctionMode):
    """While active, ``.bfloat16()`` copies into float32: for processors that compute bfloat16 slowly."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is Tensor.bfloat16:
            return args[0].to(torch.float32, copy=True)
        return func(*args, **(kwargs or {}))


def _attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **kwargs: Any
) -> Tensor:
    q, k, v = query.float(), key.float(), value.float()
    covered = not kwargs.get("dropout_p") and not kwargs.get("enable_gqa")
    if attn_mask is None or not attn_mask.requires_grad or not covered:
        attended: Tensor = F.scaled_dot_product_attention(q, k, v, attn_mask=_float(attn_mask), **kwargs)
        return attended.to(query.dtype)
    # PyTorch has no fused kernel for a bias that learns; its fall-back scales the long keys and copies
    # them head by head.
    scale = kwargs.get("scale") or q.shape[-1] ** -0.5
    biases = attn_mask.float().expand(*q.shape[:-1], k.shape[-2])
    heads = zip((q * scale).unbind(1), k.unbind(1), v.unbind(1), biases.unbind(1), strict=True)
    outputs = [(q @ k.mT + bias).softmax(-1) @ v for q, k, v, bias in heads]
    return torch.stack(outputs, 1).to(query.dtype)


def _depthwise(input: Tensor, weight: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    pixels = input.float().contiguous(memory_format=torch.channels_last)
    output: Tensor = F.conv2d(pixels, weight.float(), *map(_float, args), **kwargs)
    return output.to(input.dtype)


def _groups(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    groups: int = args[6] if len(args) > 6 else kwargs.get("groups", 1)
    return groups


def _float(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
