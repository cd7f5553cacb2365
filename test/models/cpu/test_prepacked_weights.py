"""Outputs of packed layers equal those of plain ones, also with an activation inside."""

from __future__ import annotations

import copy
import dataclasses
from itertools import islice

import pytest
import torch
from torch import nn
from transformers import Qwen3VLTextConfig, Qwen3VLVisionConfig, Sam3ViTConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextMLP, Qwen3VLVisionMLP
from transformers.models.sam3.modeling_sam3 import Sam3MLP

from instructsam_ros.backends.instructsam import load
from instructsam_ros.models.common.device import computes_bfloat16
from instructsam_ros.models.common.hub import checkpoint_folder
from instructsam_ros.models.cpu.prepacked_weights import MLPS, PackedConv2d, PackedLinear, pack
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.compact.csp_net import LeakyConv2d
from instructsam_ros.models.instructsam.compact.efficientnet_lite import EfficientNetLite0, SameConv2d
from instructsam_ros.models.instructsam.compact.nano_det import NanoDet
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import iter_views

needs_bfloat16 = pytest.mark.skipif(
    not computes_bfloat16(torch.device("cpu")), reason="this processor does not compute in bfloat16"
)
both_types = pytest.mark.parametrize(
    "dtype", [torch.float32, pytest.param(torch.bfloat16, marks=needs_bfloat16)], ids=str
)


def packed_and_plain(layer: nn.Module, dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    """Return a packed layer and the plain one."""
    plain, holder = layer.to(dtype), nn.Sequential(layer)
    pack(holder)
    return holder[0], plain


def assert_same(first: torch.Tensor, second: torch.Tensor, roundings: int = 1) -> None:
    """Assert equality up to the last bits. roundings: to bfloat16, by which the two may differ."""
    rtol, atol = (roundings * 2**-8, 0.0) if first.dtype == torch.bfloat16 else (1e-5, 1e-5)
    torch.testing.assert_close(first, second, rtol=rtol, atol=atol)


@needs_bfloat16
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [(0, 5), (1, 1), (2, 110)])
@torch.inference_mode()
def test_a_packed_linear_layer_equals_the_plain_one(rows: tuple[int, int], bias: bool) -> None:
    torch.manual_seed(0)
    packed, plain = packed_and_plain(nn.Linear(64, 96, bias=bias), torch.bfloat16)
    assert isinstance(packed, PackedLinear)
    inputs = torch.randn(*rows, 64, dtype=torch.bfloat16)
    assert_same(packed(inputs), plain(inputs))


@both_types
@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(16, 24, 3, padding=1),
        nn.Conv2d(16, 24, 3, padding=1, stride=2, groups=8, bias=False),
        nn.Conv2d(16, 24, 3, padding=2, dilation=2),
        SameConv2d(16, 24, 1, clamped=True),
        SameConv2d(16, 24, 1),
        SameConv2d(16, 16, 3, 2, 16, clamped=True),
        SameConv2d(16, 16, 5, 2, 16, clamped=True),
        LeakyConv2d(16, 24, 2),
    ],
    ids=str,
)
@torch.inference_mode()
def test_a_packed_convolution_equals_the_plain_one(conv: nn.Conv2d, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    packed, plain = packed_and_plain(conv, dtype)
    assert isinstance(packed, PackedConv2d)
    for height, width in ((32, 48), (16, 16)):  # packed for the first size, right for any other
        inputs = 9 * torch.randn(1, 16, height, width, dtype=dtype)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        outputs = packed(inputs)
        # A slope within the layer is multiplied before its input is rounded.
        assert_same(outputs, plain(inputs), roundings=2 if isinstance(conv, LeakyConv2d) else 1)
        assert outputs.is_contiguous(memory_format=torch.channels_last)


@needs_bfloat16
@pytest.mark.parametrize(
    "mlp",
    [
        Sam3MLP(Sam3ViTConfig(hidden_size=32, intermediate_size=48, hidden_act="gelu")),
        Sam3MLP(Sam3ViTConfig(hidden_size=32, intermediate_size=48, hidden_act="relu")),
        Qwen3VLVisionMLP(Qwen3VLVisionConfig(hidden_size=32, intermediate_size=48)),
        Qwen3VLTextMLP(Qwen3VLTextConfig(hidden_size=32, intermediate_size=48)),
    ],
    ids=lambda mlp: f"{type(mlp).__name__}-{mlp.config.hidden_act if hasattr(mlp, 'config') else 'gelu'}",
)
@torch.inference_mode()
def test_a_packed_mlp_is_at_least_as_exact(mlp: nn.Module) -> None:
    torch.manual_seed(0)
    mlp.to(torch.bfloat16).eval()
    inputs = torch.randn(1, 50, 32, dtype=torch.bfloat16)
    exact = copy.deepcopy(mlp).double()(inputs.double())
    error = (mlp(inputs) - exact).norm()
    pack(mlp)
    assert isinstance(getattr(mlp, MLPS[type(mlp)][0]), PackedLinear)
    assert (mlp(inputs) - exact).norm() < 1.1 * error


class OtherLinear(nn.Module):
    """A linear layer of a kind that is not packed."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = linear.weight

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(inputs, self.weight)


@needs_bfloat16
@torch.inference_mode()
def test_an_mlp_whose_first_layer_is_not_packed_keeps_its_activation() -> None:
    mlp = Qwen3VLTextMLP(Qwen3VLTextConfig(hidden_size=32, intermediate_size=48)).to(torch.bfloat16)
    mlp.gate_proj = OtherLinear(mlp.gate_proj)
    inputs = torch.randn(1, 5, 32, dtype=torch.bfloat16)
    before = mlp(inputs)
    pack(mlp)
    assert torch.equal(mlp(inputs), before)


def test_linear_layers_in_float32_and_layers_in_float16_are_not_packed() -> None:
    for model in (nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.Linear(4, 4), nn.Conv2d(3, 4, 1)).half()):
        pack(model)
        assert not any(isinstance(layer, PackedLinear | PackedConv2d) for layer in model.modules())


@needs_bfloat16
@torch.inference_mode()
def test_layers_inside_fused_torch_modules_are_not_packed() -> None:
    model = nn.Sequential(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)).to(torch.bfloat16).eval()
    inputs = torch.randn(1, 5, 16, dtype=torch.bfloat16)
    before = model(inputs)
    pack(model)
    assert torch.equal(model(inputs), before)


@both_types
def test_a_packed_model_finds_the_same_instances(dtype: torch.dtype) -> None:
    packed = load("compact", "cpu", dtype="bfloat16" if dtype == torch.bfloat16 else "float32")
    assert any(isinstance(layer, PackedConv2d) for layer in packed.model.image_encoder.modules())
    plain = dataclasses.replace(packed, model=load_folder(checkpoint_folder("compact"), dtype))
    for view in islice(iter_views(DATA / "scenes", depth=False), 2):
        before, after = (one.segment_image(view.rgb, "everything on the table") for one in (plain, packed))
        assert after.answer == before.answer
        assert len(after.instances) == len(before.instances) > 0
        differ = sum((a.mask != b.mask).sum() for a, b in zip(before.instances, after.instances, strict=True))
        assert differ <= 1e-3 * view.ids.size


@torch.inference_mode()
def test_both_backbones_compute_the_same_packed() -> None:
    torch.manual_seed(0)
    images = torch.randn(1, 3, 64, 96)
    for backbone in (EfficientNetLite0(), NanoDet()):
        plain = backbone(images)
        packed = copy.deepcopy(backbone)
        pack(packed)
        assert any(isinstance(layer, PackedConv2d) for layer in packed.modules())
        for before, after in zip(plain, packed(images), strict=True):
            torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_a_layer_that_may_compute_more_is_left_alone() -> None:
    class Doubled(nn.Conv2d):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(inputs)

    packed, plain = packed_and_plain(Doubled(4, 4, 3), torch.float32)
    assert packed is plain
