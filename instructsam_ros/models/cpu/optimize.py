"""All speed-ups of this folder, applied to a plain model after loading.

- rotary_attention: layers of the SAM 3 ViT. On every device.
- bfloat16_attention: image encoder and detector, in bfloat16 on a CPU that computes in it, for attention to
  at least 256 keys without a mask or gradients.
- prepacked_weights: convolutions in float32, those and linear layers in bfloat16, on a CPU that computes in
  that type.
- huge_pages: memory of the whole process, from the import of this folder on, where Linux grants them.

Huge pages change no result, the others by rounding only. What a condition excludes is computed as by
the plain model.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers.models.sam3.modeling_sam3 import Sam3ViTRoPEAttention

from instructsam_ros.models.cpu import bfloat16_attention
from instructsam_ros.models.cpu.prepacked_weights import pack
from instructsam_ros.models.cpu.rotary_attention import RotaryAttention
from instructsam_ros.models.instructsam.modeling import InstructSam


def optimize_for_cpu(model: InstructSam) -> None:
    """Apply every speed-up of the module's list to a loaded model, in place and for inference.

    Weights keep their names and values, except those that are packed, which are no parameters any more: a
    model is saved before it is optimized.
    """
    use_paired_rotation(model)
    for part in (model.image_encoder, model.detector):
        use_bfloat16_attention(part)
    pack(model)


def use_paired_rotation(module: nn.Module) -> None:
    """Have every attention of a SAM 3 ViT below ``module`` rotate by pairs; see rotary_attention.py."""
    for layer in module.modules():
        if type(layer) is Sam3ViTRoPEAttention:
            layer.__class__ = RotaryAttention


def use_bfloat16_attention(module: nn.Module) -> None:
    """Have transformers' layers below ``module`` attend as bfloat16_attention.py does, where it can."""
    for layer in module.modules():
        config: Any = getattr(layer, "config", None)
        if getattr(config, "_attn_implementation", None) == "sdpa":
            config._attn_implementation = bfloat16_attention.NAME
