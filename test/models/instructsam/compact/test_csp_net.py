"""The CSP backbone: shapes, and published weights that expect normalised BGR."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from instructsam_ros.models.instructsam.compact.csp_net import (
    BGR_DEVIATION,
    BGR_MEAN,
    CHANNELS,
    STRIDES,
    CspNet,
)


def random_convolutions() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        (
            torch.randn(m.weight.shape, generator=generator) * 0.1,
            torch.randn(len(m.weight), generator=generator),
        )
        for m in CspNet().modules()
        if isinstance(m, torch.nn.Conv2d)
    ]


def test_levels_have_the_announced_strides_and_channels() -> None:
    levels = CspNet()(torch.zeros(2, 3, 64, 96))
    assert [tuple(x.shape) for x in levels] == [
        (2, channels, 64 // stride, 96 // stride) for channels, stride in zip(CHANNELS, STRIDES, strict=True)
    ]


def test_the_stem_sees_rgb_as_the_published_one_sees_normalised_bgr() -> None:
    rgb = torch.randint(0, 256, (1, 3, 32, 32), generator=torch.Generator().manual_seed(1)).float()
    published = random_convolutions()
    model = CspNet()
    model.load_published([*published, (torch.zeros(1), torch.zeros(1))])  # of the detector's head, left out
    mean, deviation = (torch.tensor(x)[None, :, None, None] for x in (BGR_MEAN, BGR_DEVIATION))
    expected = torch.nn.functional.conv2d(
        (rgb.flip(1) - mean) / deviation, *published[0], stride=2, padding=1
    )
    expected = torch.nn.functional.leaky_relu(expected, 0.1)
    stem = model.stem((rgb - 127) / 128)
    torch.testing.assert_close(stem[..., 1:, 1:], expected[..., 1:, 1:], atol=1e-4, rtol=1e-4)
    last = model.stages[-1].leave
    assert torch.equal(last.weight, published[-1][0])
    assert torch.equal(last.bias, published[-1][1])


def test_weights_of_another_network_are_refused() -> None:
    convolutions = random_convolutions()
    with pytest.raises(ValueError, match="not the weights of NanoDet-g"):
        CspNet().load_published(convolutions[:-1])
    with pytest.raises(ValueError, match="not the weights of NanoDet-g"):
        CspNet().load_published(convolutions[1:])
