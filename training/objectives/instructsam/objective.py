"""The whole InstructSAM objective on annotated images, as an objective of the trainer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.language import grid_positions
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import MAX_PHRASE_TOKENS, PromptTokenizer
from instructsam_ros.models.instructsam.two_tower_encoder import (
    TwoTowerEncoder,
    TwoTowerInputs,
    square_pixels,
    vision_patches,
)
from instructsam_ros.training.config import InstructSamTrainSettings
from instructsam_ros.training.data.mixture import Mixture, read_mixture
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.initialization import read_tokenizer
from instructsam_ros.training.objectives.instructsam.losses import (
    IGNORE,
    SampleTruth,
    instructsam_losses,
    training_labels,
)


@dataclass(frozen=True)
class DialogueBatch:
    """B dialogues of an instruction and its answer, each about one image.

    ids: int64 [B, L]. valid: bool [B, L]. labels: int64 [B, L]. phrase_ids: see
    InstructSam.forward_training. seed: of the points that mask losses are sampled at.
    """

    images: tuple[TwoTowerInputs, ...]
    ids: Tensor
    valid: Tensor
    positions: Tensor
    labels: Tensor
    phrase_ids: tuple[tuple[int, ...], ...]
    truths: tuple[SampleTruth, ...]
    seed: int

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
    """

    def __init__(
        self,
        samples: Mixture,
        prompts: PromptTokenizer,
        tokenizer: Tokenizer,
        model: InstructSam,
        size: int,
        seed: int,
    ) -> None:
        """size: samples of a batch. Raises ConfigError for a model without two image towers."""
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

    def __getitem__(self, index: int) -> DialogueBatch:
        rows = [self._row(self.samples[index * self.size + place]) for place in range(self.size)]
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
        )

    def _row(self, sample: Sample) -> tuple[Any, ...]:
        rgb, tokens = sample.read(), self.tokens
        patches, grid = vision_patches(rgb, *self.patching)
        rows, columns = (int(side) // self.merge for side in grid[0, 1:])
        answer: list[int] = []
        phrase_ids: list[int] = []
        masks: list[Tensor] = []
        phrase_masks = []
        for phrase in sample.phrases:
            words = self.tokenizer.encode(phrase.text, add_special_tokens=False).ids[:MAX_PHRASE_TOKENS]
            block = [tokens.mask_start, *[tokens.seg] * self.num_queries, tokens.mask_end]
            answer += [tokens.ref_start, *words, tokens.ref_end, *block]
            phrase_ids += [tokens.ref_start, *words]
            instances = phrase.masks()
            phrase_masks.append(tuple(range(len(masks), len(masks) + len(instances))))
            masks += torch.from_numpy(instances).float().unbind()
        prompt = [
            *self.prompts.image_ids(rows * columns),
            *self.prompts.instruction_ids(sample.instruction),
        ]
        answer.append(tokens.eos[0])
        ids = torch.tensor([*prompt, *answer])
        labels = torch.tensor([*[IGNORE] * len(prompt), *answer])
        truth = SampleTruth(
            torch.stack(masks) if masks else torch.zeros(0, *rgb.shape[:2]), phrase_masks, sample.boxes_only
        )
        positions = grid_positions(ids, tokens.image, (rows, columns))
        inputs = TwoTowerInputs(patches, grid, square_pixels(rgb, self.side))
        return inputs, ids, positions, labels, tuple(phrase_ids), truth


class InstructSamObjective:
    """See Objective; the terms are those of ``instructsam_losses``.

    Only the pixel tower counts as pretrained: it is frozen in the released training.
    """

    def __init__(self, settings: InstructSamTrainSettings, processes: int = 1) -> None:
        self.settings = settings
        folder = Path(settings.model)
        self.model = load_folder(folder).train()
        self.heads = nn.ModuleDict()
        self.prompts = PromptTokenizer.from_folder(folder, self.model.config)
        tokenizer = read_tokenizer(folder / "tokenizer.json")
        tokenizer.encode_special_tokens = True  # a phrase is text, even where it spells a control token
        mixture = read_mixture(settings.data.data_sets(), settings.seed)
        self.batches = DialogueBatches(
            mixture, self.prompts, tokenizer, self.model, settings.data.batch, settings.seed
        )
        encoder = self.model.image_encoder
        self.pretrained: nn.Module = encoder.get_submodule("pixel_tower")
        self.images = settings.data.batch
        self.evaluate_after = 0

    def start(self) -> None:
        """Nothing is left to load; the model is that of the settings' folder."""

    def loss(self, batch: DialogueBatch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """See Objective.loss."""
        features = [self.model.encode_image(image) for image in batch.images]
        output = self.model.forward_training(
            batch.ids, batch.valid, batch.positions, features, batch.phrase_ids
        )
        with torch.random.fork_rng():
            torch.manual_seed(batch.seed)
            losses = instructsam_losses(
                output.logits,
                batch.labels,
                output.detections,
                batch.truths,
                self.settings.loss,
                self.model.config.mode,
            )
        return losses.total, {name: term.detach() for name, term in vars(losses).items()}
