"""Where a model computes and in which precision."""

from __future__ import annotations

from typing import Literal

import torch

from instructsam_ros.errors import ConfigError
from instructsam_ros.yaml_config import MAX_THREADS

Precision = Literal["auto", "float32", "bfloat16", "float16"]

NOT_NUMBERS = "are not numbers; in float16 values may overflow: try another dtype"
"""How an error about them goes on."""


def torch_device(name: str) -> torch.device:
    """Return the device of a name, "auto" included. Raises ConfigError if this machine lacks it."""
    if not isinstance(name, str):
        raise ConfigError(f"device is {name!r}, not a text; use auto, cpu, cuda or cuda:0")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:0") from None
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {name!r} is not supported; use auto, cpu, cuda or cuda:0")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"no {name} here: torch sees {torch.cuda.device_count()} GPUs; use device auto or cpu"
        )
    return device


def torch_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype of a name; "auto" depends on the device. Raises ConfigError for others."""
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" or computes_bfloat16(device) else torch.float32
    if name not in known:
        raise ConfigError(f"unknown dtype {name!r}; use auto, {', '.join(known)}")
    return known[name]


def check_threads(threads: object, least: int) -> None:
    """Raise ConfigError unless ``threads`` is a whole number from ``least`` on, and not absurd."""
    if type(threads) is not int or not least <= threads <= MAX_THREADS:
        raise ConfigError(f"threads must be a whole number in {least}..{MAX_THREADS}, got {threads!r}")


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether this is a CPU with arithmetic in bfloat16."""
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
