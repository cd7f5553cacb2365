"""Attention of the SAM 3 ViT with its rotation written out per pair of channels.

Upstream rotates by way of a second tensor of swapped channels and tables that hold every angle
twice, which on a CPU takes half as long again as the attention itself in the layers with windows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.models.sam3.modeling_sam3 import Sam3ViTRoPEAttention

from instructsam_ros.models.cpu.bfloat16_attention import attention


class RotaryAttention(Sam3ViTRoPEAttention):  # type: ignore[misc]
    """Replacement of its base class, with the same weights and results."""

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        **_options: Any,
    ) -> tuple[Tensor, None]:
        """Attend over the tokens of a window or image. hidden_states: [B, h, w, C]. position_embeddings:
        cos and sin, float32 [1, h*w, head width] with every angle twice in a row.
        """
        tokens = hidden_states.flatten(1, 2)
        query, key, value = (
            project(tokens).unflatten(-1, (self.num_attention_heads, self.head_dim))
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        cos, sin = (table[:, :, None, ::2] for table in position_embeddings)
        # Heads come first only after the rotation: before it, memory is read in the order in which it lies.
        attended, _ = attention(
            self,
            rotate(query, cos, sin).transpose(1, 2),
            rotate(key, cos, sin).transpose(1, 2),
            value.transpose(1, 2),
            None,
            scaling=self.scaling,
            dropout=self.attention_dropout if self.training else 0.0,
            is_causal=False,
        )
        return self.o_proj(attended.reshape(hidden_states.shape)), None


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair of neighbouring channels of [..., D] by its angle, given as cos and sin [..., D/2]."""
    pairs = heads.float().reshape(*heads.shape[:-1], -1, 2)
    if torch.compiler.is_exporting():  # ONNX has no complex numbers, which halve the time
        first, second = pairs.unbind(-1)
        turned = torch.stack([first * cos - second * sin, second * cos + first * sin], -1)
    else:
        turned = torch.view_as_real(torch.view_as_complex(pairs) * torch.complex(cos, sin))
    return turned.flatten(-2).to(heads.dtype)
