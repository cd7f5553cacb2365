"""The devices and processes of a run, by accelerate."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import (
    DistributedType,
    FullyShardedDataParallelPlugin,
    InitProcessGroupKwargs,
    parse_flag_from_env,
)

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common.device import torch_dtype
from instructsam_ros.training.config import RunSettings, TrainSettings

EVALUATION = timedelta(hours=12)
"""How long processes wait for the first one, which evaluates."""


def make_accelerator(settings: RunSettings) -> Accelerator:
    """Create the accelerator of a run, whose processes were started by ``accelerate launch`` or torchrun.

    Raises ConfigError for a second run in one process in another precision, and for a run that cannot be
    sharded as the file of ``accelerate launch`` demands.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = mixed_precision(settings, device)
    if parse_flag_from_env("ACCELERATE_USE_DEEPSPEED"):
        raise ConfigError(
            "DeepSpeed keeps its own moments, clips by its own norm and is not supported; launch with config/"
            "accelerate/fsdp.yaml (fsdp_reshard_after_forward: false shards what its ZeRO stage 2 does)"
        )
    fsdp = _fsdp(settings) if parse_flag_from_env("ACCELERATE_USE_FSDP") else None
    try:
        accelerator = Accelerator(
            mixed_precision=precision,
            cpu=device.type == "cpu",
            gradient_accumulation_steps=settings.gradient_accumulation_steps,
            fsdp_plugin=fsdp,
            kwargs_handlers=[
                # A batch without names gives the names' weights no gradient; its process counts as zero.
                DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False),
                InitProcessGroupKwargs(timeout=EVALUATION),
            ],
        )
    except ValueError as error:  # accelerate keeps one precision per process
        raise ConfigError(
            f"precision: cannot train in {precision!r} after another run in this process; start a "
            f"process of its own for this run ({error})"
        ) from None
    if fsdp and accelerator.num_processes > 1:
        # Weights stay in float32 and autocast decides what is computed in bfloat16, as without FSDP.
        fsdp.mixed_precision_policy = None
        # accelerate leaves FSDP off on CPUs, where torch has it, too.
        accelerator.state.fsdp_plugin, accelerator.state.distributed_type = fsdp, DistributedType.FSDP
    return accelerator


def mixed_precision(settings: RunSettings, device: torch.device) -> Literal["bf16", "no"]:
    """What the setting ``precision`` comes to on a device, in accelerate's words."""
    if settings.precision != "auto":
        return settings.precision
    return "bf16" if torch_dtype("auto", device) == torch.bfloat16 else "no"


def _fsdp(settings: RunSettings) -> FullyShardedDataParallelPlugin:
    """What the file of ``accelerate launch`` says about FSDP. Raises ConfigError."""
    if isinstance(settings, TrainSettings):
        raise ConfigError(
            "FSDP shards models that are too large for one device, and the compact model is small; launch "
            "with config/accelerate/ddp.yaml"
        )
    if settings.optimizer.muon:
        raise ConfigError("optimizer.muon needs whole matrices, and FSDP shards them; set it to false")
    plugin = FullyShardedDataParallelPlugin()
    if plugin.fsdp_version != 2:
        raise ConfigError("FSDP takes fsdp_version: 2, as in config/accelerate/fsdp.yaml")
    return plugin
