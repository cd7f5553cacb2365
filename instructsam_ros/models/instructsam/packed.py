"""Weights in the order in which oneDNN computes with them, in bfloat16 on a CPU.

torch brings the weights of a layer into that order at every call, which for few rows takes as long as
the multiplication. Here it happens once, and the order is the only thing that changes: so are results
not. The operators are those that torch.compile uses for frozen weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from instructsam_ros.models.instructsam.efficientnet_lite import SameConv2d
from instructsam_ros.models.instructsam.placement import computes_bfloat16


class PackedLinear(nn.Module):
    """A linear layer for inference."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = linear.bias
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())

    def forward(self, inputs: Tensor) -> Tensor:
        """As the layer it was made from."""
        outputs: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self._packed, self.bias, "none", [], "")
        return outputs


class PackedConv2d(nn.Module):
    """A convolution for inference; where a clamp follows, it is part of it.

    The best order depends on the size of the input, so weights are packed at the first call and for its size.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = (
            conv.weight,
            conv.bias,
        )  # small, and read by whoever multiplies without calling
        self._surround = conv.pad if isinstance(conv, SameConv2d) and not conv.symmetric else None
        self._geometry = [list(map(int, sides)) for sides in (conv.padding, conv.stride, conv.dilation)]
        self._groups = conv.groups
        clamped = isinstance(conv, SameConv2d) and conv.clamped
        self._behind = ("hardtanh", [0.0, 6.0], "") if clamped else ("none", [], "")
        self._packed: Tensor | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        """As the layer it was made from."""
        surrounded = F.pad(inputs, self._surround) if self._surround else inputs
        if self._packed is None:
            self._packed = torch.ops.mkldnn._reorder_convolution_weight(
                self.weight.detach(), *self._geometry, self._groups, list(surrounded.shape)
            )
        outputs: Tensor = torch.ops.mkldnn._convolution_pointwise(
            surrounded, self._packed, self.bias, *self._geometry, self._groups, *self._behind
        )
        return outputs


def pack(module: nn.Module) -> None:
    """Exchange every linear and 2D convolution layer below ``module``, one by one, so that no second copy
    of the model is in memory. Does nothing unless its weights are bfloat16 on a CPU that computes in it.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.Linear | nn.Conv2d):
            if child.weight.dtype == torch.bfloat16 and computes_bfloat16(child.weight.device):
                setattr(
                    module, name, PackedLinear(child) if isinstance(child, nn.Linear) else PackedConv2d(child)
                )
        elif not isinstance(child, nn.TransformerEncoderLayer):  # torch's own: it multiplies by itself
            pack(child)
