"""Everything: a grid of clicks, of whose masks the sure, stable and distinct ones remain."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import CancelledError
from instructsam_ros.models.common.boxes import overlap
from instructsam_ros.models.sam3.mask_generation import SAME_BOX_IOU, distinct, generate_masks, grid_points
from instructsam_ros.models.sam3.tracker import TrackerLevels

SIDE = 64
LEVELS = TrackerLevels((torch.zeros(0), torch.zeros(0)), torch.zeros(1))


class Squares:
    """Answers a click by a mask of the quadrant under it, an unsure mask and an unstable one."""

    side = SIDE

    def masks(self, levels, points, labels, boxes, *, several):
        logits = torch.full((len(points), 3, 16, 16), -9.0)
        for row, (x, y) in enumerate(points[:, 0].tolist()):
            left, top = 8 * int(x >= SIDE / 2), 8 * int(y >= SIDE / 2)
            logits[row, :, top : top + 7, left : left + 7] = 9.0
        logits[:, 2] /= 18  # within the margin of stability
        overlaps = torch.tensor([0.9, 0.5, 0.95]).repeat(len(points), 1)
        overlaps[:, 0] += torch.arange(len(points)) * 1e-4
        return logits, overlaps


def test_points_are_the_middles_of_cells():
    assert grid_points(2, 8).tolist() == [[2, 2], [6, 2], [2, 6], [6, 6]]
    assert len(grid_points(32, 1008)) == 1024


def test_each_object_remains_once_the_surest_first():
    polls = []
    logits, expected = generate_masks(Squares(), LEVELS, 6, lambda: polls.append(1))
    assert logits.shape == (4, 16, 16)
    assert len({tuple((mask > 0).nonzero()[0].tolist()) for mask in logits}) == 4
    assert expected.tolist() == sorted(expected.tolist(), reverse=True)
    assert len(polls) == 3


def test_nothing_sure_is_nothing():
    unsure = SimpleNamespace(
        side=SIDE, masks=lambda *_, **__: (torch.ones(4, 3, 8, 8), torch.full((4, 3), 0.5))
    )
    logits, expected = generate_masks(unsure, LEVELS, 2, lambda: None)
    assert (len(logits), len(expected)) == (0, 0)


def test_it_ends_when_it_is_told():
    def cancelled():
        raise CancelledError("by the caller")

    with pytest.raises(CancelledError):
        generate_masks(Squares(), LEVELS, 6, cancelled)


unit = st.floats(0.05, 0.95)


@given(st.lists(st.tuples(unit, unit, unit, unit, unit), max_size=12))
def test_of_two_alike_the_better_stays(rows):
    table = torch.tensor(rows).reshape(-1, 5)
    boxes, scores = table[:, :4], table[:, 4]
    kept = distinct(boxes, scores).tolist()
    assert scores[kept].tolist() == sorted(scores[kept].tolist(), reverse=True)
    for index in range(len(boxes)):
        common, union = overlap(boxes[index], boxes[[k for k in kept if k != index]])
        alike = common > SAME_BOX_IOU * union
        if index in kept:
            assert not alike.any()
        else:
            assert (scores[[k for k in kept if k != index]][alike] >= scores[index]).any()
