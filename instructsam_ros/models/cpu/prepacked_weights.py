"""Weights in the order in which oneDNN computes with them, on a CPU.

torch brings the weights of a layer into that order at every call, which for few rows takes as long as
the multiplication; here it happens once. And what follows a layer becomes part of it: the clamp behind a
convolution and the activation in an MLP, which would read and write everything again. The operators are
those that torch.compile uses for frozen weights. Packing alone changes no bit; an activation within a
layer is computed before its input is rounded and not behind. Linear layers in float32 stay as they are:
MKL, which multiplies them, is as fast without.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.activations import ACT2FN
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextMLP, Qwen3VLVisionMLP
from transformers.models.sam3.modeling_sam3 import Sam3MLP

from instructsam_ros.models.common.device import computes_bfloat16
from instructsam_ros.models.instructsam.compact.csp_net import SLOPE, LeakyConv2d
from instructsam_ros.models.instructsam.compact.efficientnet_lite import SameConv2d

Behind = tuple[str, list[float], str]
"""Activation that oneDNN applies to the outputs: its name, parameters and variant."""

NOTHING: Behind = ("none", [], "")
RELU6: Behind = ("hardtanh", [0.0, 6.0], "")
LEAKY: Behind = ("leaky_relu", [SLOPE], "")
LAYERS = (nn.Linear, nn.Conv2d, SameConv2d, LeakyConv2d)
"""What is known to compute nothing else; a subclass may."""
ACTIVATIONS: dict[type, Behind] = {
    type(ACT2FN["relu"]): ("relu", [], ""),
    type(ACT2FN["silu"]): ("swish", [], ""),
    type(ACT2FN["gelu"]): ("gelu", [], "none"),
    type(ACT2FN["gelu_pytorch_tanh"]): ("gelu", [], "tanh"),
}
MLPS: dict[type, tuple[str, str]] = {
    Sam3MLP: ("fc1", "activation_fn"),
    Qwen3VLVisionMLP: ("linear_fc1", "act_fn"),
    Qwen3VLTextMLP: ("gate_proj", "act_fn"),
}
"""The layer of an MLP that its activation follows, and that activation."""


class PackedLinear(nn.Module):
    """A linear layer for inference."""

    def __init__(self, linear: nn.Linear, behind: Behind = NOTHING) -> None:
        super().__init__()
        self.bias = linear.bias
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self._behind = behind

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the original layer and the activation behind it."""
        outputs: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self._packed, self.bias, *self._behind)
        return outputs


class PackedConv2d(nn.Module):
    """A convolution for inference.

    The best order depends on the size of the input, so weights are packed at the first call and for its size.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight = conv.weight  # small, and some callers multiply with it themselves
        self.bias = conv.bias
        self._surround = conv.pad if isinstance(conv, SameConv2d) and not conv.symmetric else None
        self._geometry = [list(map(int, sides)) for sides in (conv.padding, conv.stride, conv.dilation)]
        self._groups = conv.groups
        if self._surround and conv.groups == conv.in_channels:
            # A kernel with zeros in front needs as much padding there as behind, which costs no copy of the
            # inputs. Worth it where there is little to multiply.
            before, after = self._surround[:2]
            self.weight = nn.Parameter(F.pad(conv.weight, (after - before, 0) * 2), requires_grad=False)
            self._geometry[0] = [after, after]
            self._surround = None
        self._behind = NOTHING
        if isinstance(conv, LeakyConv2d):
            self._behind = LEAKY
        elif isinstance(conv, SameConv2d) and conv.clamped:
            self._behind = RELU6
        self._packed: Tensor | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the original layer."""
        surrounded = F.pad(inputs, self._surround) if self._surround else inputs
        if self._packed is None:  # threads that come at once pack it alike
            self._packed = torch.ops.mkldnn._reorder_convolution_weight(
                self.weight.detach(), *self._geometry, self._groups, list(surrounded.shape)
            )
        outputs: Tensor = torch.ops.mkldnn._convolution_pointwise(
            surrounded, self._packed, self.bias, *self._geometry, self._groups, *self._behind
        )
        return outputs


def pack(module: nn.Module) -> None:
    """Exchange the linear and 2D convolution layers below ``module``, one by one, so that no second copy
    of the model is in memory: in bfloat16 all of them, in float32 the convolutions. Does nothing on a GPU
    or where this processor does not compute in that type.
    """
    first, activation = MLPS.get(type(module), ("", ""))
    behind = ACTIVATIONS.get(type(getattr(module, activation, None)))
    for name, child in module.named_children():
        if not isinstance(child, nn.Linear | nn.Conv2d) or type(child) not in LAYERS:
            if not isinstance(child, nn.TransformerEncoderLayer):  # which has fused kernels of its own
                pack(child)
        elif _gains(child):
            if isinstance(child, nn.Conv2d):
                setattr(module, name, PackedConv2d(child))
            elif name == first and behind:
                setattr(module, name, PackedLinear(child, behind))
                setattr(module, activation, nn.Identity())
            else:
                setattr(module, name, PackedLinear(child))


def _gains(layer: nn.Linear | nn.Conv2d) -> bool:
    """Return whether a layer is faster packed."""
    device, dtype = layer.weight.device, layer.weight.dtype
    if dtype == torch.bfloat16:
        return computes_bfloat16(device)
    if not isinstance(layer, nn.Conv2d) or (device.type, dtype) != ("cpu", torch.float32):
        return False
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
