import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.prompts import read_prompts

SIZE = (40, 60)
edges = st.floats(-1e3, 1e3)


def test_points_and_a_box_mean_one_object_and_boxes_one_each():
    (prompt,) = read_prompts([[1, 2], [59.4, 39.4]], [1, 0], [[-5, 0, 10, 99]], SIZE)
    assert prompt.labels.tolist() == [True, False]
    assert prompt.box.tolist() == [0, 0, 10, 40]
    assert [p.box.tolist() for p in read_prompts([], [], [[0, 0, 1, 1], [2, 2, 3, 3]], SIZE)] == [
        [0, 0, 1, 1],
        [2, 2, 3, 3],
    ]
    assert read_prompts(np.ones((1, 2)), [True], (), SIZE)[0].box is None


@pytest.mark.parametrize(
    ("points", "labels", "boxes", "problem"),
    [
        ([], [], [], "give a point on the object"),
        ([[1, 1]], [0], [], "give a point on the object"),
        ([[1, 1]], [], [], "1 points with 0 labels"),
        ([[1, 1]], [2], [], "labels must be 1"),
        ([[1, 1]], ["on"], [], "labels must be 1"),
        ([[60, 1]], [1], [], "60,1 is not in the image of 60x40"),
        ([[-1, 1]], [1], [], "not in the image"),
        ([[np.nan, 1]], [1], [], "no finite numbers"),
        ([[1, 1, 1]], [1], [], "points must be numbers"),
        ([1, 1, 1, 1], [1, 1], [], "points must be numbers"),
        ([[1], [1, 2]], [1, 1], [], "points must be numbers"),
        ("ab", [1], [], "points must be numbers"),
        (None, [1], [], "points"),
        ([], [], [[5, 5, 5, 9]], "holds nothing"),
        ([], [], [[9, 9, 5, 5]], "holds nothing"),
        ([], [], [[70, 5, 80, 9]], "holds nothing"),
        ([[1, 1]], [1], [[0, 0, 9, 9]] * 2, "at most one box"),
        ([[1, 1]] * 1001, [1] * 1001, [], "at most 1000"),
    ],
)
def test_unusable_prompts_are_explained(points, labels, boxes, problem):
    with pytest.raises(InvalidInputError, match=problem):
        read_prompts(points, labels, boxes, SIZE)


@given(edges, edges, edges, edges)
def test_boxes_that_are_read_lie_in_the_image(x0, y0, x1, y1):
    try:
        (prompt,) = read_prompts([], [], [[x0, y0, x1, y1]], SIZE)
    except InvalidInputError:
        return
    left, top, right, bottom = prompt.box
    assert 0 <= left < right <= 60
    assert 0 <= top < bottom <= 40
