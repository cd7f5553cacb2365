"""Tensors of which every process holds a shard (FSDP): whole ones for checkpoints, and shards again."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map_only


def whole(tensor: Tensor) -> Tensor:
    """Return a whole tensor; where it is a shard, all processes have to call this."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def gathered(state: Any, *, keep: bool) -> Any:
    """Copy a state with whole tensors in main memory in place of shards; all processes have to call it.

    keep: whether this process needs them; otherwise None is in their place.
    """

    def gather(shard: DTensor) -> Tensor | None:
        tensor = whole(shard)
        return tensor.cpu() if keep else None

    return tree_map_only(DTensor, gather, state)


def sharded_like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return this process's shard of a tensor, as of a parameter of its shape; all of it if that is no shard.

    All processes have to call it, with the same values.
    """
    if isinstance(parameter, DTensor) and tensor.shape == parameter.shape:
        on_device = tensor.to(device=parameter.device, dtype=parameter.dtype)
        return distribute_tensor(on_device, parameter.device_mesh, parameter.placements, src_data_rank=None)
    return tensor
