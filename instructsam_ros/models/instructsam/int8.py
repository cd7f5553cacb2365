"""Linear layers in 8 bit integers on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LARGEST = 127


class Int8Linear(nn.Module):
    """A linear layer with one scale per output channel for weights and one per call for inputs."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        scales = weight.abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny) / _LARGEST
        zeros = torch.zeros(len(scales), dtype=torch.int64)
        quantised = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        bias = None if linear.bias is None else linear.bias.detach().float()
        self._packed = torch.ops.quantized.linear_prepack(quantised, bias)
        # Without these instructions sums of two products saturate, unless inputs have one bit less.
        self._reduce_range = not torch.cpu._is_vnni_supported()

    def forward(self, inputs: Tensor) -> Tensor:
        """As the layer it was made from, in the type of the inputs."""
        outputs: Tensor = torch.ops.quantized.linear_dynamic(inputs.float(), self._packed, self._reduce_range)
        return outputs.to(inputs.dtype)


def quantise(module: nn.Module) -> None:
    """Exchange every linear layer below ``module`` for its integer version, one by one."""
    for child_name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, child_name, Int8Linear(child))
        else:
            quantise(child)
