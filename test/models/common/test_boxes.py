import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instructsam_ros.models.common.boxes import (
    EPSILON,
    corners,
    generalized_iou,
    mask_boxes,
    overlap,
    pairwise_iou,
)

unit = st.floats(0.05, 0.95)
boxes = st.tuples(unit, unit, st.floats(0.02, 0.5), st.floats(0.02, 0.5))


@given(boxes)
def test_a_box_overlaps_itself_fully(box):
    tensor = torch.tensor([box])
    assert torch.allclose(generalized_iou(tensor, tensor), torch.ones(1), atol=5e-3)


@given(boxes, boxes)
def test_generalized_iou_is_symmetric_and_bounded(a, b):
    a, b = torch.tensor([a]), torch.tensor([b])
    forward, backward = generalized_iou(a, b), generalized_iou(b, a)
    assert torch.allclose(forward, backward, atol=1e-5)
    assert -1 <= float(forward) <= 1 + 1e-5


def test_disjoint_boxes_score_below_zero_and_worse_when_further():
    a = torch.tensor([[0.2, 0.2, 0.1, 0.1]])
    near, far = torch.tensor([[0.4, 0.2, 0.1, 0.1]]), torch.tensor([[0.8, 0.2, 0.1, 0.1]])
    assert float(generalized_iou(a, far)) < float(generalized_iou(a, near)) < 0


@given(hnp.arrays(bool, st.tuples(st.integers(1, 3), st.integers(2, 12), st.integers(2, 12))))
def test_mask_boxes_are_tight(masks):
    masks = masks.copy()
    masks[:, 0, 0] = True
    height, width = masks.shape[1:]
    found = corners(mask_boxes(torch.from_numpy(masks))).numpy() * [width, height, width, height]
    for mask, box in zip(masks, found, strict=True):
        ys, xs = np.nonzero(mask)
        assert np.allclose(box, [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], atol=1e-3)


def test_iou_of_boxes_worked_out_by_hand():
    whole, left, right = [0.5, 0.5, 1.0, 1.0], [0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.5, 1.0]
    found = pairwise_iou(torch.tensor([[whole, left, right], [right, right, left]]))
    first = torch.tensor([[1.0, 0.5, 0.5], [0.5, 1.0, 0.0], [0.5, 0.0, 1.0]])
    second = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert torch.allclose(found, torch.stack([first, second]), atol=1e-4)
    assert torch.equal(corners(torch.tensor(left)), torch.tensor([0.0, 0.0, 0.5, 1.0]))


@given(st.lists(boxes, min_size=1, max_size=6))
def test_all_pairs_compare_as_two_boxes_do(several):
    tensor = torch.tensor([several])
    common, union = overlap(tensor[:, :, None], tensor[:, None])
    assert torch.allclose(pairwise_iou(tensor), common / (union + EPSILON), atol=1e-5)
