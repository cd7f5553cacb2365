from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from instructsam_ros.ros.conversions import mask_from_messages, mask_to_messages
from instructsam_ros.types import Instance, tight_box
from test.ros.conversions.messages import HEADER, SIZES


@given(arrays(np.bool_, SIZES))
def test_a_mask_survives_as_box_and_crop(mask):
    region, image = mask_to_messages(Instance(mask, tight_box(mask), 1.0, "mug"), HEADER)
    np.testing.assert_array_equal(mask_from_messages(region, image, mask.shape), mask)
