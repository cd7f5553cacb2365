"""Start values of the adapters, at the beginning and at the step to complex instructions."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import nn

from instructsam_ros.models.sam3i.adapters import Chain, PixelAdapter, TextAdapter, TokenAdapter
from instructsam_ros.models.sam3i.modeling import Sam3I

Initialization = Literal["learnable", "released"]
ComplexStart = Literal["learnable", "released", "paper"]


@torch.no_grad()
def initialise(model: Sam3I, start: Initialization = "learnable") -> None:
    """Set all adapters so that every route answers as SAM 3; mask predictors become those of SAM 3.

    learnable: only what writes to the stream is zero, so that everything learns. released: as the authors'
    code, where both matrices of each branch of a text adapter are zero and only two biases of it ever learn.
    """
    adapters = model.adapters
    for place in ("text", "encoder", "decoder", "pixels"):
        for adapter in _members(getattr(adapters, place)):
            _reset(adapter)
            if start == "released":
                _as_released(adapter, place)
    for embedder in adapters.mask_embedders.values():
        embedder.load_state_dict(model.net.mask_decoder.mask_embedder.state_dict())


@torch.no_grad()
def start_complex(model: Sam3I, start: ComplexStart = "learnable") -> None:
    """Prepare the stage that learns complex instructions: the copies of the simple adapters become the simple
    ones, the mask predictor of the complex route that of the simple one.

    The complex adapters begin: learnable, as in ``initialise``; released, at zero, norms included, where only
    the bias that writes to the stream learns, and nothing in front of it in the decoder; paper, as the simple
    adapters.
    """
    adapters = model.adapters
    for place in ("text", "encoder", "decoder", "pixels"):
        for chain in getattr(adapters, place):
            if chain.simple_copy is not None:
                chain.simple_copy.load_state_dict(chain.simple.state_dict())
            if start == "paper":
                chain.complex.load_state_dict(chain.simple.state_dict())
            elif start == "released":
                for parameter in chain.complex.parameters():
                    parameter.zero_()
            else:
                _reset(chain.complex)
    if adapters.mask_embedders:
        simple = copy.deepcopy(adapters.mask_embedders["simple"].state_dict())
        adapters.mask_embedders["complex"].load_state_dict(simple)


def _members(chains: nn.ModuleList) -> Iterator[nn.Module]:
    for chain in chains:
        assert isinstance(chain, Chain)  # for the type checker
        yield from (
            member for member in (chain.simple, chain.simple_copy, chain.complex) if member is not None
        )


def _reset(adapter: nn.Module) -> None:
    """Default values inside, and zeros in what writes to the stream."""
    for part in adapter.modules():
        reset: Any = getattr(part, "reset_parameters", None)
        if reset is not None:
            reset()
    if isinstance(adapter, TextAdapter):
        adapter.mha_adapter._reset_parameters()  # its in_proj is no module
        writers: list[nn.Module] = [adapter.mha_adapter.out_proj, adapter.up_proj]
    elif isinstance(adapter, TokenAdapter):
        writers = [adapter.up_proj]
    else:
        assert isinstance(adapter, PixelAdapter)  # for the type checker
        writers = [adapter.up_conv]
    for writer in writers:
        for parameter in writer.parameters():
            parameter.zero_()


def _as_released(adapter: nn.Module, place: str) -> None:
    if isinstance(adapter, TextAdapter):
        for part in (adapter.mha_adapter, adapter.down_proj):
            for parameter in part.parameters():
                parameter.zero_()
    elif isinstance(adapter, TokenAdapter):
        nn.init.xavier_uniform_(adapter.down_proj.weight)
        if place == "encoder":
            nn.init.zeros_(adapter.down_proj.bias)
