"""Dense ground truth of a scene batch at the resolutions that the losses need."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from instructsam_ros.models.common.boxes import mask_boxes
from instructsam_ros.training.objectives.compact.batches import SceneBatch

NO_OWNER = -1


@dataclass(frozen=True)
class SceneTargets:
    """masks: bool [M, 2h, 2w] at stride 2, coarse_masks: float32 [M, h, w], the share of every pixel at
    stride 4. boxes: float32 [M, 4]. coverage: float32 [M, T], share of every memory
    cell that an instance covers. owner: int64 [B, T], the instance a cell belongs to or NO_OWNER.
    """

    masks: Tensor
    coarse_masks: Tensor
    boxes: Tensor
    coverage: Tensor
    owner: Tensor

    def cell_weights(self) -> Tensor:
        """coverage scaled so that every instance's best cell weighs 1, [M, T]."""
        return self.coverage / self.coverage.amax(1, keepdim=True).clamp(min=1e-4)


def scene_targets(batch: SceneBatch, cell: int = 8, min_coverage: float = 0.25) -> SceneTargets:
    """Targets of a batch; a memory cell covers ``cell`` x ``cell`` mask pixels.

    A cell belongs to the instance that covers most of it, if that is at least ``min_coverage``;
    every instance owns at least its best cell, so that thin utensils are supervised too.
    """
    masks = batch.id_maps[batch.image_of] == batch.id_of[:, None, None]
    coverage = F.avg_pool2d(masks.float()[:, None], cell)[:, 0].flatten(1)
    owner = torch.full((len(batch.images), coverage.shape[1]), NO_OWNER, device=masks.device)
    for image in range(len(batch.images)):
        members = (batch.image_of == image).nonzero()[:, 0]
        if not len(members):
            continue
        best, which = coverage[members].max(0)
        owner[image] = torch.where(best >= min_coverage, members[which], NO_OWNER)
        owner[image, coverage[members].argmax(1)] = members
    coarse = F.avg_pool2d(masks.float()[:, None], 2)[:, 0]
    return SceneTargets(masks, coarse, mask_boxes(masks), coverage, owner)
