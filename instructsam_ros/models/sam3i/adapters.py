"""The adapters of SAM3-I. Leaf modules carry the names of the authors' checkpoints."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PIXEL_GROUPS = 8
"""Groups of the normalisation in a pixel adapter, as in the pixel decoder."""


class TextAdapter(nn.Module):
    """Pre-norm self-attention over all tokens, padding included and in both directions, then a pre-norm
    bottleneck. Both add to the stream: [B, T, W] -> [B, T, W].
    """

    def __init__(self, width: int, bottleneck: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.mha_adapter = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.down_proj = nn.Linear(width, bottleneck)
        self.up_proj = nn.Linear(bottleneck, width)

    def forward(self, stream: Tensor) -> Tensor:
        """Return the stream and what the adapter adds to it."""
        normed = self.norm1(stream)
        attended, _ = self.mha_adapter(normed, normed, normed, need_weights=False)
        stream = stream + attended
        mixed: Tensor = self.up_proj(F.gelu(self.down_proj(self.norm2(stream))))
        return stream + mixed


class TokenAdapter(nn.Module):
    """Bottleneck with a LayerNorm inside, for the detector: [B, N, C] -> what to add, [B, N, C].

    skip: add the input, too.
    """

    def __init__(self, width: int, bottleneck: int, *, skip: bool = False) -> None:
        super().__init__()
        self.down_proj = nn.Linear(width, bottleneck)
        self.norm = nn.LayerNorm(bottleneck)
        self.up_proj = nn.Linear(bottleneck, width)
        self.skip = skip

    def forward(self, stream: Tensor) -> Tensor:
        """Return what to add to the stream."""
        added: Tensor = self.up_proj(F.gelu(self.norm(self.down_proj(stream))))
        return added + stream if self.skip else added


class PixelAdapter(nn.Module):
    """Bottleneck of 1x1 convolutions, for the pixel decoder: [B, C, h, w] -> what to add, [B, C, h, w]."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down_conv = nn.Conv2d(width, bottleneck, 1)
        self.norm = nn.GroupNorm(PIXEL_GROUPS, bottleneck)
        self.up_conv = nn.Conv2d(bottleneck, width, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return what to add to the pixels."""
        added: Tensor = self.up_conv(F.gelu(self.norm(self.down_conv(pixels))))
        return added


class Chain(nn.Module):
    """The adapters of one place: ``simple``, and ``complex`` behind a copy of the simple one, or behind the
    simple one itself.
    """

    def __init__(
        self, make: Callable[[], nn.Module], make_complex: Callable[[], nn.Module], *, own_copy: bool
    ) -> None:
        super().__init__()
        self.simple, self.complex = make(), make_complex()
        self.simple_copy = make() if own_copy else None

    @property
    def first(self) -> nn.Module:
        """The adapter in front of the complex one."""
        return self.simple if self.simple_copy is None else self.simple_copy

    def run_simple(self, stream: Tensor) -> Tensor:
        """Run the simple route."""
        result: Tensor = self.simple(stream)
        return result

    def run_complex(self, stream: Tensor, *, frozen_first: bool = False) -> Tensor:
        """Run the complex route. frozen_first: without gradient through the first adapter, as type 3 of the
        release, which cuts the gradient of the stream, too.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen_first):
            first = self.first(stream)
        result: Tensor = self.complex(first)
        return result


def projector(width: int) -> nn.Sequential:
    """Build the network from text features [.., C] to those of the alignment losses, [.., C]."""
    return nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, width))
