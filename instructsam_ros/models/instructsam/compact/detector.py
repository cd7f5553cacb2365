"""The compact model's detector: SAM 3's modules with a pointer read-out around every layer.

Differs from Detector in three ways, each of which lets a small model learn from scratch or run at
camera rate on a CPU: boxes, masks and scores come from the pointer read-out (see pointer.py)
instead of learned reference boxes; pixel embeddings are computed once per image from the unconditioned
memory instead of once per phrase, and refined at twice the resolution; mask logits decrease outside
the predicted box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers.models.sam3.modeling_sam3 import box_cxcywh_to_xyxy

from instructsam_ros.models.instructsam.compact.mask_refiner import MaskRefiner
from instructsam_ros.models.instructsam.compact.pointer import (
    BoxPrior,
    CellPredictions,
    PointerReadout,
    Readout,
)
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import (
    AttendedFeatures,
    Detector,
    DetectorOutput,
    LayerState,
    Memory,
    Phrases,
    decoder_layer,
    image_rows,
)
from instructsam_ros.models.instructsam.features import ImageFeatures


@dataclass(frozen=True, kw_only=True)
class PointerFeatures(AttendedFeatures):
    """Instruction-independent detector features: memory [B, T, C] of the image alone, the predictions of
    its cells, and pixel embeddings: pixels [B, C, h, w] at stride 4, fine_pixels [B, F, 2h, 2w].
    """

    memory: Tensor
    values: CellPredictions
    pixels: Tensor
    fine_pixels: Tensor


@dataclass(frozen=True)
class PointerOutput:
    """memory: [n, T, C], conditioned on each row's phrase. readouts: of the decoder's input and of
    every layer; the last one is the result.
    """

    memory: Tensor
    readouts: tuple[Readout, ...]


class PointerDetector(Detector):
    """Detector whose queries point at memory cells of their objects."""

    def __init__(self, config: InstructSamConfig) -> None:
        super().__init__(config)
        # The read-out replaces these, and mask pixels are not conditioned on the phrase.
        del self.detr_decoder.box_head, self.detr_decoder.reference_points
        del self.mask_decoder.prompt_cross_attn, self.mask_decoder.prompt_cross_attn_norm
        self.channels = self.detr_decoder.config.hidden_size
        self.pointer = PointerReadout(
            self.channels, config.selection_score_gain, config.instance_decoding == "parallel"
        )
        self.falloff = BoxPrior()
        self.fine_masks = MaskRefiner(self.channels)
        self.mask_scale = nn.Parameter(torch.tensor(2.0))
        self.mask_bias = nn.Parameter(torch.tensor(-1.0))

    def forward(
        self, features: ImageFeatures, phrase_embeds: Tensor, phrase_mask: Tensor, queries: Tensor
    ) -> DetectorOutput:
        """Detect as Detector.forward: one image row that all phrases share, or one row per phrase."""
        images, index = features.fpn[-1].shape[0], image_rows(features, queries.shape[0])
        image = self.prepare(features)
        output = self.detect(image, index, Phrases(phrase_embeds, phrase_mask), queries)
        last = output.readouts[-1]
        rows = [slice(None)] if images == 1 else [slice(i, i + 1) for i in range(images)]
        logits = torch.cat(
            [
                self.fine_logits(last.mask_embeds[row], last.boxes[row], *pixels)
                for row, *pixels in zip(rows, image.pixels, image.fine_pixels, strict=True)
            ]
        )
        return DetectorOutput(
            mask_logits=logits,
            score_logits=last.score_logits,
            boxes=box_cxcywh_to_xyxy(last.boxes),
            layers=tuple(LayerState(readout.queries, readout.boxes) for readout in output.readouts),
        )

    def prepare(self, features: ImageFeatures) -> PointerFeatures:
        """Compute all that does not depend on an instruction; see Detector.prepare."""
        if isinstance(features, PointerFeatures):
            return features
        coarse = features.fpn[-1]
        memory = coarse.flatten(2).transpose(1, 2)
        decoder, (finest, *levels) = self.mask_decoder, features.fpn
        pixels = decoder.instance_projection(decoder.pixel_decoder(levels))
        return features.prepared(
            PointerFeatures,
            attended=self._attend(features),
            memory=memory,
            values=self.pointer.cell_predictions(memory, *coarse.shape[-2:]),
            pixels=pixels,
            fine_pixels=self.fine_masks.pixels(pixels, finest),
        )

    def detect(
        self, image: PointerFeatures, image_index: Tensor, phrases: Phrases, queries: Tensor
    ) -> PointerOutput:
        """Compute the read-outs of n rows on B images. image_index: int64 [n], the image of every row."""
        memory = self.condition(image, image_index, phrases)
        return PointerOutput(
            memory.tokens, self.point(queries, memory, image.values.rows(image_index), phrases)
        )

    def point(
        self, queries: Tensor, memory: Memory, values: CellPredictions, phrases: Phrases
    ) -> tuple[Readout, ...]:
        """Alternate read-outs and decoder layers; each layer attends around the last boxes."""
        decoder = self.detr_decoder
        positioned = memory.tokens + memory.position
        keys = self.pointer.keys(positioned)
        global_query = self.pointer.global_query(queries)
        readouts = [self._read(queries, positioned, keys, values, phrases, global_query)]
        for layer in decoder.layers:
            boxes = readouts[-1].boxes.detach().to(self.mask_scale.dtype)
            position = decoder.ref_point_head(decoder.position_encoding.encode_boxes(boxes))
            bias = decoder._get_rpb_matrix(boxes, memory.grid)
            hidden = decoder_layer(layer, readouts[-1].queries, position, memory, bias, phrases)
            readouts.append(self._read(hidden, positioned, keys, values, phrases, global_query))
        return tuple(readouts)

    def _read(
        self,
        queries: Tensor,
        memory: Tensor,
        keys: Tensor,
        values: CellPredictions,
        phrases: Phrases,
        global_query: Tensor,
    ) -> Readout:
        text_scores = self.scores(self.detr_decoder.output_layer_norm(queries), phrases).float()
        readout: Readout = self.pointer(queries, memory, keys, values, text_scores, global_query)
        return readout

    def mask_logits(self, mask_embeds: Tensor, boxes: Tensor, pixels: Tensor) -> Tensor:
        """Compute mask logits, float32 [..., h, w], of mask_embeds [..., C] and boxes [..., 4] on the pixels
        [C, h, w] of one image.
        """
        embedded = self.mask_decoder.mask_embedder(mask_embeds)
        similarity = (embedded @ pixels.flatten(1)).unflatten(-1, pixels.shape[-2:]).float()
        scaled = similarity * self.mask_scale / math.sqrt(self.channels) + self.mask_bias
        logits: Tensor = scaled + self.falloff(boxes, *pixels.shape[-2:])
        return logits

    def fine_logits(self, mask_embeds: Tensor, boxes: Tensor, pixels: Tensor, fine_pixels: Tensor) -> Tensor:
        """Compute mask logits at twice that resolution, float32 [..., 2h, 2w], by fine_pixels [F, 2h, 2w]."""
        coarse = self.mask_logits(mask_embeds, boxes, pixels)
        fine: Tensor = self.fine_masks.logits(coarse, mask_embeds, fine_pixels)
        return fine
