"""IoU of the union of masks."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmarks.union_iou import union_iou, union_mask
from instructsam_ros.types import Instance, Segmentation, Status, tight_box

SIZE = (4, 5)


def answer(masks) -> Segmentation:
    return Segmentation(tuple(Instance(m, tight_box(m), 0.9, "mug") for m in masks), "", Status.OK)


@given(st.lists(hnp.arrays(bool, SIZE), max_size=3))
def test_the_union_has_every_pixel_of_a_mask(masks) -> None:
    union = union_mask(answer(masks), SIZE)
    assert (union.shape, union.dtype) == (SIZE, bool)
    assert np.array_equal(union, sum(masks, np.zeros(SIZE, int)) > 0)


@pytest.mark.parametrize(
    ("found", "targets", "iou"),
    [([1], (1,), 1.0), ([1], (1, 2), 0.5), ([1, 2], (), 0.0), ([], (), 1.0), ([], (2,), 0.0)],
)
def test_an_empty_answer_is_right_only_without_a_target(found, targets, iou: float) -> None:
    ids = np.zeros(SIZE, np.uint8)
    ids[0], ids[1] = 1, 2
    segmenter = SimpleNamespace(segment=lambda features, text: answer([ids == i for i in found]))
    assert union_iou(segmenter, None, SimpleNamespace(text="the mug", targets=targets), ids) == iou
