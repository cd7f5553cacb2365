import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.models.instructsam.instances import full_size, without_duplicates
from instructsam_ros.types import Instance, tight_box


def test_a_mask_said_twice_counts_once():
    def instance(columns: slice, score: float) -> Instance:
        mask = np.zeros((4, 10), bool)
        mask[:, columns] = True
        return Instance(mask, tight_box(mask), score, "mug")

    first, again, other = instance(slice(0, 4), 0.8), instance(slice(0, 5), 0.9), instance(slice(6, 9), 0.7)
    assert without_duplicates([first, again, other], 0.5) == [again, other]
    assert without_duplicates([first, again, other], 1.0) == [first, again, other]


@given(st.integers(1, 40), st.integers(1, 40))
def test_masks_have_the_size_of_the_image_and_are_cut_at_zero(height: int, width: int) -> None:
    logits = torch.full((3, 4), -1.0)
    assert not full_size(logits, (height, width)).any()
    mask = full_size(-logits, (height, width))
    assert mask.shape == (height, width)
    assert mask.all()
