from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.conversions import cloud_from_points, points_from_cloud
from test.ros.conversions.messages import HEADER, as_rosbags


@given(st.integers(0, 30), st.booleans(), st.randoms(use_true_random=False))
def test_a_cloud_survives_the_wire(count, with_ids, random):
    numbers = np.random.default_rng(random.getrandbits(32))
    points = numbers.normal(size=(count, 3)).astype(np.float32)
    colors = numbers.integers(0, 256, (count, 3)).astype(np.uint8)
    ids = numbers.integers(0, 2**32, count, dtype=np.uint32) if with_ids else None
    message = as_rosbags(cloud_from_points(points, colors, HEADER, ids), "sensor_msgs/msg/PointCloud2")
    read_points, read_colors, read_ids = points_from_cloud(message)
    np.testing.assert_array_equal(read_points, points)
    np.testing.assert_array_equal(read_colors, colors)
    assert (read_ids is None) is not with_ids
    if ids is not None:
        np.testing.assert_array_equal(read_ids, ids)
    assert [f.name for f in message.fields][:4] == ["x", "y", "z", "rgb"]
    assert message.row_step == len(message.data)


def test_a_cloud_without_colours_is_refused():
    message = cloud_from_points(np.zeros((1, 3), np.float32), np.zeros((1, 3), np.uint8), HEADER)
    message.fields = message.fields[:3]
    with pytest.raises(InvalidInputError, match="rgb"):
        points_from_cloud(message)
