"""The averaged weights of a run (EMA), which are evaluated and exported."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from instructsam_ros.training.sharding import sharded_like, whole


class WeightAverage:
    """A copy of a model whose weights follow it slowly, frozen ones shared with it, not copied.

    In the first steps, whose weights are not worth keeping, it follows faster. Where the model is sharded
    (``shard``), so is the average, and the copy, in the main memory of one process, has it after ``gather``.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """decay: how much of the averaged weights stays at a step."""
        self.model, self.decay = model, decay
        self.steps = 0
        self.module = copy.deepcopy(model).eval().requires_grad_(False)
        self._trained = []
        for own, followed in zip(self.module.parameters(), model.parameters(), strict=True):
            if followed.requires_grad:
                self._trained.append(own)
            else:
                own.data = followed.data
        self._averages: list[Tensor] = list(self._trained)

    @torch.no_grad()
    def update(self) -> None:
        """Follow the model after a step."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 9))
        torch._foreach_lerp_(self._averages, self._followed(), 1 - decay)
        for own, buffer in zip(self.module.buffers(), self.model.buffers(), strict=True):
            if not own.is_meta:
                own.copy_(buffer)

    def shard(self, *, keep: bool) -> None:
        """Hold shards of the averages as the model, now sharded, does of its weights. keep: whether this
        process needs the whole copy, too.
        """
        pairs = zip(self._trained, self._followed(), strict=True)
        self._averages = [sharded_like(own.detach(), followed) for own, followed in pairs]
        self.module.to("cpu" if keep else "meta")

    @torch.no_grad()
    def gather(self) -> None:
        """Bring the averages into ``module``; where they are sharded, all processes have to call this."""
        for own, average in zip(self._trained, self._averages, strict=True):
            if average is not own:
                gathered = whole(average)
                if not own.is_meta:
                    own.copy_(gathered)

    def load_state_dict(self, state: dict[str, Any], steps: int) -> None:
        """Continue from averages after ``steps`` steps, before ``shard``."""
        self.module.load_state_dict(state)
        self.steps = steps

    def _followed(self) -> list[Tensor]:
        return [p for p in self.model.parameters() if p.requires_grad]
