"""NanoDet as a feature extractor: levels, the head's evidence, published weights."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from instructsam_ros.models.instructsam.compact.csp_net import CHANNELS, STRIDES, CspNet
from instructsam_ros.models.instructsam.compact.nano_det import BINS, CATEGORIES, SIDES, NanoDet

torch.set_num_threads(1)


def random_convolutions() -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    convolutions = [module for module in NanoDet().modules() if isinstance(module, nn.Conv2d)]
    return [(torch.randn_like(c.weight) * 0.05, torch.randn(c.out_channels)) for c in convolutions]


def test_levels_have_the_announced_strides_and_channels() -> None:
    with torch.no_grad():
        levels = NanoDet()(torch.zeros(2, 3, 64, 96))
    assert [tuple(x.shape) for x in levels] == [
        (2, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(NanoDet.channels, STRIDES, strict=True)
    ]


def test_evidence_of_the_coarsest_level_as_the_published_head_decodes_it() -> None:
    published = random_convolutions()
    model = NanoDet()
    model.load_published(published)
    pixels = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        levels = model(pixels)
        features = CspNet.forward(model, pixels)
        finer, middle, top = (F.conv2d(x, *published[25 + i]) for i, x in enumerate(features[2:]))

        def resized(x: Tensor, like: Tensor) -> Tensor:
            return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)

        middle = middle + resized(top, middle)
        finer = finer + resized(middle, finer)
        middle = middle + resized(finer, middle)
        top = top + resized(middle, top)
        hidden = F.leaky_relu(F.conv2d(top, *published[32], padding=1), 0.1)
        head = F.conv2d(hidden, *published[33])[0, :, 1, 0]
    evidence = levels[-1][0, CHANNELS[-1] :, 1, 0]
    torch.testing.assert_close(levels[-1][:, : CHANNELS[-1]], features[-1])
    torch.testing.assert_close(evidence[:CATEGORIES] ** 2, head[:CATEGORIES].sigmoid())
    for side in range(SIDES):
        bins = head[CATEGORIES + side * BINS :][:BINS].softmax(0)
        torch.testing.assert_close(10 * evidence[CATEGORIES + side], (bins * torch.arange(BINS)).sum())


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match="not the weights of NanoDet-g"):
        NanoDet().load_published(random_convolutions()[1:])


def test_levels_have_the_type_of_the_weights_alone() -> None:
    """Loaded in bfloat16, weights are of that type and buffers stay in float32."""
    model = NanoDet()
    for weight in model.parameters():
        weight.data = weight.data.bfloat16()
    with torch.no_grad():
        levels = model(torch.zeros(1, 3, 64, 64, dtype=torch.bfloat16))
    assert {level.dtype for level in levels} == {torch.bfloat16}
