"""Dialogues about annotated pictures, as batches of the InstructSAM objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from instructsam_ros.errors import ConfigError, InvalidInputError
from instructsam_ros.models.instructsam.language import grid_positions
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import MAX_PHRASE_TOKENS, PromptTokenizer
from instructsam_ros.models.instructsam.two_tower_encoder import (
    TwoTowerEncoder,
    TwoTowerInputs,
    square_pixels,
    vision_patches,
)
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.mixture import Mixture
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.objectives.instructsam.losses import IGNORE, SampleTruth, training_labels
from instructsam_ros.training.sampler import LengthGroups


@dataclass(frozen=True)
class DialogueBatch:
    """B dialogues of an instruction and its answer, each about one image.

    ids: int64 [B, L]. valid: bool [B, L]. labels: int64 [B, L]. phrase_ids: see
    InstructSam.forward_training. seed: of the points that mask losses are sampled at, and of dropout.
    records: names of the samples, for messages. skipped: lines on samples that could not be read, whose
    places others took.
    """

    images: tuple[TwoTowerInputs, ...]
    ids: Tensor
    valid: Tensor
    positions: Tensor
    labels: Tensor
    phrase_ids: tuple[tuple[int, ...], ...]
    truths: tuple[SampleTruth, ...]
    seed: int
    records: tuple[str, ...]
    skipped: tuple[str, ...]

    def to(self, device: torch.device) -> DialogueBatch:
        """A copy with every tensor on ``device``."""
        images = tuple(
            TwoTowerInputs(i.patches.to(device), i.patch_grid.to(device), i.pixels.to(device))
            for i in self.images
        )
        truths = tuple(
            SampleTruth(t.masks.to(device), t.phrase_masks, t.boxes_only, t.counts) for t in self.truths
        )
        moved = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return DialogueBatch(**(vars(self) | moved | {"images": images, "truths": truths}))


class DialogueBatches(Dataset[DialogueBatch]):
    """Index = training step, times the number of processes that share each step; a pure function of
    (seed, index).

    A sample whose image or masks cannot be read is reported, and the next position of the mixture takes its
    place. Raises InvalidInputError where there are too many such samples, see BrokenRecords.
    """

    def __init__(
        self,
        samples: Mixture[Sample],
        prompts: PromptTokenizer,
        tokenizer: Tokenizer,
        model: InstructSam,
        size: int,
        seed: int,
        *,
        group_by_length: bool = False,
        empty_samples: bool = True,
    ) -> None:
        """size: samples of a batch. group_by_length: see LengthGroups; the image does not count.
        empty_samples: see LossSettings. Raises ConfigError for a model without two image towers.
        """
        encoder = model.image_encoder
        if not isinstance(encoder, TwoTowerEncoder):
            raise ConfigError("objective instructsam needs a model with image_encoder: two_tower")
        vision = encoder.vision_tower.config
        self.merge = vision.spatial_merge_size
        self.patching = vision.patch_size, self.merge, vision.temporal_patch_size, *encoder.pixel_limits
        self.side = encoder.pixel_tower.config.backbone_config.image_size
        self.samples, self.prompts, self.tokenizer, self.size, self.seed = (
            samples,
            prompts,
            tokenizer,
            size,
            seed,
        )
        self.tokens, self.num_queries = model.config.tokens, model.config.num_queries
        self.padding = int(model.config.language.get("pad_token_id") or 0)
        self.groups = LengthGroups(self._length, size, seed) if group_by_length else None
        self.empty_samples = empty_samples
        self.broken = BrokenRecords()

    def __getitem__(self, index: int) -> DialogueBatch:
        skipped: list[str] = []
        chosen = [self._readable_row(position, skipped) for position in self._positions(index)]
        records, rows = zip(*chosen, strict=True)
        images, ids, positions, labels, phrase_ids, truths = zip(*rows, strict=True)
        lengths = torch.tensor([len(row) for row in ids])
        padded = pad_sequence(list(ids), batch_first=True, padding_value=self.padding)
        return DialogueBatch(
            images=images,
            ids=padded,
            valid=torch.arange(padded.shape[1])[None] < lengths[:, None],
            positions=pad_sequence([p.T for p in positions], batch_first=True).permute(2, 0, 1),
            labels=training_labels(
                pad_sequence(list(labels), batch_first=True, padding_value=IGNORE), padded == self.tokens.seg
            ),
            phrase_ids=phrase_ids,
            truths=truths,
            seed=int(np.random.default_rng((self.seed, index)).integers(1 << 31)),
            records=records,
            skipped=tuple(skipped),
        )

    def _positions(self, index: int) -> Sequence[int]:
        """Positions of the mixture that batch ``index`` takes."""
        if self.groups:
            return self.groups(index)
        return range(index * self.size, (index + 1) * self.size)

    def _readable_row(self, position: int, skipped: list[str]) -> tuple[str, tuple[Any, ...]]:
        """Name and row of the sample at a position, or of the next one that can be read."""
        while True:
            sample = self.samples[position]
            name = f"{sample.source} {sample.record or sample.image}".strip()
            try:
                row = self._row(sample)
            except InvalidInputError as error:
                skipped.append(f"{name}: {error}")
                self.broken.add(sample.source, sample.record or sample.image, error)
                position += 1
            else:
                self.broken.usable += 1
                return name, row

    def _length(self, position: int) -> int:
        """Tokens of the instruction and the answer at a position, without reading its image."""
        sample = self.samples[position]
        words = [sample.instruction, *(phrase.text for phrase in sample.phrases)]
        counts = [len(self.tokenizer.encode(text, add_special_tokens=False).ids) for text in words]
        return sum(counts) + len(sample.phrases) * (self.num_queries + 4)

    def _row(self, sample: Sample) -> tuple[Any, ...]:
        rgb, tokens = sample.read(), self.tokens
        patches, grid = vision_patches(rgb, *self.patching)
        rows, columns = (int(side) // self.merge for side in grid[0, 1:])
        answer, phrase_ids = self._answer([phrase.text for phrase in sample.phrases])
        masks: list[Tensor] = []
        phrase_masks = []
        for phrase in sample.phrases:
            instances = phrase.masks()
            phrase_masks.append(tuple(range(len(masks), len(masks) + len(instances))))
            masks += torch.from_numpy(instances).float().unbind()
        prompt = [
            *self.prompts.image_ids(rows * columns),
            *self.prompts.instruction_ids(sample.instruction),
        ]
        ids = torch.tensor([*prompt, *answer])
        labels = torch.tensor([*[IGNORE] * len(prompt), *answer])
        truth = SampleTruth(
            torch.stack(masks) if masks else torch.zeros(0, *rgb.shape[:2]),
            phrase_masks,
            sample.boxes_only,
            counts=bool(masks) or self.empty_samples,
        )
        positions = grid_positions(ids, tokens.image, (rows, columns))
        inputs = TwoTowerInputs(patches, grid, square_pixels(rgb, self.side))
        return inputs, ids, positions, labels, tuple(phrase_ids), truth

    def _answer(self, phrases: Sequence[str]) -> tuple[list[int], list[int]]:
        """Token ids of the answer, and of its phrases as InstructSam.forward_training takes them."""
        tokens = self.tokens
        answer: list[int] = []
        phrase_ids: list[int] = []
        for phrase in phrases:
            words = self.tokenizer.encode(phrase, add_special_tokens=False).ids[:MAX_PHRASE_TOKENS]
            block = [tokens.mask_start, *[tokens.seg] * self.num_queries, tokens.mask_end]
            answer += [tokens.ref_start, *words, tokens.ref_end, *block]
            phrase_ids += [tokens.ref_start, *words]
        return [*answer, tokens.eos[0]], phrase_ids
