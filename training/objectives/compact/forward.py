"""Teacher-forced forward pass of the compact model: B images, K instructions each.

The image prefix runs through the language model once per image; its keys and values are shared by
the instructions on that image. This changes cost, not results: text never feeds back into the
image tokens, because attention is causal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from instructsam_ros.models.instructsam.compact.detector import PointerDetector, PointerFeatures
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidInputs, normalize
from instructsam_ros.models.instructsam.compact.pointer import Readout
from instructsam_ros.models.instructsam.detector import Phrases
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.language import grid_positions, training_mask
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.training.collate import IGNORE, TokenRows
from instructsam_ros.training.objectives.compact.batches import SceneBatch

GROUNDING_LAYER = 1
"""Language layer whose states at nouns are trained to be grounded in their objects; early, so that all later
layers can use it.
"""

ABSENCE_LAYER = 2
"""Language layer, the next one, whose states at nouns classify whether their object is absent; the last one
of a smaller model.
"""


@dataclass(frozen=True)
class SceneOutput:
    """image: detector features of every image. The rest is per row (image_index: int64 [R]) and
    empty for an image-only pass. token_logits: [labels, V] and token_labels: [labels]. word_states:
    [mentions, D], of GROUNDING_LAYER at the nouns of batch.mentions; absence_states: [mentions, D], of
    ABSENCE_LAYER there. query_states: [R, Q, D], of the last layer at the queries; of
    SegTokenSam [R, 1, D], where it decides whether there is an instance.
    """

    detector: PointerDetector
    image: PointerFeatures
    image_index: Tensor
    token_logits: Tensor
    token_labels: Tensor
    word_states: Tensor
    absence_states: Tensor
    query_states: Tensor
    phrase_memory: Tensor
    readouts: tuple[Readout, ...]

    def mask_logits(self, mask_embeds: Tensor, boxes: Tensor, images: Tensor) -> Tensor:
        """Logits at stride 4, [n, h, w], of n embeddings; ``images`` [n] must be sorted."""
        return torch.cat(
            [
                self.detector.mask_logits(mask_embeds[images == i], boxes[images == i], pixels)
                for i, pixels in enumerate(self.image.pixels)
            ]
        )

    def fine_logits(self, mask_embeds: Tensor, boxes: Tensor, images: Tensor) -> Tensor:
        """As ``mask_logits``, at stride 2."""
        return torch.cat(
            [
                self.detector.fine_logits(mask_embeds[images == i], boxes[images == i], *pixels)
                for i, pixels in enumerate(zip(self.image.pixels, self.image.fine_pixels, strict=True))
            ]
        )


def forward_images(model: InstructSam, batch: SceneBatch) -> SceneOutput:
    """Image side only: what the dense losses need."""
    detector, image = _image_side(model, batch)
    none = torch.empty(0, device=image.memory.device)
    return SceneOutput(detector, image, none, none, none, none, none, none, none, ())


def forward_scene(model: InstructSam, batch: SceneBatch) -> SceneOutput:
    """Image and instruction side."""
    output, hidden = forward_language(model, batch)
    states = hidden[batch.rows.queries].view(len(batch.rows.ids), model.config.num_queries, -1)
    found = output.detector.detect(
        output.image, output.image_index, phrases_of(model, batch.rows), model.mask_hidden_fcs(states)
    )
    return replace(output, query_states=states, phrase_memory=found.memory, readouts=found.readouts)


def phrases_of(model: InstructSam, rows: TokenRows) -> Phrases:
    """The phrase of every row, as the detector reads it."""
    return Phrases(model.project_phrases(rows.phrase_ids), rows.phrase_valid)


def forward_language(model: InstructSam, batch: SceneBatch) -> tuple[SceneOutput, Tensor]:
    """Images and language model: an output without what the detector finds, and the states [R, L, D]."""
    output = forward_images(model, batch)
    rows, images = batch.rows, len(batch.images)
    image_index = torch.arange(images, device=rows.ids.device).repeat_interleave(len(rows.ids) // images)
    layers, words = model.language.model.layers, (batch.mentions.row, batch.mentions.token)
    with captured(layers[GROUNDING_LAYER]) as early, captured(layers[: ABSENCE_LAYER + 1][-1]) as later:
        hidden = language_states(model, output.image, rows)
    labelled = rows.labels != IGNORE
    read = replace(
        output,
        image_index=image_index,
        token_logits=model.language.logits(hidden[labelled]),
        token_labels=rows.labels[labelled],
        word_states=early[-1][words],
        absence_states=later[-1][words],
    )
    return read, hidden


@contextmanager
def captured(layer: nn.Module) -> Iterator[list[Tensor]]:
    """The outputs of ``layer``, call by call, while the context lasts."""
    outputs: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _, __, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()


def _image_side(model: InstructSam, batch: SceneBatch) -> tuple[PointerDetector, PointerFeatures]:
    """Encode the images of a batch. Raises TypeError for a model without a pointer detector."""
    detector = model.detector
    if not isinstance(detector, PointerDetector):
        raise TypeError("training on scenes needs a model configured with detector: pointer")
    # Channels first: PyTorch's 3x3 convolutions in float32 go back through channels last three times slower.
    pixels = normalize(batch.images).contiguous()
    return detector, detector.prepare(model.image_encoder(PyramidInputs(pixels)))


def language_states(model: InstructSam, features: ImageFeatures, rows: TokenRows) -> Tensor:
    """Final hidden states [R, L, D] of the rows after their image prefixes."""
    tokens, language = model.config.tokens, model.language
    images, count, _ = features.tokens.shape
    device = features.tokens.device
    prefix_ids = torch.tensor(
        [tokens.vision_start, *[tokens.image] * count, tokens.vision_end], device=device
    )
    marks = language.embed(prefix_ids[[0, -1]]).expand(images, -1, -1)
    embeds = torch.cat([marks[:, :1], features.tokens.to(marks.dtype), marks[:, 1:]], 1)
    positions = grid_positions(prefix_ids, tokens.image, features.grid)
    cache = language.new_cache()
    language(embeds, positions[:, None].expand(-1, images, -1), cache=cache)
    repeats = len(rows.ids) // images
    cache.batch_repeat_interleave(repeats)

    text = language.embed(rows.ids)
    slot = (rows.queries.long().cumsum(1) - 1).clamp(0, len(model.mask_queries) - 1)
    text = torch.where(rows.queries[..., None], model.mask_queries[slot].to(text.dtype), text)
    own = training_mask(rows.valid, rows.queries, model.config.mode.hybrid_attention)
    mask = torch.cat([own.new_ones(*own.shape[:3], len(prefix_ids)), own], -1)
    first = int(positions.max()) + 1
    follow = torch.arange(first, first + rows.ids.shape[1], device=device).expand(len(rows.ids), -1)
    hidden: Tensor = language(text, follow, mask=mask, cache=cache)
    return hidden
