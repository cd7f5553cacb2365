"""Clouds, label images and their agreement, without a node."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.ros.conversions import points_from_cloud
from instructsam_ros.ros.output.messages import instance_array
from instructsam_ros.ros.output.publishers import label_message, points_message, scene_message
from instructsam_ros.types import IDENTITY
from test.ros.output.frame_results import HEIGHT, TURNED, WIDTH, block, frame_result

LENSES = [("", ()), ("plumb_bob", (-0.05, 0.01, 0.001, -0.001, 0.0)), ("equidistant", (0.01, 0.0, 0.0, 0.0))]


@st.composite
def rectangles(draw):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    top, left = draw(st.integers(0, HEIGHT - 1)), draw(st.integers(0, WIDTH - 1))
    mask[top : top + draw(st.integers(1, HEIGHT)), left : left + draw(st.integers(1, WIDTH))] = True
    return mask


@given(
    st.lists(st.tuples(rectangles(), st.sampled_from([0.5, 0.7, 0.9])), max_size=4),
    st.sampled_from(LENSES),
    st.sampled_from([IDENTITY, TURNED]),
)
def test_every_point_has_the_id_of_its_pixel_in_the_label_image_and_no_pixel_has_two(found, lens, pose):
    masks, scores = zip(*found, strict=True) if found else ((), ())
    result = frame_result(np.full((HEIGHT, WIDTH), 0.8, np.float32), masks, scores, lens, pose)
    labels = np.frombuffer(label_message(result).data, np.uint16).reshape(HEIGHT, WIDTH)
    _, colors, ids = points_from_cloud(points_message(result))
    rows, columns = colors[:, 0], colors[:, 1]
    np.testing.assert_array_equal(ids, labels[rows, columns])
    assert len(np.unique(colors, axis=0)) == len(colors) == np.count_nonzero(labels)


def test_a_pixel_of_two_masks_goes_to_the_higher_score_and_stays_in_both_instances():
    left, right = np.zeros((2, HEIGHT, WIDTH), bool)
    left[4:20, 4:20] = right[4:20, 12:28] = True
    result = frame_result(np.full((HEIGHT, WIDTH), 0.8, np.float32), (left, right), (0.6, 0.9))
    _, _, ids = points_from_cloud(points_message(result))
    assert (np.count_nonzero(ids == 1), np.count_nonzero(ids == 2)) == (16 * 8, 16 * 16)
    assert [instance.points.width for instance in instance_array(result).instances] == [256, 256]


def test_the_scene_cloud_has_every_pixel_without_an_instance():
    assert scene_message(frame_result(np.full((HEIGHT, WIDTH), 0.8, np.float32))).width == HEIGHT * WIDTH


@pytest.mark.parametrize("depth", [None, np.full((HEIGHT, WIDTH), np.nan, np.float32)], ids=["none", "nan"])
def test_without_readings_there_is_no_scene_cloud(depth):
    """An empty one would be read as free space."""
    result = frame_result(depth, [block()], [0.9])
    assert scene_message(result) is None
    assert points_message(result).width == 0
