"""InstructSAM: an image encoder, a language model that writes mask queries, and a detector.

A multimodal language model answers an instruction with phrases; after each phrase it reads a bank
of learned mask queries, whose hidden states a phrase-conditioned detector turns into one mask per
instance (InstructSAM, section 3). One class serves every configuration; the parts are exchangeable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageFeatures, ImageInputs
from instructsam_ros.models.instructsam.generation import Choose, Generation, Prefix, QueryDecoder
from instructsam_ros.models.instructsam.language import LanguageModel, training_mask
from instructsam_ros.models.instructsam.processing import (
    MAX_PHRASE_TOKENS,
    embedded_ids,
    pad_phrases,
    phrase_spans,
)
from instructsam_ros.segmenter import Cancel

_HERE = "instructsam_ros.models.instructsam"
# Name in the configuration -> class built from that configuration; imported only when chosen.
IMAGE_ENCODERS = {
    "two_tower": f"{_HERE}.two_tower_encoder:TwoTowerEncoder",
    "pyramid": f"{_HERE}.compact.image_encoder:PyramidEncoder",
}
DETECTORS = {
    "sam3": f"{_HERE}.detector:Detector",
    "pointer": f"{_HERE}.compact.detector:PointerDetector",
}


@dataclass(frozen=True)
class TrainingOutput:
    """logits [B, L, vocabulary]; detections: one DetectorOutput per sample, None without phrases."""

    logits: Tensor
    detections: tuple[DetectorOutput | None, ...]


class InstructSam(nn.Module):
    """The whole model; stateless, so several threads may share one instance for inference."""

    def __init__(self, config: InstructSamConfig) -> None:
        super().__init__()
        self.config = config
        self.image_encoder = _build_part(IMAGE_ENCODERS, config.image_encoder, config)
        self.language = LanguageModel(config.language)
        self.detector = _build_part(DETECTORS, config.detector, config)
        width = config.hidden_size
        self.mask_queries = nn.Parameter(torch.zeros(config.num_queries, width))
        self.text_hidden_fcs = _projection(width, config.out_dim)
        self.mask_hidden_fcs = _projection(width, config.out_dim)

    @property
    def decoder(self) -> QueryDecoder:
        """Decoder with this model's weights."""
        return QueryDecoder(self.language, self.mask_queries, self.config.tokens, self.config.mode)

    def encode_image(self, inputs: ImageInputs) -> ImageFeatures:
        """Compute all that depends on the image alone, except the prefix."""
        return self.start_image(inputs).joined()

    def start_image(self, inputs: ImageInputs) -> ImageFeatures:
        """As ``encode_image``, but on a GPU the pyramid may still be on its way: a ``prefix`` can be
        made and read meanwhile, everything else takes features that are ``joined``.
        """
        features: ImageFeatures = self.image_encoder(inputs)
        return features

    def prefix(self, features: ImageFeatures, ids: Sequence[int]) -> Prefix:
        """Embed the beginning of a prompt, image included, for all instructions on that image."""
        return self.decoder.prefix(ids, features)

    def generate(
        self,
        features: ImageFeatures,
        prompt_ids: Sequence[int],
        *,
        prefix: Prefix | None = None,
        previous_ids: Sequence[int] = (),
        cancel: Cancel | None = None,
        choose: Choose | None = None,
    ) -> Generation:
        """Generate from a prompt about one image.

        prefix: from ``prefix`` for the same image, to avoid recomputation. previous_ids: see
        QueryDecoder.generate. Raises CancelledError when ``cancel`` returns True, InvalidInputError
        for a prompt that does not begin with ``prefix``.
        """
        prefix = prefix or self.prefix(features, prompt_ids)
        if tuple(prompt_ids[: len(prefix.ids)]) != prefix.ids:
            raise InvalidInputError("the prompt does not begin with the given prefix")
        rest = prompt_ids[len(prefix.ids) :]
        limit = self.config.max_new_tokens
        return self.decoder.generate(prefix, rest, limit, previous_ids, cancel, choose)

    def generated_phrases(self, generation: Generation) -> tuple[list[tuple[int, ...]], Tensor]:
        """Return the phrases of a generation (markers included) and their query states [n, Q, D], in order.

        A block whose phrase was never opened, or has nothing to embed, is left out.
        """
        spans = phrase_spans(generation.ids, self.config.tokens)
        markers = self.config.mode.phrase_markers
        phrases, kept = [], []
        for row, end in enumerate(generation.blocks):
            if end in spans:
                phrase = generation.ids[slice(*spans[end])]
                if embedded_ids(phrase, markers):
                    phrases.append(phrase)
                    kept.append(row)
        return phrases, generation.queries[kept]

    def segment_phrases(
        self, features: ImageFeatures, phrases: Sequence[Sequence[int]], queries: Tensor
    ) -> DetectorOutput:
        """Segment n >= 1 phrases on one image. phrases: token ids as returned by ``generated_phrases``;
        queries: their states [n, Q, D].
        """
        markers = self.config.mode.phrase_markers
        embeds, mask = self.embed_phrases([embedded_ids(phrase, markers) for phrase in phrases])
        output: DetectorOutput = self.detector(features, embeds, mask, self.mask_hidden_fcs(queries))
        return output

    def embed_phrases(self, phrases: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Phrase embeddings [n, T, out_dim] and mask bool [n, T] of the tokens to embed."""
        ids, mask = pad_phrases(phrases, self.mask_queries.device)
        return self.project_phrases(ids), mask

    def project_phrases(self, ids: Tensor) -> Tensor:
        """Project token ids [...] of phrases to embeddings [..., out_dim], or zeros without conditioning."""
        embeds: Tensor = self.text_hidden_fcs(self.language.embed(ids))
        return embeds if self.config.mode.phrase_conditioning else torch.zeros_like(embeds)

    def forward_training(
        self,
        ids: Tensor,
        valid: Tensor,
        positions: Tensor,
        features: Sequence[ImageFeatures],
        phrase_ids: Sequence[Sequence[int]],
    ) -> TrainingOutput:
        """Teacher forcing over whole dialogues, each about one image.

        ids: int64 [B, L] with Q ``seg`` tokens per phrase. valid: bool [B, L], False on padding.
        positions: int64 [3, B, L]. features: one per sample, of one image each. phrase_ids: per sample,
        ``ref_start phrase ref_start phrase ...``, empty if it has no phrase.
        """
        query, visual = ids == self.config.tokens.seg, ids == self.config.tokens.image
        embeds = self.language.embed(ids)
        tokens = torch.cat([image.tokens.flatten(0, 1) for image in features])
        embeds = embeds.masked_scatter(visual[..., None], tokens.to(embeds.dtype))
        blocks = int(query.sum()) // self.config.num_queries
        embeds = embeds.masked_scatter(query[..., None], self.mask_queries.repeat(blocks, 1))
        deepstack = [torch.cat(levels) for levels in zip(*(f.deepstack for f in features), strict=True)]
        mask = training_mask(valid, query, self.config.mode.hybrid_attention)
        hidden = self.language(embeds, positions, mask, visual_mask=visual, deepstack=deepstack)
        states = [
            h[q].unflatten(0, (-1, self.config.num_queries)) for h, q in zip(hidden, query, strict=True)
        ]
        detections = (
            self.detector(image, *self._embed_joined(sample), self.mask_hidden_fcs(state)) if sample else None
            for image, sample, state in zip(features, phrase_ids, states, strict=True)
        )
        return TrainingOutput(self.language.logits(hidden), tuple(detections))

    def _embed_joined(self, ids: Sequence[int]) -> tuple[Tensor, Tensor]:
        """As ``embed_phrases``, for the phrases of one training sample, which each follow a marker."""
        joined = torch.tensor(ids, device=self.mask_queries.device)
        starts = (joined == self.config.tokens.ref_start).nonzero().flatten().tolist()
        embedded = self.project_phrases(joined)
        rows = [part[1 : 1 + MAX_PHRASE_TOKENS] for part in embedded.tensor_split(starts)[1:]]
        length = max(map(len, rows))
        embeds = torch.stack([F.pad(row, (0, 0, 0, length - len(row))) for row in rows])
        sizes = torch.tensor([len(row) for row in rows], device=joined.device)
        return embeds, torch.arange(length, device=joined.device) < sizes[:, None]


def _build_part(table: dict[str, str], name: str, config: InstructSamConfig) -> Any:
    module, _, cls = table[name].partition(":")
    return getattr(import_module(module), cls)(config)


def _projection(width: int, out_dim: int) -> nn.Sequential:
    # The released checkpoint names these layers "0.0" and "0.2": an MLP in a list of one.
    layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out_dim))
    return nn.Sequential(layers)
