"""Phrase-conditioned instance detector: SAM 3's DETR encoder, decoder and mask decoder.

Differs from ``transformers.Sam3Model`` in what drives it: phrase embeddings instead of a text
tower, and mask queries from the language model instead of learned ones; there is no presence token
(InstructSAM, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import Sam3Config
from transformers.models.sam3.modeling_sam3 import (
    Sam3DetrDecoder,
    Sam3DetrEncoder,
    Sam3DotProductScoring,
    Sam3MaskDecoder,
    box_cxcywh_to_xyxy,
    inverse_sigmoid,
)

from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.features import ImageFeatures


@dataclass(frozen=True)
class Phrases:
    """Embedded phrases: embeds [n, T, C], mask bool [n, T] (True on tokens, False on padding)."""

    embeds: Tensor
    mask: Tensor

    @property
    def key_mask(self) -> Tensor:
        """Mask in the shape of attention: bool [n, 1, 1, T]."""
        return self.mask[:, None, None, :]


@dataclass(frozen=True)
class Memory:
    """Image tokens conditioned on a phrase: tokens [n, h*w, C], position [n or 1, h*w, C], grid (h, w)."""

    tokens: Tensor
    position: Tensor
    grid: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class AttendedFeatures(ImageFeatures):
    """Features and what a detector computes of them before it reads any phrase.

    attended: [B, h*w, C], the coarsest level behind the first layer's self-attention.
    """

    attended: Tensor


@dataclass(frozen=True)
class LayerState:
    """Output of one decoder layer: queries [n, Q, C] (normed), boxes [n, Q, 4] as cx cy w h in 0..1."""

    queries: Tensor
    boxes: Tensor


@dataclass(frozen=True)
class DetectorOutput:
    """One row per phrase, one slot per query.

    mask_logits: [n, Q, h, w]. score_logits: [n, Q]. boxes: [n, Q, 4] x0 y0 x1 y1 in 0..1.
    layers: state after each decoder layer, the last of which made the other fields.
    """

    mask_logits: Tensor
    score_logits: Tensor
    boxes: Tensor
    layers: tuple[LayerState, ...]


class Detector(nn.Module):
    """Masks, scores and boxes of the instances of a phrase.

    Submodules carry the names of the released checkpoint. What that checkpoint stores and this
    computation never uses is not built: see ``unused_tensors`` in checkpoint.py.
    """

    def __init__(self, config: InstructSamConfig) -> None:
        super().__init__()
        sam = sam3_config(config)
        self.detr_encoder = Sam3DetrEncoder(sam.detr_encoder_config)
        self.detr_decoder = Sam3DetrDecoder(sam.detr_decoder_config)
        for name in ("presence_token", "presence_head", "presence_layer_norm", "query_embed"):
            delattr(self.detr_decoder, name)
        self.mask_decoder = Sam3MaskDecoder(sam.mask_decoder_config)
        del self.mask_decoder.semantic_projection
        pixel_decoder, stages = self.mask_decoder.pixel_decoder, fpn_levels(sam) - 1
        pixel_decoder.conv_layers = pixel_decoder.conv_layers[:stages]
        pixel_decoder.norms = pixel_decoder.norms[:stages]
        self.dot_product_scoring = Sam3DotProductScoring(sam)

    def forward(
        self, features: ImageFeatures, phrase_embeds: Tensor, phrase_mask: Tensor, queries: Tensor
    ) -> DetectorOutput:
        """Segment n phrases with Q queries each.

        features: one row that all phrases share, or n rows; ``prepare`` saves work where they serve
        several calls. phrase_embeds: [n, T, C]. phrase_mask: bool [n, T]. queries: [n, Q, C].
        """
        phrases, image = Phrases(phrase_embeds, phrase_mask), self.prepare(features)
        memory = self.condition(image, image_rows(image, queries.shape[0]), phrases)
        layers = self.decode(queries, memory, phrases)
        pixels = self.embed_pixels(image, memory, phrases)
        return DetectorOutput(
            mask_logits=self.masks(layers[-1], pixels),
            score_logits=self.scores(layers[-1].queries, phrases),
            boxes=box_cxcywh_to_xyxy(layers[-1].boxes),
            layers=layers,
        )

    def prepare(self, features: ImageFeatures) -> AttendedFeatures:
        """The part of the work that no instruction changes; features that are prepared stay as they are."""
        if isinstance(features, AttendedFeatures):
            return features
        return features.prepared(AttendedFeatures, attended=self._attend(features))

    def _attend(self, features: ImageFeatures) -> Tensor:
        first = self.detr_encoder.layers[0]
        tokens = features.fpn[-1].flatten(2).transpose(1, 2)
        normed = first.layer_norm1(tokens)
        placed = normed + _position(features)
        attended, _ = first.self_attn(query=placed, key=placed, value=normed)
        result: Tensor = tokens + first.dropout(attended)
        return result

    def condition(self, image: AttendedFeatures, image_index: Tensor, phrases: Phrases) -> Memory:
        """Let the coarsest pyramid level attend to the phrase of each of n rows and again to itself.

        image_index: int64 [n], the image of every row.
        """
        position, tokens = _position(image), image.attended[image_index]
        first, *others = self.detr_encoder.layers
        read, _ = first.cross_attn(
            query=first.layer_norm2(tokens),
            key=phrases.embeds,
            value=phrases.embeds,
            attention_mask=phrases.key_mask,
        )
        tokens = tokens + first.dropout(read)
        tokens = tokens + first.dropout(first.mlp(first.layer_norm3(tokens)))
        for layer in others:
            tokens = layer(tokens, phrases.embeds, position, prompt_cross_attn_mask=phrases.key_mask)
        height, width = image.fpn[-1].shape[-2:]
        return Memory(tokens, position, (height, width))

    def decode(self, queries: Tensor, memory: Memory, phrases: Phrases) -> tuple[LayerState, ...]:
        """Refine queries and boxes layer by layer, from the learned reference boxes on."""
        decoder = self.detr_decoder
        boxes = decoder.reference_points.weight.sigmoid().expand(queries.shape[0], -1, -1)
        hidden, states = queries, []
        for layer in decoder.layers:
            position = decoder.ref_point_head(decoder.position_encoding.encode_boxes(boxes))
            bias = decoder._get_rpb_matrix(boxes, memory.grid)
            hidden = decoder_layer(layer, hidden, position, memory, bias, phrases)
            normed = decoder.output_layer_norm(hidden)
            refined = (inverse_sigmoid(boxes) + decoder.box_head(normed)).sigmoid()
            states.append(LayerState(normed, refined))
            boxes = refined.detach()
        return tuple(states)

    def scores(self, queries: Tensor, phrases: Phrases) -> Tensor:
        """Logits [n, Q] of "this query holds an instance of the phrase"; queries: [n, Q, C], normed."""
        scored: Tensor = self.dot_product_scoring(
            decoder_hidden_states=queries[None], text_features=phrases.embeds, text_mask=phrases.mask
        )
        return scored[0, ..., 0]

    def embed_pixels(self, features: ImageFeatures, memory: Memory, phrases: Phrases) -> Tensor:
        """Features [n, C, h, w] of every pixel of the finest pyramid level."""
        decoder = self.mask_decoder
        attended, _ = decoder.prompt_cross_attn(
            query=decoder.prompt_cross_attn_norm(memory.tokens),
            key=phrases.embeds,
            value=phrases.embeds,
            attention_mask=phrases.key_mask,
        )
        tokens = memory.tokens + decoder.prompt_cross_attn_dropout(attended)
        coarse = tokens.transpose(1, 2).unflatten(2, memory.grid)
        # Finer levels stay at one row per image; adding them broadcasts.
        pixels: Tensor = decoder.pixel_decoder([*features.fpn[:-1], coarse])
        return pixels

    def masks(self, state: LayerState, pixels: Tensor) -> Tensor:
        """Mask logits [n, Q, h, w]: how well each pixel matches each query."""
        embedded = self.mask_decoder.mask_embedder(state.queries)
        # Upstream projects every pixel and then compares; projecting the few queries back is the same.
        projection = self.mask_decoder.instance_projection
        kernels, offsets = embedded @ projection.weight[..., 0, 0], embedded @ projection.bias
        logits: Tensor = torch.einsum("nqc,nchw->nqhw", kernels, pixels) + offsets[..., None, None]
        return logits


def _position(features: ImageFeatures) -> Tensor:
    """[1, h*w, C]; it is the same for every image."""
    return features.fpn_position[:1].flatten(2).transpose(1, 2)


def image_rows(features: ImageFeatures, count: int) -> Tensor:
    """Which image each of ``count`` rows is about, int64 [count]: all the only one, or one each."""
    device = features.fpn[-1].device
    if features.fpn[-1].shape[0] == 1:
        return torch.zeros(count, dtype=torch.int64, device=device)
    return torch.arange(count, device=device)


def decoder_layer(
    layer: nn.Module, hidden: Tensor, position: Tensor, memory: Memory, bias: Tensor, phrases: Phrases
) -> Tensor:
    """One upstream decoder layer without its presence token."""

    def attend(name: str, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        attended, _ = getattr(layer, name)(query=query, key=key, value=value, attention_mask=mask)
        norm, dropout = getattr(layer, f"{name}_layer_norm"), getattr(layer, f"{name}_dropout")
        result: Tensor = norm(hidden + dropout(attended))
        return result

    hidden = attend("self_attn", hidden + position, hidden + position, hidden, None)
    hidden = attend("text_cross_attn", hidden + position, phrases.embeds, phrases.embeds, phrases.key_mask)
    hidden = attend(
        "vision_cross_attn", hidden + position, memory.tokens + memory.position, memory.tokens, bias
    )
    result: Tensor = layer.mlp_layer_norm(hidden + layer.mlp_dropout(layer.mlp(hidden)))  # type: ignore[operator]
    return result


def sam3_config(config: InstructSamConfig) -> Sam3Config:
    """The upstream configuration of the segmentation parts."""
    sam = Sam3Config(**config.sam)
    sam.detr_decoder_config.num_queries = config.num_queries
    parts = (
        sam,
        sam.vision_config,
        sam.vision_config.backbone_config,
        sam.detr_encoder_config,
        sam.detr_decoder_config,
        sam.mask_decoder_config,
    )
    for part in parts:
        part._attn_implementation = "sdpa"
    return sam


def fpn_levels(sam: Sam3Config) -> int:
    """Pyramid levels in use; SAM 3 stores one coarser level that nothing reads."""
    return len(sam.vision_config.scale_factors) - 1
