"""Optimizers (AdamW, or Muon for inner matrices) and the learning rate."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, cast

from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from instructsam_ros.models.common.device import computes_bfloat16
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.training.config import OptimizerSettings, RunSettings
from instructsam_ros.training.cpu_kernels import Float32Products
from instructsam_ros.training.parts import Part
from instructsam_ros.training.sharding import sharded_like

NEW, PRETRAINED = "", "backbone_"
"""Weights that are clipped together, by what their columns of the logged table begin with."""

MUON_MIN_SIDE = 32
"""Narrower matrices are read-outs, which Muon is not for."""


class Optimizers:
    """Several optimizers that share out the weights, used as one.

    float32: keep Muon from computing in bfloat16.
    """

    def __init__(self, members: Iterable[Optimizer], *, float32: bool = False) -> None:
        self.members = tuple(members)
        self.float32 = float32

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Of all members; settings changed in them count."""
        return [group for member in self.members for group in member.param_groups]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for member in self.members:
            member.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Move all weights."""
        with Float32Products() if self.float32 else nullcontext():
            for member in self.members:
                member.step()

    def state_dict(self) -> list[dict[str, Any]]:
        """State of every member, in order."""
        return [member.state_dict() for member in self.members]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """The inverse of ``state_dict``; states are whole where weights are sharded. Raises ValueError for
        states of other weights.
        """
        for member, state in zip(self.members, states, strict=True):
            parameters = [p for group in member.param_groups for p in group["params"]]
            shards = {
                index: {
                    name: sharded_like(value, parameters[index]) if isinstance(value, Tensor) else value
                    for name, value in of_parameter.items()
                }
                for index, of_parameter in state["state"].items()
            }
            member.load_state_dict({**state, "state": shards})


def make_optimizer(
    model: nn.Module, heads: nn.Module, part: Callable[[str], Part], settings: OptimizerSettings
) -> Optimizers:
    """AdamW over trainable parameters; no weight decay on biases, norms and scalars.

    part: of a parameter of the model, by its name.

    With ``settings.muon`` the matrices of language model and detector are moved by Muon (Jordan et al.
    2024) instead, with updates of AdamW's size (arXiv 2502.16982), so one learning rate fits both.
    """
    inner = {id(p) for p in _inner_matrices(cast(InstructSam, model))} if settings.muon else set()
    members: dict[tuple[Part, bool, bool], list[nn.Parameter]] = defaultdict(list)
    named = [(part(name), p) for name, p in model.named_parameters()]
    for its_part, p in [*named, *((Part("model", 1.0), p) for p in heads.parameters())]:
        if p.requires_grad:
            members[its_part, id(p) in inner, p.ndim > 1].append(p)
    groups: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for (its_part, is_inner, is_matrix), parameters in sorted(
        members.items(), key=lambda item: (item[0][0].pretrained, not item[0][2])
    ):
        groups[is_inner].append(
            {
                "params": parameters,
                "weight_decay": settings.weight_decay if is_matrix else 0.0,
                "name": its_part.name,
                "part": PRETRAINED if its_part.pretrained else NEW,
                "share": its_part.rate,
            }
        )
    optimizers: list[Optimizer] = [
        AdamW(groups[False], lr=settings.learning_rate, betas=(0.9, settings.beta2), fused=True)
    ]
    if groups[True]:
        optimizers.append(Muon(groups[True], lr=settings.learning_rate, adjust_lr_fn="match_rms_adamw"))
    device = next(iter(members.values()))[0].device
    return Optimizers(optimizers, float32=device.type == "cpu" and not computes_bfloat16(device))


def _inner_matrices(model: InstructSam) -> list[Tensor]:
    """Weights of linear layers that are neither embeddings nor read-outs."""
    return [
        layer.weight
        for part in (
            model.language.model.layers,
            model.detector,
            model.text_hidden_fcs,
            model.mask_hidden_fcs,
        )
        for layer in part.modules()
        if isinstance(layer, nn.Linear) and min(layer.weight.shape) >= MUON_MIN_SIDE
    ]


def by_part(optimizer: Optimizers) -> dict[str, list[nn.Parameter]]:
    """Parameters that are clipped together. The backbone is apart: its gradients are several times larger."""
    parts: dict[str, list[nn.Parameter]] = defaultdict(list)
    for group in optimizer.param_groups:
        parts[group["part"]] += group["params"]
    return dict(parts)


def learning_rate(step: int, settings: RunSettings) -> float:
    """Linear warm-up, then cosine to ``final`` of the peak; both phases of training share one curve.

    With the schedule "inverse_sqrt" see OptimizerSettings; step 0 has the rate 0.
    """
    optimizer = settings.optimizer
    if optimizer.schedule == "inverse_sqrt":
        rise = min(1.0, step / optimizer.warmup_steps)
        behind = max(0, step - optimizer.warmup_steps)
        fall = math.sqrt(optimizer.timescale / (optimizer.timescale + behind))
        left = (settings.steps - step) / max(1, optimizer.cooldown_steps)
        return optimizer.learning_rate * rise * fall * max(0.0, min(1.0, left))
    warmup = min(1.0, (step + 1) / optimizer.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / settings.steps)))
    return optimizer.learning_rate * warmup * (optimizer.final + (1 - optimizer.final) * cosine)
