"""Photographs with labels, and what follows from these."""

import numpy as np
import pytest

from instructsam_ros.scenes.assets.catalogue import MIXED
from instructsam_ros.training.data.labelled_pictures import read_picture
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels
from test.training.data.pictures import labels, photograph, square


def test_of_overlapping_labels_the_smaller_owns_the_pixels():
    picture = read_picture(photograph(), labels(("bowl", square(10, 10, 60)), ("apple", square(20, 20, 10))))
    assert [label.noun for label in picture.labels] == ["bowl", "apple"]
    assert picture.id_map[25, 25] == 2
    assert picture.id_map[12, 12] == 1


def test_a_label_may_mean_other_nouns_unless_the_data_set_has_them_too():
    (cup,) = read_picture(photograph(), labels(("cup", square(10, 10, 60)))).labels
    assert "mug" in cup.perhaps
    assert cup.is_coarse
    with_mugs = labels(("cup", square(10, 10, 60)), absent=("mug", "glass", "wine glass", "tea cup"))
    (cup,) = read_picture(photograph(), with_mugs).labels
    assert "mug" not in cup.perhaps


def test_names_of_a_data_set_become_nouns_and_covered_nouns_follow():
    picture = read_picture(photograph(), labels(("tv", square(10, 10, 60)), absent=("cup", "doughnut")))
    assert {"tv", "cup", "mug", "donut"} <= picture.covered
    assert {"cup", "mug", "donut"} <= set(picture.facts().absent)


def test_a_label_that_is_hidden_altogether_leaves_its_noun_open():
    twice = labels(("bowl", square(10, 10, 40)), ("apple", square(10, 10, 40)))
    picture = read_picture(photograph(), twice)
    assert len(picture.labels) == 1
    assert len(picture.covered & {"bowl", "apple"}) == 1


def test_objects_of_incomplete_nouns_are_objects_all_the_same():
    crowd = NounLabels(
        entities=(), absent=frozenset({"fork"}), ambiguous=frozenset({"person"}),
        others=(Entity("person", square(10, 10, 60)),),
    )  # fmt: skip
    picture = read_picture(photograph(), crowd)
    assert [label.noun for label in picture.labels] == ["person"]
    assert "person" not in picture.covered


@pytest.mark.parametrize(("boxes_only", "corner"), [(False, 1), (True, 0)])
def test_boxes_are_ellipses_that_touch_their_sides(boxes_only, corner):
    picture = read_picture(photograph(boxes_only), labels(("cup", square(20, 30, 40))))
    assert picture.labels[0].is_box == boxes_only
    assert picture.id_map[30, 20] == corner
    rows, columns = (np.flatnonzero((picture.id_map > 0).any(axis)) for axis in (1, 0))
    assert abs(rows[0] - 30) <= 1
    assert abs(rows[-1] - 69) <= 1
    assert abs(columns[0] - 20) <= 1
    assert abs(columns[-1] - 59) <= 1


def test_colours_are_measured_in_masks_and_not_in_boxes():
    found = labels(("cup", square(10, 10, 40)), absent=("mug",))
    colors = [
        read_picture(photograph(boxes_only), found).facts().objects[1].color for boxes_only in (False, True)
    ]
    assert colors == ["red", MIXED]


def test_objects_for_the_losses_have_a_category_where_the_label_is_exact():
    picture = read_picture(photograph(), labels(("cup", square(10, 10, 30)), ("fork", square(50, 50, 30))))
    found = {each.id: each for each in picture.labelled_objects(picture.facts())}
    assert {each.category for each in found.values()} == {"", "fork"}
