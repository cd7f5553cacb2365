"""Time and error of the package's bfloat16 attention on a CPU, against torch's.

Errors are against float64 for one attention, and against float32 for the two image encoders of InstructSAM-2B
(random weights; larger weights of queries and keys make attention sharper), relative to the exact result.

    python -m benchmarks.bfloat16_attention --threads 2
    python -m benchmarks.bfloat16_attention --threads 2 --encoders    # 7 GB of memory, a few minutes
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.command import positive_int, run
from benchmarks.full_size_latency import RGB, load_config
from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common.device import computes_bfloat16
from instructsam_ros.models.cpu import bfloat16_attention
from instructsam_ros.models.cpu.optimize import use_bfloat16_attention, use_paired_rotation
from instructsam_ros.models.instructsam.speed_options import with_sam_size
from instructsam_ros.models.instructsam.two_tower_encoder import TwoTowerEncoder, TwoTowerInputs

SHAPES = {
    "SAM 3, 4 windows": (4, 16, 576, 64),
    "vision tower": (1, 16, 1200, 64),
    "SAM 3 at 672 px, all": (1, 16, 2304, 64),
    "SAM 3 at 1008 px, all": (1, 16, 5184, 64),
    "detector at 672 px": (1, 8, 2304, 32),
    "detector at 1008 px": (1, 8, 5184, 32),
    "detector, compact": (1, 4, 1728, 32),
}
SHARPNESS = 1.5
"""Standard deviation of queries and keys; that of scores is its square."""
GAINS = (1.0, 1.8)
"""Factors of the weights of queries and keys."""
SIDE = 672
TORCHS, OURS = "torch", "ours"


def fastest(compute: Callable[[], Tensor], repeats: int) -> float:
    """Measure the shortest time in milliseconds, after a warm-up call."""
    compute()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        compute()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def error(found: Tensor, exact: Tensor) -> float:
    """Compute the relative error in per cent, by the Frobenius norm."""
    return 100 * float((found.double() - exact.double()).norm() / exact.double().norm())


def one_attention(repeats: int) -> None:
    """Print time and error for every shape."""
    for name, (batch, heads, length, width) in SHAPES.items():
        size = (batch, length, heads, width)
        query, key, value = (torch.randn(size).mul(SHARPNESS).bfloat16().transpose(1, 2) for _ in range(3))
        first_query, first_key, first_value = (heads[:1, :2].double() for heads in (query, key, value))
        exact = F.scaled_dot_product_attention(first_query, first_key, first_value)
        ways: dict[str, Callable[[], Tensor]] = {
            TORCHS: partial(F.scaled_dot_product_attention, query, key, value),
            OURS: partial(bfloat16_attention.all_to_all, query, key, value, width**-0.5),
        }
        cells = [
            f"{way} {fastest(compute, repeats):6.1f} ms, error {error(compute()[:1, :2], exact):.2f} %"
            for way, compute in ways.items()
        ]
        print(f"{name:22} {'; '.join(cells)}", flush=True)


def both_encoders() -> None:
    """Print, for every gain, the errors of the language model's tokens and of the pyramid's levels."""
    encoder = TwoTowerEncoder(with_sam_size(load_config("2b"), SIDE)).eval()
    use_paired_rotation(encoder)
    use_bfloat16_attention(encoder)
    torch.manual_seed(0)
    for name, parameter in encoder.named_parameters():
        centre = float(parameter.dim() == 1 and name.endswith("weight"))
        parameter.copy_(torch.randn_like(parameter).mul_(0.03).add_(centre))
    inputs = encoder.preprocess(RGB)
    for before, gain in zip((1.0, *GAINS), GAINS, strict=False):
        for name, parameter in encoder.named_parameters():
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                parameter.mul_(gain / before)
            elif name.endswith("qkv.weight"):
                parameter[: 2 * len(parameter) // 3].mul_(gain / before)
        encoder.bfloat16()
        with mock.patch.object(bfloat16_attention, "MIN_KEYS", sys.maxsize):
            found = {TORCHS: features(encoder, inputs)}
        found[OURS] = features(encoder, inputs)
        exact = features(encoder.float(), inputs)
        for way, tensors in found.items():
            errors = ", ".join(f"{error(a, b):.3f}" for a, b in zip(tensors, exact, strict=True))
            print(f"queries and keys x {gain}, {way:11}: errors of features {errors} %", flush=True)


def features(encoder: TwoTowerEncoder, inputs: TwoTowerInputs) -> list[Tensor]:
    """Compute the tokens for the language model, then the levels of the pyramid."""
    weight = next(encoder.parameters())
    encoded = encoder(inputs.to(weight.device, weight.dtype))
    return [encoded.tokens, *encoded.fpn]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=positive_int, default=1)
    parser.add_argument("--repeats", type=positive_int, default=5)
    parser.add_argument(
        "--encoders", action="store_true", help="also measure the errors of the image encoders"
    )
    args = parser.parse_args()
    if not computes_bfloat16(torch.device("cpu")):
        raise ConfigError(
            "this processor has no bfloat16 arithmetic; run on one that has (AVX512-BF16 or AMX)"
        )
    torch.set_num_threads(args.threads)
    with torch.inference_mode():
        one_attention(args.repeats)
        if args.encoders:
            both_encoders()


if __name__ == "__main__":
    run(main)
