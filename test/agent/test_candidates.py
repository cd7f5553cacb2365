import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from instructsam_ros.agent.candidates import SAME_OVERLAP, without_overlap
from instructsam_ros.types import Instance, tight_box


def instance(mask, score):
    return Instance(mask, tight_box(mask), score, "mug")


def square(start, end):
    mask = np.zeros((8, 8), bool)
    mask[start:end, start:end] = True
    return mask


def test_a_part_of_a_better_mask_is_dropped_whatever_its_size():
    whole, part, other = instance(square(0, 6), 0.9), instance(square(1, 3), 0.8), instance(square(6, 8), 0.1)
    assert without_overlap([other, part, whole]) == [whole, other]
    assert without_overlap([whole, instance(square(1, 3), 0.95)])[0].score == 0.95


@given(arrays(bool, (5, 4, 4)), st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_what_is_kept_overlaps_little_and_the_rest_much(masks, scores):
    instances = [instance(mask, score) for mask, score in zip(masks, scores, strict=True) if mask.any()]
    kept = without_overlap(instances)
    assert [i.score for i in kept] == sorted((i.score for i in kept), reverse=True)

    def overlap(one, other):
        return (one.mask & other.mask).sum() / min(one.mask.sum(), other.mask.sum())

    for index, one in enumerate(kept):
        assert all(overlap(one, other) <= SAME_OVERLAP for other in kept[:index])
    for dropped in instances:
        if not any(dropped is one for one in kept):
            assert any(overlap(dropped, one) > SAME_OVERLAP and one.score >= dropped.score for one in kept)
