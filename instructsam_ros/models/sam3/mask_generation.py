"""All objects of an image by clicks on a grid, as SAM's automatic mask generator finds them.

Kirillov et al., Segment Anything, arXiv 2304.02643, section 5 and appendix B, without crops of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from instructsam_ros.models.common.boxes import mask_boxes, overlap
from instructsam_ros.models.instructsam.compact.prompts import stability
from instructsam_ros.models.sam3.tracker import Sam3Tracker, TrackerLevels

MIN_IOU = 0.88
"""That the model has to expect of a mask."""
MIN_STABILITY = 0.95
"""IoU of the masks at logits of 1 and -1."""
SAME_BOX_IOU = 0.7
"""Beyond it, two masks are of one object; the one of the higher expected IoU stays."""
BATCH = 16
"""Points at a time; at full size each takes about 25 MB in float32."""


def grid_points(per_side: int, side: int) -> Tensor:
    """Return the middles of per_side**2 cells of a square image, x y in pixels, by rows: float32 [n, 2]."""
    middles = (torch.arange(per_side) + 0.5) * (side / per_side)
    return torch.stack(torch.meshgrid(middles, middles, indexing="xy"), -1).reshape(-1, 2)


def generate_masks(
    tracker: Sam3Tracker, levels: TrackerLevels, per_side: int, poll: Callable[[], None]
) -> tuple[Tensor, Tensor]:
    """Find the objects of one image: mask logits [n, h, w] and expected IoU [n], surest first, on the CPU.

    poll: called before each batch of points. Masks are compared at the decoder's resolution.
    """
    masks, scores = [], []
    grid = grid_points(per_side, tracker.side).to(levels.coarse.device)
    for start in range(0, len(grid), BATCH):
        poll()
        points = grid[start : start + BATCH]
        for logits, expected in _sure_masks(tracker, levels, points):
            masks.append(logits)
            scores.append(expected)
    if not masks:
        return torch.zeros(0, 1, 1), torch.zeros(0)
    found, expected = torch.cat(masks), torch.cat(scores)
    kept = distinct(mask_boxes(found > 0), expected)
    return found[kept].float(), expected[kept]


def _sure_masks(
    tracker: Sam3Tracker, levels: TrackerLevels, points: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    labels = torch.ones(len(points), 1, dtype=torch.int64, device=points.device)
    logits, expected = tracker.masks(levels, points[:, None], labels, None, several=True)
    logits, expected = logits.flatten(0, 1), expected.flatten()
    sure = (expected > MIN_IOU) & (stability(logits) >= MIN_STABILITY) & (logits > 0).flatten(1).any(1)
    if sure.any():
        yield logits[sure].half().cpu(), expected[sure].cpu()


def distinct(boxes: Tensor, scores: Tensor) -> Tensor:
    """Return the indices of boxes [n, 4] that remain after non-maximum suppression, best first: int64 [k].

    boxes: cx cy w h in 0..1. scores: [n].
    """
    left = scores.argsort(descending=True, stable=True)
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        common, union = overlap(boxes[best], boxes[left])
        left = left[common <= SAME_BOX_IOU * union]
    return torch.stack(kept) if kept else left
