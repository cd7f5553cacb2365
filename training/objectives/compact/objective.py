"""The compact model on rendered scenes, as an objective of the trainer."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from torch import Tensor, nn

from instructsam_ros.backends.instructsam import InstructSamSegmenter
from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.paths import SHIPPED_MODELS
from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import TrainSettings, download_hint
from instructsam_ros.training.initialization import build_for_training, move_words, read_tokenizer, take_over
from instructsam_ros.training.objectives.compact.batches import SceneBatch, SceneBatches
from instructsam_ros.training.objectives.compact.forward import forward_images, forward_scene
from instructsam_ros.training.objectives.compact.losses import scene_loss
from instructsam_ros.training.objectives.grounding import CATEGORIES, COLORS, AuxiliaryHeads

WORDS = "language.model.embed_tokens.weight"
ON_BACKBONE = ("image_encoder.backbone.", "image_encoder.lateral")
"""Weights of an earlier run that do not go with another backbone."""


class CompactObjective:
    """See Objective; the terms are those of ``scene_loss``."""

    def __init__(self, settings: TrainSettings, folder: Path, processes: int = 1) -> None:
        self.settings = settings
        parts = build_for_training(settings, folder)
        self.tokenizer, self.model = parts.tokenizer, parts.model
        config = self.model.config
        self.heads = AuxiliaryHeads(
            self.model.detector.channels, len(CATEGORIES), len(COLORS), config.hidden_size
        )
        self.prompts = PromptTokenizer(self.tokenizer.to_str(), config)
        self.batches = SceneBatches(
            settings.data,
            self.tokenizer,
            CATEGORIES,
            COLORS,
            config.num_queries,
            settings.seed,
            processes=processes,
            image_size=(config.vision["width"], config.vision["height"]),
            seg_tokens=settings.objective == "seg_token",
        )
        self.images = settings.data.images
        self.evaluate_after = settings.image_only_steps

    def loss(self, batch: SceneBatch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """See Objective.loss; the first steps train the image side alone."""
        images_only = step < self.settings.image_only_steps
        output = (forward_images if images_only else forward_scene)(self.model, batch)
        return scene_loss(output, batch, self.heads, self.settings.loss)

    def segmenter(self, model: nn.Module) -> InstructSamSegmenter:
        """See Objective.segmenter."""
        return InstructSamSegmenter(cast(InstructSam, model), self.prompts)

    def start(self) -> None:
        """Take over the averaged weights of an earlier run or a model folder, if there is one."""
        run = self.settings.init
        if not run:
            return
        folder = SHIPPED_MODELS.get(run, Path(run))
        state = checkpoint.load(folder)
        if state is not None:
            weights = state["average"]
            own = self.heads.state_dict()  # a head for other categories starts anew
            rows = state["heads"].items()
            take_over(self.heads, {name: old for name, old in rows if old.shape == own.get(name, old).shape})
        elif (folder / "config.json").exists():
            weights = load_folder(folder).state_dict()
        else:
            hint = download_hint("init", run)
            raise CheckpointError(f"init: neither a checkpoint of a run nor a model in {run}; {hint}")
        words = self.model.language.model.embed_tokens.weight
        old = read_tokenizer(folder / "tokenizer.json")
        weights[WORDS] = move_words(weights[WORDS], old, self.tokenizer, words.detach())
        if self.settings.backbone:
            weights = {name: value for name, value in weights.items() if not name.startswith(ON_BACKBONE)}
        take_over(self.model, self.adapted(weights))

    def adapted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Change the weights of an earlier run, whose words are already this one's, to fit this model."""
        return weights
