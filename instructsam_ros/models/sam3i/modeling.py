"""SAM3-I: the modules of SAM 3, and adapters that an instruction's route switches on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

from torch import Tensor, nn
from transformers import Sam3Config

from instructsam_ros.models.sam3.layers import Adapter
from instructsam_ros.models.sam3.modeling import Sam3
from instructsam_ros.models.sam3i.adapters import Chain, PixelAdapter, TextAdapter, TokenAdapter, projector
from instructsam_ros.models.sam3i.configuration import RELEASED, Sam3IConfig


class Route(IntEnum):
    """How an instruction is read; the values are the types of the release.

    COMPLEX_ALONE: as COMPLEX, without gradient through the adapter in front of the complex one; only for
    training.
    """

    CONCEPT = 1
    SIMPLE = 2
    COMPLEX_ALONE = 3
    COMPLEX = 4


class Adapters(nn.Module):
    """All that SAM3-I trains. text, encoder, decoder, pixels: a Chain for each layer. mask_embedders: of the
    simple and the complex route. projectors: by route, or one named "shared".
    """

    def __init__(self, sam: Sam3Config, config: Sam3IConfig) -> None:
        super().__init__()
        text, encoder, decoder = sam.text_config, sam.detr_encoder_config, sam.detr_decoder_config
        bottleneck, own_copy = config.bottleneck, config.own_simple_copy

        def chains(
            count: int, make: Callable[[], nn.Module], make_complex: Callable[[], nn.Module] | None = None
        ) -> nn.ModuleList:
            last = make_complex or make
            return nn.ModuleList(Chain(make, last, own_copy=own_copy) for _ in range(count))

        self.text = chains(
            text.num_hidden_layers,
            lambda: TextAdapter(text.hidden_size, bottleneck, config.text_heads, config.text_dropout),
        )
        self.encoder = chains(
            encoder.num_layers if config.encoder else 0,
            lambda: TokenAdapter(encoder.hidden_size, bottleneck),
            lambda: TokenAdapter(encoder.hidden_size, bottleneck, skip=config.encoder_skip),
        )
        self.decoder = chains(
            decoder.num_layers if config.decoder else 0,
            lambda: TokenAdapter(decoder.hidden_size, bottleneck),
        )
        levels = len(sam.vision_config.scale_factors) - 2  # connections of the pixel decoder
        self.pixels = chains(
            levels if config.pixels else 0,
            lambda: PixelAdapter(sam.mask_decoder_config.hidden_size, bottleneck),
        )
        self.mask_embedders = nn.ModuleDict()
        names = {"none": (), "shared": ("shared",), "separate": ("simple", "complex", "concept")}
        self.projectors = nn.ModuleDict(
            {name: projector(encoder.hidden_size) for name in names[config.projector]}
        )


@dataclass(frozen=True)
class RoutedAdapters:
    """The adapters of one route, as ``Sam3`` takes them (see Adaptation)."""

    adapters: Adapters
    route: Route
    scale: float

    def text(self, layer: int) -> Adapter | None:
        return self._chain(self.adapters.text, layer)

    def encoder(self, layer: int) -> Adapter | None:
        return self._scaled(self.adapters.encoder, layer)

    def decoder(self, layer: int) -> Adapter | None:
        return self._scaled(self.adapters.decoder, layer)

    def pixels(self, level: int) -> Adapter | None:
        return self._scaled(self.adapters.pixels, level)

    def mask_embedder(self) -> nn.Module | None:
        name = "simple" if self.route == Route.SIMPLE else "complex"
        return self.adapters.mask_embedders[name] if self.adapters.mask_embedders else None

    def _chain(self, chains: nn.ModuleList, index: int) -> Adapter | None:
        if not chains:
            return None
        chain = chains[index]
        assert isinstance(chain, Chain)  # for the type checker
        if self.route == Route.SIMPLE:
            return chain.run_simple
        return partial(chain.run_complex, frozen_first=self.route == Route.COMPLEX_ALONE)

    def _scaled(self, chains: nn.ModuleList, index: int) -> Adapter | None:
        chain = self._chain(chains, index)
        if chain is None or self.scale == 1.0:
            return chain
        return lambda stream: self.scale * chain(stream)


class Sam3I(Sam3):
    """SAM 3 with adapters. Without a route it is SAM 3, bit for bit."""

    def __init__(
        self, sam: Sam3Config, config: Sam3IConfig = RELEASED, *, geometry_token: bool = True
    ) -> None:
        super().__init__(sam, geometry_token=geometry_token)
        self.config = config
        self.adapters = Adapters(sam, config)
        if config.mask_embedders:
            original = self.net.mask_decoder.mask_embedder
            for name in ("simple", "complex"):
                self.adapters.mask_embedders[name] = copy.deepcopy(original)

    def adaptation(self, route: Route) -> RoutedAdapters | None:
        """Return what a route adds to SAM 3; None for the concept route."""
        if route == Route.CONCEPT:
            return None
        return RoutedAdapters(self.adapters, route, self.config.scale)

    def project(self, features: Tensor, route: Route) -> Tensor:
        """Project the mean of text features [B, T, C], padding included, for the alignment losses: [B, C].

        Raises KeyError for a model without projector.
        """
        projectors = self.adapters.projectors
        name = (
            "shared" if "shared" in projectors else "complex" if route > Route.SIMPLE else route.name.lower()
        )
        projected: Tensor = projectors[name](features.mean(1))
        return projected
