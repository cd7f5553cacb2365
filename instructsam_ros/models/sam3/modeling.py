"""SAM 3 composed of the modules of ``transformers.Sam3Model``, so that one image serves many phrases.

Beyond the upstream class: the geometry encoder also runs without boxes, as in Meta's code; adapters may join
the residual streams; all decoder layers are returned; one-to-many queries (DAC) for training; boxes need no
torchvision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import Sam3Config, Sam3Model
from transformers.masking_utils import create_bidirectional_mask, create_causal_mask
from transformers.models.sam3.modeling_sam3 import inverse_sigmoid

from instructsam_ros.models.common.pyramid_config import PyramidConfig
from instructsam_ros.models.instructsam.two_tower_encoder import square_pixels
from instructsam_ros.models.sam3.geometry import geometry_tokens
from instructsam_ros.models.sam3.layers import Adapter, decoder_layer, encoder_layer, text_layer
from instructsam_ros.models.sam3.pyramid_tower import PyramidTower
from instructsam_ros.yaml_config import build


class Adaptation(Protocol):
    """What an instruction adds to the modules of SAM 3, by layer; None where it adds nothing."""

    def text(self, layer: int) -> Adapter | None:
        """Replace the residual stream of a text layer."""

    def encoder(self, layer: int) -> Adapter | None:
        """Add to the residual stream of a layer of the fusion encoder."""

    def decoder(self, layer: int) -> Adapter | None:
        """Add to the residual stream of a decoder layer."""

    def pixels(self, level: int) -> Adapter | None:
        """Add to a connection of the pixel decoder, counted from the coarsest."""

    def mask_embedder(self) -> nn.Module | None:
        """Replace the network from queries to mask embeddings."""


@dataclass(frozen=True)
class ImageLevels:
    """Features of B images, independent of any phrase. levels: [B, C, h, w] from fine to coarse. position:
    [B, C, h, w] of the coarsest. global_token: [B, 1, C], the geometry encoder's token of the image, or None.
    trunk: [B, D, h, w], output of the image tower, from which clicks have levels of their own.
    """

    levels: tuple[Tensor, ...]
    position: Tensor
    global_token: Tensor | None
    trunk: Tensor


@dataclass(frozen=True)
class Prompt:
    """What to look for in B images. tokens: [B, T, C]. mask: bool [B, T], False on padding."""

    tokens: Tensor
    mask: Tensor

    def joined(self, tokens: Tensor | None) -> Prompt:
        """Append tokens [B, k, C] of boxes and image."""
        if tokens is None:
            return self
        valid = self.mask.new_ones(tokens.shape[:2])
        return Prompt(torch.cat([self.tokens, tokens], 1), torch.cat([self.mask, valid], 1))


@dataclass(frozen=True)
class LayerOutput:
    """Output of a decoder layer: logits [B, Q], boxes [B, Q, 4] as cx cy w h in 0..1, presence [B, 1] (logit
    of "there is at least one").
    """

    logits: Tensor
    boxes: Tensor
    presence: Tensor


@dataclass(frozen=True)
class Sam3Output:
    """mask_logits: [B, Q, h, w]. semantic_logits: [B, 1, h, w], all instances together. layers: of the
    decoder, the last one is the answer. queries: [B, Q, C]. tokens: [B, h*w, C] of the fusion encoder.
    single_queries: how many of the Q, the first ones, are one-to-one queries.
    """

    mask_logits: Tensor
    semantic_logits: Tensor
    layers: tuple[LayerOutput, ...]
    queries: Tensor
    tokens: Tensor
    single_queries: int

    @property
    def scores(self) -> Tensor:
        """Probabilities [B, Q] of "is an instance of the phrase", which the presence token gates."""
        last = self.layers[-1]
        return last.logits.float().sigmoid() * last.presence.float().sigmoid()


class Sam3(nn.Module):
    """SAM 3 in parts: ``encode_image`` and ``encode_text``, then ``detect``.

    A configuration with ``pyramid``, the settings of PyramidConfig, has the image side of the compact model.

    geometry_token: append the geometry encoder's token of the image to every prompt, as Meta's code does;
    ``transformers.Sam3Model`` does so only where there are boxes.
    """

    def __init__(self, config: Sam3Config, *, geometry_token: bool = True) -> None:
        super().__init__()
        self.net = Sam3Model(config)
        pyramid = getattr(config, "pyramid", None)
        if pyramid is not None:
            size = build(PyramidConfig, pyramid, "pyramid")
            self.net.vision_encoder = PyramidTower(size, config.vision_config.fpn_hidden_size)
        self.geometry_token = geometry_token

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Of the weights."""
        return next(self.parameters()).device

    @property
    def prepare(self) -> Callable[[NDArray[np.uint8]], Tensor]:
        """A function from a uint8 [H, W, 3] image to its pixels, float32 [1, 3, h, w] in -1..1 at the size of
        the input, without the weights.
        """
        tower = self.net.vision_encoder
        if isinstance(tower, PyramidTower):
            return tower.prepare
        return partial(square_pixels, size=int(self.net.config.vision_config.backbone_config.image_size))

    def encode_image(self, pixels: Tensor) -> ImageLevels:
        """Compute the features of pixels [B, 3, h, w] in -1..1."""
        return self.read_trunk(self.trunk(pixels))

    def trunk(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Compute what the image tower makes of pixels [B, 3, h, w] in -1..1: [B, D, h, w], of a pyramid
        three, from fine to coarse.
        """
        tower: Any = self.net.vision_encoder
        if isinstance(tower, PyramidTower):
            return tower(pixels)  # type: ignore[no-any-return]
        side = pixels.shape[-1] // tower.config.backbone_config.patch_size
        image = tower.backbone(pixels).last_hidden_state
        return (image.view(len(pixels), side, side, -1).permute(0, 3, 1, 2),)

    def read_trunk(self, trunk: tuple[Tensor, ...]) -> ImageLevels:
        """Compute the features of images from what the tower makes of them."""
        tower: Any = self.net.vision_encoder
        if isinstance(tower, PyramidTower):
            levels, position = trunk, tower.encode_position(trunk[-1])
        else:
            levels = tuple(level(trunk[0]) for level in tower.neck.fpn_layers[:-1])  # nothing reads the last
            coarse = levels[-1]
            position = tower.neck.position_encoding(coarse.shape, coarse.device, coarse.dtype)
        image = ImageLevels(levels, position, None, trunk[-1])
        return replace(image, global_token=self.encode_geometry(image)) if self.geometry_token else image

    def encode_text(self, ids: Tensor, adaptation: Adaptation | None = None) -> tuple[Prompt, Tensor]:
        """Encode token ids int64 [B, T], padded with 0: the prompt, and the last hidden states [B, T, W].

        Padding is hidden from the detector only: the text tower is causal, and adapters read all tokens.
        """
        tower: Any = self.net.text_encoder.text_model
        hidden = tower.embeddings(input_ids=ids)
        mask = create_causal_mask(
            config=tower.config, inputs_embeds=hidden, attention_mask=None, past_key_values=None
        )
        for index, layer in enumerate(tower.encoder.layers):
            adapter = adaptation.text(index) if adaptation else None
            hidden = text_layer(layer, hidden, mask, adapter)
        hidden = tower.final_layer_norm(hidden)
        return Prompt(self.net.text_projection(hidden), ids != 0), hidden

    def encode_geometry(
        self, image: ImageLevels, boxes: Tensor | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """Encode example boxes and the image: [B, k + 1, C], see ``geometry_tokens``.

        boxes: [B, k, 4] as cx cy w h in 0..1. labels: int64 [B, k].
        """
        count = len(image.position)
        coarse = image.levels[-1]
        boxes = coarse.new_zeros(count, 0, 4) if boxes is None else boxes.to(coarse)
        labels = boxes.new_zeros(boxes.shape[:2], dtype=torch.long) if labels is None else labels
        encoder = self.net.geometry_encoder
        rows = [
            geometry_tokens(encoder, coarse[i : i + 1], image.position[i : i + 1], boxes[i], labels[i])
            for i in range(count)
        ]
        return torch.cat(rows)

    def detect(
        self,
        image: ImageLevels,
        prompt: Prompt,
        adaptation: Adaptation | None = None,
        *,
        geometry: Tensor | None = None,
        one_to_many: bool = False,
    ) -> Sam3Output:
        """Find the instances of a prompt in its image, row by row.

        geometry: tokens of ``encode_geometry`` with boxes; by default the image's own token, if it is on.
        one_to_many: decode a copy of the queries besides, which do not attend to each other.
        """
        prompt = prompt.joined(image.global_token if geometry is None else geometry)
        tokens = self._fuse(image, prompt, adaptation)
        queries, layers = self._decode(image, tokens, prompt, adaptation, one_to_many)
        pixels = self._embed_pixels(image, tokens, prompt, adaptation)
        head: Any = self.net.mask_decoder
        embedder: Any = (adaptation.mask_embedder() if adaptation else None) or head.mask_embedder
        masks = torch.einsum("bqc,bchw->bqhw", embedder(queries), head.instance_projection(pixels))
        return Sam3Output(
            masks,
            head.semantic_projection(pixels),
            layers,
            queries,
            tokens,
            len(self.net.detr_decoder.query_embed.weight),
        )

    def _fuse(self, image: ImageLevels, prompt: Prompt, adaptation: Adaptation | None) -> Tensor:
        tokens, position = (x.flatten(2).transpose(1, 2) for x in (image.levels[-1], image.position))
        encoder: Any = self.net.detr_encoder
        mask = _prompt_mask(encoder.config, tokens, prompt)
        for index, layer in enumerate(encoder.layers):
            adapter = adaptation.encoder(index) if adaptation else None
            tokens = encoder_layer(layer, tokens, position, prompt.tokens, mask, adapter)
        return tokens

    def _decode(
        self,
        image: ImageLevels,
        tokens: Tensor,
        prompt: Prompt,
        adaptation: Adaptation | None,
        one_to_many: bool,
    ) -> tuple[Tensor, tuple[LayerOutput, ...]]:
        decoder: Any = self.net.detr_decoder
        rows = 2 if one_to_many else 1
        queries = decoder.query_embed.weight.repeat(rows, 1).expand(len(tokens), -1, -1)
        boxes = decoder.reference_points.weight.repeat(rows, 1).expand(len(tokens), -1, -1).sigmoid()
        presence = decoder.presence_token.weight.expand(len(tokens), -1, -1)
        hidden = torch.cat([presence, queries], 1)
        attending = 1 + len(decoder.query_embed.weight)
        token_position = image.position.flatten(2).transpose(1, 2)
        mask = _prompt_mask(decoder.config, hidden, prompt)
        height, width = image.levels[-1].shape[-2:]
        layers = []
        before = boxes
        for index, layer in enumerate(decoder.layers):
            position = decoder.ref_point_head(decoder.position_encoding.encode_boxes(boxes))
            bias = F.pad(decoder._get_rpb_matrix(boxes, (height, width)), (0, 0, 1, 0))
            hidden = decoder_layer(
                layer,
                hidden,
                position,
                tokens,
                token_position,
                bias,
                prompt.tokens,
                mask,
                adaptation.decoder(index) if adaptation else None,
                attending,
            )
            normed = decoder.output_layer_norm(hidden[:, 1:])
            offset = decoder.box_head(normed)
            # The answer of a layer also teaches the layer before it; the boxes that it attends with do not.
            answer = (inverse_sigmoid(before) + offset).sigmoid()
            before = (offset + inverse_sigmoid(boxes)).sigmoid()
            boxes = before.detach()
            layers.append(LayerOutput(self._logits(normed, prompt), answer, self._presence(hidden)))
        return normed, tuple(layers)

    def _logits(self, normed: Tensor, prompt: Prompt) -> Tensor:
        scored: Tensor = self.net.dot_product_scoring(
            decoder_hidden_states=normed[None], text_features=prompt.tokens, text_mask=prompt.mask
        )
        return scored[0, ..., 0]

    def _presence(self, hidden: Tensor) -> Tensor:
        decoder: Any = self.net.detr_decoder
        logits: Tensor = decoder.presence_head(decoder.presence_layer_norm(hidden[:, :1]))[..., 0]
        return logits.clamp(-decoder.clamp_presence_logit_max_val, decoder.clamp_presence_logit_max_val)

    def _embed_pixels(
        self, image: ImageLevels, tokens: Tensor, prompt: Prompt, adaptation: Adaptation | None
    ) -> Tensor:
        head: Any = self.net.mask_decoder
        normed = head.prompt_cross_attn_norm(tokens)
        read, _ = head.prompt_cross_attn(
            query=normed,
            key=prompt.tokens,
            value=prompt.tokens,
            attention_mask=_prompt_mask(head.config, normed, prompt),
        )
        tokens = tokens + head.prompt_cross_attn_dropout(read)
        height, width = image.levels[-1].shape[-2:]
        pixels = tokens.transpose(1, 2).reshape(len(tokens), -1, height, width)
        decoder = head.pixel_decoder
        for index, level in enumerate(reversed(image.levels[:-1])):
            adapter = adaptation.pixels(index) if adaptation else None
            joined = F.interpolate(pixels, size=level.shape[-2:], mode="nearest") + level
            if adapter is not None:
                joined = joined + adapter(joined)
            pixels = F.relu(decoder.norms[index](decoder.conv_layers[index](joined)))
        return pixels


def _prompt_mask(config: Any, queries: Tensor, prompt: Prompt) -> Tensor | None:
    """Build the attention mask of queries [B, N, C] on a prompt, as the upstream modules do."""
    mask: Tensor | None = create_bidirectional_mask(
        config=config, inputs_embeds=queries, attention_mask=prompt.mask, encoder_hidden_states=prompt.tokens
    )
    return mask
