"""Geometric prompts against the upstream encoder, with torchvision's ROI align replaced by ours."""

import types

import torch
import transformers.models.sam3.modeling_sam3 as upstream
from transformers.models.sam3.modeling_sam3 import Sam3GeometryEncoder

from instructsam_ros.models.sam3.geometry import geometry_tokens
from instructsam_ros.models.sam3.roi_align import roi_align
from test.sam3_models import tiny_config


def test_tokens_are_those_of_the_upstream_encoder(monkeypatch):
    def pooled(features, boxes, size):
        return torch.cat([roi_align(f, b, size) for f, b in zip(features, boxes, strict=True)])

    stand_in = types.SimpleNamespace(ops=types.SimpleNamespace(roi_align=pooled))
    monkeypatch.setattr(upstream, "torchvision", stand_in, raising=False)
    torch.manual_seed(0)
    config = tiny_config().geometry_encoder_config
    config._attn_implementation = "sdpa"
    encoder = Sam3GeometryEncoder(config).eval()
    level, position = torch.randn(1, 32, 8, 8), torch.randn(1, 32, 8, 8)
    boxes, labels = torch.tensor([[0.4, 0.5, 0.3, 0.2], [0.7, 0.6, 0.2, 0.3]]), torch.tensor([1, 0])
    theirs = encoder(boxes[None], torch.ones(1, 2, dtype=torch.bool), labels[None], (level,), (position,))
    torch.testing.assert_close(
        geometry_tokens(encoder, level, position, boxes, labels), theirs.last_hidden_state
    )
    none = encoder(
        torch.zeros(1, 1, 4), torch.zeros(1, 1, dtype=torch.bool), torch.zeros(1, 1), (level,), (position,)
    )
    token = geometry_tokens(encoder, level, position, boxes[:0], labels[:0])
    torch.testing.assert_close(token, none.last_hidden_state[:, :1])
