"""Reference implementation of the released inference procedure, stage by stage, a baseline for benchmarks.

For every instruction: the language model's image tower, the whole prompt, one token per pass, then the SAM 3
encoder; phrases padded to 32 tokens; the modules of transformers unchanged, including outputs that no later
stage reads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.models.sam3.modeling_sam3 import box_cxcywh_to_xyxy

from benchmarks.stopwatch import Stopwatch
from instructsam_ros.models.instructsam.detector import DetectorOutput, Memory, Phrases
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.generation import Generation
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import MAX_PHRASE_TOKENS, pad_phrases


@dataclass(frozen=True)
class ReferenceProcedure:
    """model: without CPU optimizations. prompt: features -> prompt ids. choose: selects the next token id."""

    model: InstructSam
    prompt: Callable[[ImageFeatures], list[int]]
    choose: Callable[[int, Tensor], int]

    def __call__(self, rgb: NDArray[np.uint8], watch: Stopwatch) -> tuple[Generation, DetectorOutput]:
        """Generate the answer and segment one image, uint8 [H, W, 3], without reusing any state."""
        encoder, weights = self.model.image_encoder, self.model.mask_queries
        inputs = encoder.preprocess(rgb).to(weights.device, weights.dtype)
        with watch("image tower"):
            vision = encoder.vision_tower(inputs.patches, grid_thw=inputs.patch_grid)
            merge = encoder.vision_tower.config.spatial_merge_size
            grid = tuple(int(side) // merge for side in inputs.patch_grid[0, 1:])
            tokens = vision.pooler_output[None]
            features = ImageFeatures(tokens, grid, tuple(vision.deepstack_features), (), tokens)
        ids = self.prompt(features)
        with watch("prompt"):
            prefix = self.model.prefix(features, ids)
            prefix.state()
        with watch("answer"):
            answer = self.model.answer(features, ids, prefix=prefix, choose=self.choose)
        with watch("SAM 3 encoder"):
            pyramid = encoder.pixel_tower(inputs.pixels)
        features = dataclasses.replace(
            features, fpn=pyramid.fpn_hidden_states, fpn_position=pyramid.fpn_position_encoding[-1]
        )
        with watch("detector"):
            return answer, self._detect(features, answer)

    def _detect(self, features: ImageFeatures, answer: Generation) -> DetectorOutput:
        model, detector = self.model, self.model.detector
        phrase_ids, queries = model.answered_phrases(answer)
        count = len(phrase_ids)
        ids, mask = pad_phrases(phrase_ids, queries.device, MAX_PHRASE_TOKENS)
        phrases = Phrases(model.text_hidden_fcs(model.language.embed(ids)), mask)
        coarse = features.fpn[-1].expand(count, -1, -1, -1)
        encoded = detector.detr_encoder(
            vision_features=[coarse],
            text_features=phrases.embeds,
            vision_pos_embeds=[features.fpn_position.expand(count, -1, -1, -1)],
            text_mask=phrases.mask,
        )
        height, width = coarse.shape[-2:]
        memory = Memory(encoded.last_hidden_state, encoded.pos_embeds_flattened, (height, width))
        layers = detector.decode(model.mask_hidden_fcs(queries), memory, phrases)
        pixels = detector.mask_decoder.instance_projection(detector.embed_pixels(features, memory, phrases))
        embedded = detector.mask_decoder.mask_embedder(layers[-1].queries)
        return DetectorOutput(
            mask_logits=torch.einsum("nqc,nchw->nqhw", embedded, pixels),
            score_logits=torch.stack([detector.scores(layer.queries, phrases) for layer in layers])[-1],
            boxes=box_cxcywh_to_xyxy(layers[-1].boxes),
            layers=layers,
        )
