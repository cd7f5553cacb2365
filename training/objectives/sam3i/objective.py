"""The three stages of SAM3-I, as an objective of the trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from instructsam_ros.backends.sam3 import Sam3Segmenter
from instructsam_ros.backends.sam3i import Sam3ISegmenter
from instructsam_ros.models.sam3.modeling import ImageLevels, Sam3Output
from instructsam_ros.models.sam3i.initialization import start_complex
from instructsam_ros.models.sam3i.modeling import Route, Sam3I
from instructsam_ros.models.sam3i.router import Router
from instructsam_ros.training.config import Sam3ITrainSettings
from instructsam_ros.training.objectives.sam3i import alignment
from instructsam_ros.training.objectives.sam3i.batches import InstructionBatch, InstructionBatches, read_cases
from instructsam_ros.training.objectives.sam3i.features import StoredFeatures
from instructsam_ros.training.objectives.sam3i.model import build_model, build_tokenizer
from instructsam_ros.training.objectives.sam3i.set_loss import set_loss, union_masks


class Sam3IObjective:
    """See Objective; the terms are those of ``set_loss`` by route, and the alignment losses."""

    def __init__(self, settings: Sam3ITrainSettings, processes: int = 1) -> None:
        self.settings = settings
        self.model = build_model(settings).train()
        self.heads = nn.ModuleDict()
        self.tokenizer = build_tokenizer(settings)
        self.features = StoredFeatures(self.model, Path(settings.features) if settings.features else None)
        cases = read_cases(settings.data.data_sets(), settings.stage, settings.seed)
        size, stage = settings.data.batch, settings.stage
        self.batches = InstructionBatches(
            cases, self.tokenizer, self.model.prepare, stage, size, settings.seed
        )
        self.images = size
        self.evaluate_after = 0

    def segmenter(self, model: nn.Module) -> Sam3Segmenter:
        """See Objective.segmenter."""
        kind = Sam3ISegmenter if isinstance(model, Sam3I) else Sam3Segmenter
        return kind(cast(Any, model), self.tokenizer, Router.shipped())

    def start(self) -> None:
        """Prepare the complex adapters at the beginning of stage 2."""
        if self.settings.stage == 2:
            start_complex(cast(Sam3I, self.model), self.settings.start)

    def loss(self, batch: InstructionBatch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """See Objective.loss; dropout depends on the batch alone, so a resumed run draws the same."""
        with torch.random.fork_rng():
            torch.manual_seed(batch.seed)
            image = self.model.read_trunk(self.features(batch.pixels))
            weighted: dict[str, Tensor] = {}
            outputs: dict[Route, Sam3Output] = {}
            features: dict[Route, Tensor] = {}
            for level in self.batches.levels:
                route = Route[level.upper()]
                outputs[route], features[route] = self._run(image, batch.ids[level], route)
                terms = set_loss(outputs[route], batch.truths)
                weighted |= {f"{level}_{name}": term for name, term in terms.items()}
            if self.settings.stage == 3:
                weighted |= self._alignment(batch, outputs, features)
        total = torch.stack(list(weighted.values())).sum()
        logged = {name: term.detach() for name, term in weighted.items()}
        if batch.skipped:
            logged["skipped_samples"] = torch.tensor(float(len(batch.skipped)))
        return total, logged

    def _run(self, image: ImageLevels, ids: Tensor, route: Route) -> tuple[Sam3Output, Tensor]:
        adaptation = self.model.adaptation(route) if isinstance(self.model, Sam3I) else None
        prompt, _ = self.model.encode_text(ids, adaptation)
        many = self.settings.loss.one_to_many
        return self.model.detect(image, prompt, adaptation, one_to_many=many), prompt.tokens

    def _alignment(
        self, batch: InstructionBatch, outputs: dict[Route, Sam3Output], features: dict[Route, Tensor]
    ) -> dict[str, Tensor]:
        """Compare the routes; texts that are there twice count once, as in the release."""
        settings = self.settings.loss
        paper = settings.alignment == "paper"
        project = cast(Sam3I, self.model).project
        texts = list(zip(*(map(tuple, ids.tolist()) for ids in batch.ids.values()), strict=True))
        rows = [row for row, text in enumerate(texts) if text not in texts[:row]]
        with torch.no_grad():
            prompt, _ = self.model.encode_text(batch.ids["concept"])
        simple, complex_ = (project(features[route][rows], route) for route in (Route.SIMPLE, Route.COMPLEX))
        concept = project(prompt.tokens[rows], Route.CONCEPT)
        concepts = [batch.concepts[row] for row in rows]
        contrast = alignment.cross_view_contrast if paper else alignment.instruction_contrast
        first, second = (outputs[route].semantic_logits for route in (Route.SIMPLE, Route.COMPLEX))
        union = union_masks([truth.masks for truth in batch.truths])
        return {
            "contrast": settings.contrast
            * contrast(
                simple,
                complex_,
                concepts,
                temperature=settings.temperature,
                same_concept_weight=settings.same_concept_weight,
            ),
            "anchor": settings.anchor
            * alignment.concept_anchor(
                simple, complex_, concept, concepts, margin=settings.margin, frozen_concept=paper
            ),
            "agreement": settings.agreement * alignment.map_agreement(first, second, both_learn=paper),
            "disagreement": settings.disagreement
            * alignment.disagreement_loss(first, second, union, jensen_shannon=paper),
        }
