"""The faster ways give the results and gradients of PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F

from instructsam_ros.training.cpu_kernels import CpuKernels


def results(compute, *inputs):
    leaves = [x.clone().requires_grad_() for x in inputs]
    output = compute(*leaves)
    return [output, *torch.autograd.grad(output.float().square().sum(), leaves)]


def agree(compute, *inputs, tolerance):
    plain = results(compute, *inputs)
    with CpuKernels():
        faster = results(compute, *inputs)
    for ours, theirs in zip(faster, plain, strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.fixture
def random():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator)


def test_attention_with_a_bias_that_learns(random):
    q, k, v, bias = random(2, 3, 5, 8), random(2, 3, 11, 8), random(2, 3, 11, 8), random(2, 3, 5, 11)
    attend = F.scaled_dot_product_attention
    agree(lambda q, k, v, b: attend(q, k, v, attn_mask=b), q, k, v, bias, tolerance=1e-5)
    agree(lambda q, k, v, b: attend(q, k, v, attn_mask=b, scale=0.2), q, k, v, bias, tolerance=1e-5)
    agree(lambda q, k, v, b: attend(q, k, v, attn_mask=b), q, k, v, random(2, 1, 5, 11), tolerance=1e-5)


def test_attention_with_a_fixed_mask(random):
    q, k, v = random(2, 3, 5, 8), random(2, 3, 11, 8), random(2, 3, 11, 8)
    mask = random(2, 1, 5, 11) > -1
    agree(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=mask), q, k, v, tolerance=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolution(random, stride):
    convolve = lambda x, w, b: F.conv2d(x, w, b, stride, 1, 1, 6)  # noqa: E731
    agree(convolve, random(2, 6, 9, 11), random(6, 1, 3, 3), random(6), tolerance=1e-5)


def test_low_precision_goes_in_and_comes_out(random):
    x, w = random(2, 6, 9, 11).bfloat16(), random(6, 1, 3, 3).bfloat16()
    agree(lambda x, w: F.conv2d(x, w, None, 1, 1, 1, 6), x, w, tolerance=0.1)
    heads = [random(2, 3, n, 8).bfloat16() for n in (5, 11, 11)]
    agree(F.scaled_dot_product_attention, *heads, tolerance=0.1)


def test_what_autocast_would_have_made_of_a_convolution_comes_out(random):
    x, w = random(2, 6, 9, 11), random(6, 1, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        plain = F.conv2d(x, w, None, 1, 1, 1, 6)
        with CpuKernels():
            faster = F.conv2d(x, w, None, 1, 1, 1, 6)
    torch.testing.assert_close(faster.float(), plain.float(), rtol=0.02, atol=0.02)
