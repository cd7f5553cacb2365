"""The whole InstructSAM objective on annotated images, as an objective of the trainer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from instructsam_ros.backends.instructsam import InstructSamSegmenter
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.training.config import InstructSamTrainSettings
from instructsam_ros.training.data.mixture import read_mixture
from instructsam_ros.training.initialization import read_tokenizer
from instructsam_ros.training.lora import add_lora
from instructsam_ros.training.objectives.instructsam.batches import DialogueBatch, DialogueBatches
from instructsam_ros.training.objectives.instructsam.losses import instructsam_losses


class InstructSamObjective:
    """See Objective; the terms are those of ``instructsam_losses``."""

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
            mixture,
            self.prompts,
            tokenizer,
            self.model,
            settings.data.batch,
            settings.seed,
            group_by_length=settings.data.group_by_length,
            empty_samples=settings.loss.empty_samples,
        )
        self.images = settings.data.batch
        self.evaluate_after = 0
        self.mode = settings.loss.mode(self.model.config.mode)
        if settings.lora:
            add_lora(self.model, settings.lora)
        if settings.gradient_checkpointing:
            towers: tuple[Any, ...] = (
                self.model.language.model,
                self.model.image_encoder.get_submodule("vision_tower"),
            )
            for tower in towers:
                # The public method also makes embeddings require gradients, which only reentrant ones need.
                tower._set_gradient_checkpointing(True, partial(checkpoint, use_reentrant=False))

    def segmenter(self, model: nn.Module) -> InstructSamSegmenter:
        """See Objective.segmenter."""
        return InstructSamSegmenter(cast(InstructSam, model), self.prompts)

    def start(self) -> None:
        """Nothing is left to load; the model is that of the settings' folder."""

    def loss(self, batch: DialogueBatch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """See Objective.loss; random numbers depend on the batch alone, so a resumed run draws the same."""
        with torch.random.fork_rng():
            torch.manual_seed(batch.seed)
            features = [self.model.encode_image(image) for image in batch.images]
            output = self.model.forward_training(
                batch.ids, batch.valid, batch.positions, features, batch.phrase_ids
            )
            torch.manual_seed(batch.seed)
            losses = instructsam_losses(
                output.logits, batch.labels, output.detections, batch.truths, self.settings.loss, self.mode
            )
        terms = {name: term.detach() for name, term in vars(losses).items()}
        if batch.skipped:
            terms["skipped_samples"] = torch.tensor(float(len(batch.skipped)))
        return losses.total, terms
