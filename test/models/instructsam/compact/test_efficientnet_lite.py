import torch
import torch.nn.functional as F

from instructsam_ros.models.instructsam.compact.efficientnet_lite import (
    BATCH_NORM_EPS,
    CHANNELS,
    STRIDES,
    EfficientNetLite0,
    SameConv2d,
)

torch.set_num_threads(1)


def test_levels_have_the_strides_it_names():
    with torch.no_grad():
        levels = EfficientNetLite0()(torch.zeros(1, 3, 64, 96))
    assert [tuple(level.shape) for level in levels] == [
        (1, channels, 64 // stride, 96 // stride) for channels, stride in zip(CHANNELS, STRIDES, strict=True)
    ]


def test_strided_convolution_pads_like_tensorflow():
    conv = SameConv2d(1, 1, 3, stride=2)
    torch.nn.init.ones_(conv.weight)
    torch.nn.init.zeros_(conv.bias)
    # SAME for an even size and stride 2 pads only right and below: the first window starts at 0.
    assert conv(torch.ones(1, 1, 4, 4))[0, 0, 0, 0].item() == 9.0
    assert conv(torch.ones(1, 1, 4, 4))[0, 0, 1, 1].item() == 4.0


def test_folded_weights_equal_convolution_then_batch_norm(published_backbone):
    model = EfficientNetLite0()
    weights = torch.load(published_backbone, weights_only=True)
    model.load_imagenet(weights)
    x = torch.randn(1, 3, 32, 32)
    unfolded = F.conv2d(F.pad(x, (0, 1, 0, 1)), weights["_conv_stem.weight"], stride=2)
    unfolded = F.batch_norm(
        unfolded,
        weights["_bn0.running_mean"],
        weights["_bn0.running_var"],
        weights["_bn0.weight"],
        weights["_bn0.bias"],
        eps=BATCH_NORM_EPS,
    )
    with torch.no_grad():
        assert torch.allclose(model.stem(x), F.relu6(unfolded), atol=1e-4)
