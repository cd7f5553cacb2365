"""Objects by click, by box and all of them, from the predictions of memory cells, without any instruction.

Every cell of the compact detector predicts box and mask of the object that covers it (see pointer.py); a
click reads the cells around it.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor

from instructsam_ros.models.common.boxes import overlap
from instructsam_ros.models.instructsam.compact.detector import PointerDetector, PointerFeatures
from instructsam_ros.prompts import Prompt

VIOLATION_COST, BOX_GAIN, DISTANCE_COST = 1.0, 2.0, 0.05
"""Weights in the choice of a cell, against the stability of its mask: how far, in cells, points lie on the
wrong side of the mask's border; IoU of the box; distance of the cell from the click, in cells."""

STABLE_LOGIT = 1.0
MIN_STABILITY = 0.5
"""Of an object among all, where nobody has pointed at one."""

MIN_PROMPTED_STABILITY = 0.3
"""Of an object under a click; cells without an object predict masks with soft edges."""

SAME_OVERLAP = 0.5
"""Of the smaller mask: beyond it, two cells have predicted the same object."""


def stability(logits: Tensor) -> Tensor:
    """Compute how little masks depend on the threshold: logits [..., h, w] -> [...] in 0..1."""
    inner = (logits > STABLE_LOGIT).flatten(-2).sum(-1)
    return inner / (logits > -STABLE_LOGIT).flatten(-2).sum(-1).clamp(min=1)


def prompted_logits(
    detector: PointerDetector, image: PointerFeatures, prompt: Prompt, size: tuple[int, int]
) -> Tensor:
    """Compute mask logits [h, w], float32, of the object that a prompt means, on one prepared image.

    size: height and width of the image in pixels. The cell whose mask fits all points and the box best is
    read. A point that it does not fit corrects it: another object is removed, otherwise the surroundings of
    the point up to the border of the mask. Where no cell predicts an object, all logits are negative.
    """
    return _PromptReader(detector, image, prompt, size).read()


class _PromptReader:
    def __init__(
        self, detector: PointerDetector, image: PointerFeatures, prompt: Prompt, size: tuple[int, int]
    ) -> None:
        self.detector, self.image = detector, image
        self.rows, self.columns = image.fpn[-1].shape[-2:]
        scale = torch.tensor([size[1], size[0]])
        self.points = torch.tensor(prompt.points + 0.5).float() / scale
        self.labels = torch.from_numpy(prompt.labels)
        self.box = None
        if prompt.box is not None:
            x0, y0, x1, y1 = (torch.from_numpy(prompt.box).float() / scale.repeat(2)).tolist()
            self.box = torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])

    def read(self) -> Tensor:
        cells = self._candidates()
        logits = self._masks(cells)
        fit = stability(logits) - VIOLATION_COST * self._violations(logits)
        if self.box is not None:
            common, union = overlap(self.image.values.boxes[0, cells].cpu(), self.box)
            fit = fit + BOX_GAIN * common / union
        if self.labels.any():
            fit = fit - DISTANCE_COST * self._distance(cells, self.points[self.labels]).amin(1)
        clear = stability(logits) >= MIN_PROMPTED_STABILITY
        if self.labels.any():
            clear &= torch.tensor([self._holds_a_point(mask) for mask in logits])
        if not clear.any():
            return torch.full_like(logits[0], -1.0)
        result = logits[int(fit.masked_fill(~clear, -torch.inf).argmax())]
        for point, wanted in zip(self.points, self.labels.tolist(), strict=True):
            if (self._at(result, point) > 0) != wanted:
                result = self._corrected(result, point, wanted)
        return result

    def _candidates(self) -> Tensor:
        """Return the indices of cells that may belong to the object, int64 [k]."""
        if self.labels.any():
            cells = {cell for point in self.points[self.labels] for cell in self._around(point).tolist()}
            return torch.tensor(sorted(cells))
        assert self.box is not None  # a Prompt without a point on the object has a box
        common, union = overlap(self.image.values.boxes[0].cpu(), self.box)
        return (common / union).topk(min(9, len(common))).indices

    def _around(self, point: Tensor) -> Tensor:
        """Return the indices of the cell that holds a point and of its neighbours."""
        column, row = (point * torch.tensor([self.columns, self.rows])).long().tolist()
        rows = torch.arange(max(0, row - 1), min(self.rows, row + 2))
        columns = torch.arange(max(0, column - 1), min(self.columns, column + 2))
        return (rows[:, None] * self.columns + columns).flatten()

    def _masks(self, cells: Tensor) -> Tensor:
        values = self.image.values
        cells = cells.to(values.boxes.device)
        return self.detector.fine_logits(
            values.masks[0, cells], values.boxes[0, cells], self.image.pixels[0], self.image.fine_pixels[0]
        ).cpu()

    def _distance(self, cells: Tensor, points: Tensor) -> Tensor:
        """Compute distances [k, n] in cells."""
        grid = torch.tensor([self.columns, self.rows])
        return torch.cdist(self.image.values.cells.cpu()[cells, :2] * grid, points * grid)

    def _violations(self, logits: Tensor) -> Tensor:
        """Sum over points that masks [k, h, w] do not fit how far, in cells, their border is: [k]."""
        size = logits.shape[-1] / self.columns
        return torch.tensor(
            [
                sum(
                    self._to_border(mask, point, wanted) / size
                    for point, wanted in zip(self.points, self.labels.tolist(), strict=True)
                    if (self._at(mask, point) > 0) != wanted
                )
                for mask in logits
            ]
        )

    def _to_border(self, logits: Tensor, point: Tensor, wanted: bool) -> float:
        """Measure how far, in pixels, a point on the wrong side of the border of logits [h, w] is from it."""
        height, width = logits.shape
        column, row = (point * torch.tensor([width, height])).long().tolist()
        # The frame of the image is no border.
        side = ((logits > 0) != wanted).numpy().astype(np.uint8)
        if side.all():
            return float(max(height, width))
        return float(cv2.distanceTransform(side, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[row, column])

    def _holds_a_point(self, logits: Tensor) -> bool:
        return any(self._at(logits, point) > 0 for point in self.points[self.labels])

    def _at(self, logits: Tensor, point: Tensor) -> float:
        height, width = logits.shape
        column, row = (point * torch.tensor([width, height])).long().tolist()
        return float(logits[row, column])

    def _near(self, point: Tensor) -> Tensor:
        """Return the mask logits of the cell that covers a point best."""
        cells = self._around(point)
        logits = self._masks(cells)
        covering = torch.tensor([self._at(mask, point) for mask in logits]).sigmoid()
        cost = DISTANCE_COST * self._distance(cells, point[None])[:, 0]
        return logits[int((covering - cost).argmax())]

    def _corrected(self, result: Tensor, point: Tensor, wanted: bool) -> Tensor:
        """Remove the object under a point that is not wanted, or else correct up to the mask's border."""
        other = self._near(point)
        foreign = all(self._at(other, kept) <= 0 for kept in self.points[self.labels])
        if not wanted and foreign and self._at(other, point) > 0 and stability(other) > MIN_STABILITY:
            return torch.minimum(result, -other)
        height, width = result.shape
        column, row = (point * torch.tensor([width, height])).long().tolist()
        opposite = self.points[self.labels != wanted]
        apart = ((opposite - point) * torch.tensor([width, height])).norm(dim=1)
        radius = max(1.0, min([self._to_border(result, point, wanted), *(apart / 2).tolist()]))
        y, x = torch.meshgrid(torch.arange(height) - row, torch.arange(width) - column, indexing="ij")
        disc = x.square() + y.square() <= radius**2
        strength = float(result.abs().amax())
        return result.masked_fill(disc, strength if wanted else -strength)


def object_logits(detector: PointerDetector, image: PointerFeatures) -> Iterator[Tensor]:
    """Yield the mask logits [h, w], float32, of every object of one prepared image, the clearest first."""
    values = image.values
    coarse = detector.mask_logits(values.masks[0], values.boxes[0], image.pixels[0])
    masks, scores = coarse > 0, stability(coarse)
    height, width = masks.shape[-2:]
    column, row = (values.cells[:, :2] * torch.tensor([width, height], device=masks.device)).long().unbind(-1)
    on_itself = masks[torch.arange(len(masks)), row, column]
    flat, areas = masks.flatten(1).float().cpu().numpy(), masks.flatten(1).sum(1).cpu().numpy()
    kept: list[int] = []
    for cell in scores.argsort(descending=True).tolist():
        if scores[cell] <= MIN_STABILITY or not on_itself[cell]:
            continue
        common = flat[kept] @ flat[cell]
        if (common <= SAME_OVERLAP * np.minimum(areas[kept], areas[cell])).all():
            kept.append(cell)
            yield detector.fine_logits(
                values.masks[0, [cell]], values.boxes[0, [cell]], image.pixels[0], image.fine_pixels[0]
            )[0]
