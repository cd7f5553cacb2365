"""Geometric prompts of SAM 3: example boxes, and the image's own token that goes with every prompt."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.models.sam3.modeling_sam3 import Sam3GeometryEncoder

from instructsam_ros.models.common.boxes import corners
from instructsam_ros.models.sam3.roi_align import roi_align


def geometry_tokens(
    encoder: Sam3GeometryEncoder, level: Tensor, position: Tensor, boxes: Tensor, labels: Tensor
) -> Tensor:
    """Encode k example boxes of one image and the image itself: [1, k + 1, C], the image's token last.

    level: [1, C, h, w], the coarsest level. position: [1, C, h, w]. boxes: [k, 4] as cx cy w h in 0..1, k may
    be 0. labels: int64 [k], 1 for "such things", 0 for "not such things".
    """
    rows: Any = encoder.cls_embed.weight[None]
    if len(boxes):
        rows = torch.cat([_box_tokens(encoder, level, boxes, labels)[None], rows], 1)
    tokens: Tensor = encoder.prompt_layer_norm(encoder.final_proj(rows))
    image, places = (x.flatten(2).transpose(1, 2) for x in (level, position))
    for layer in encoder.layers:
        tokens = layer(tokens, image, places, None)
    normed: Tensor = encoder.output_layer_norm(tokens)
    return normed


def _box_tokens(encoder: Sam3GeometryEncoder, level: Tensor, boxes: Tensor, labels: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    normed = encoder.vision_layer_norm(level.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)[0]
    scale = boxes.new_tensor([width, height, width, height])
    pooled = roi_align(normed, corners(boxes) * scale, encoder.roi_size)
    places = encoder._encode_box_coordinates(*boxes.unbind(-1))
    tokens: Tensor = (
        encoder.boxes_direct_project(boxes)
        + encoder.boxes_pool_project(pooled).flatten(1)
        + encoder.boxes_pos_enc_project(places)
    )
    marked: Tensor = encoder.label_embed(labels) + tokens
    return marked
