"""The devices and processes of a run, by accelerate."""

from __future__ import annotations

from typing import Literal

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common.device import torch_dtype
from instructsam_ros.training.config import RunSettings


def make_accelerator(settings: RunSettings) -> Accelerator:
    """Create the accelerator of a run, whose processes were started by ``accelerate launch`` or torchrun.

    Raises ConfigError for a second run in one process in another precision.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = mixed_precision(settings, device)
    try:
        return Accelerator(
            mixed_precision=precision,
            cpu=device.type == "cpu",
            gradient_accumulation_steps=settings.gradient_accumulation_steps,
            # A batch without names gives the names' weights no gradient; its process counts as zero.
            kwargs_handlers=[
                DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
            ],
        )
    except ValueError as error:  # accelerate keeps one precision per process
        raise ConfigError(
            f"precision: cannot train in {precision!r} after another run in this process; start a "
            f"process of its own for this run ({error})"
        ) from None


def mixed_precision(settings: RunSettings, device: torch.device) -> Literal["bf16", "no"]:
    """What the setting ``precision`` comes to on a device, in accelerate's words."""
    if settings.precision != "auto":
        return settings.precision
    return "bf16" if torch_dtype("auto", device) == torch.bfloat16 else "no"
