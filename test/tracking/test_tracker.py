from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instructsam_ros.errors import ConfigError
from instructsam_ros.tracking.tracker import Tracker, TrackerSettings, cropped_iou
from instructsam_ros.types import Instance, Pose, View, tight_box

UNKNOWN = np.full(3, np.nan)


def square(x: int, y: int, side: int = 10) -> Instance:
    mask = np.zeros((100, 100), bool)
    mask[y : y + side, x : x + side] = True
    return Instance(mask, tight_box(mask), 0.9, "thing")


def at(x: float) -> np.ndarray:
    return np.array([x, 0.0, 1.0])


@given(st.permutations(range(6)), st.tuples(*[st.integers(-3, 3)] * 2))
def test_ids_follow_objects_in_any_order(order, motion):
    tracker = Tracker()
    places = [(10 + 30 * (i % 3), 20 + 40 * (i // 3)) for i in range(6)]
    assert tracker.update("things", [square(*p) for p in places], [UNKNOWN] * 6) == [1, 2, 3, 4, 5, 6]
    moved = [square(places[i][0] + motion[0], places[i][1] + motion[1]) for i in order]
    assert tracker.update("things", moved, [UNKNOWN] * 6) == [i + 1 for i in order]


def test_a_near_centroid_matches_where_masks_no_longer_meet():
    tracker = Tracker()
    tracker.update("things", [square(0, 0), square(50, 0)], [at(0.0), at(0.5)])
    assert tracker.update("things", [square(30, 0), square(80, 0)], [at(0.53), at(0.03)]) == [2, 1]


def test_the_better_pair_goes_first():
    tracker = Tracker()
    tracker.update("things", [square(0, 0), square(6, 0)], [UNKNOWN] * 2)
    assert tracker.update("things", [square(6, 0), square(4, 0)], [UNKNOWN] * 2) == [2, 1]


def test_an_object_that_was_hidden_keeps_its_id_for_a_while():
    tracker = Tracker(TrackerSettings(max_missed=3))
    tracker.update("things", [square(0, 0)], [UNKNOWN])
    for _ in range(3):
        tracker.update("things", [], [])
    assert tracker.update("things", [square(1, 0)], [UNKNOWN]) == [1]
    for _ in range(4):
        tracker.update("things", [], [])
    assert tracker.update("things", [square(1, 0)], [UNKNOWN]) == [2]


def test_a_new_instruction_starts_again_at_one():
    tracker = Tracker()
    tracker.update("mugs", [square(0, 0), square(50, 50)], [UNKNOWN] * 2)
    assert tracker.update("bowls", [square(50, 50)], [UNKNOWN]) == [1]


@given(st.lists(st.lists(st.tuples(st.integers(0, 85), st.integers(0, 85)), max_size=4), max_size=12))
def test_no_id_is_given_twice(frames):
    tracker = Tracker(TrackerSettings(max_missed=1))
    last_seen: dict[int, int] = {}
    for number, places in enumerate(frames):
        ids = tracker.update("things", [square(*p) for p in places], [UNKNOWN] * len(places))
        assert len(set(ids)) == len(ids)
        known = max(last_seen, default=0)
        for i in ids:
            assert i > known or number - last_seen[i] <= 2
            last_seen[i] = number


@given(*[hnp.arrays(bool, (6, 7)).filter(np.any)] * 2)
def test_iou_of_crops_is_iou_of_images(first, second):
    a, b = (Instance(mask, tight_box(mask), 1.0, "") for mask in (first, second))
    assert cropped_iou(a, b) == pytest.approx((first & second).sum() / (first | second).sum())


def test_empty_masks_and_another_resolution_do_not_match():
    empty = Instance(np.zeros((100, 100), bool), np.zeros(4, np.float32), 0.5, "")
    small = Instance(np.ones((5, 5), bool), np.array([0, 0, 5, 5], np.float32), 0.5, "")
    assert cropped_iou(empty, empty) == 0
    assert cropped_iou(small, square(0, 0)) == 0


@pytest.mark.parametrize("change", [{"min_iou": 0.0}, {"max_distance": 0.0}, {"max_missed": -1}])
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ConfigError):
        TrackerSettings(**change)


def test_an_object_that_is_there_keeps_its_id_beside_one_that_has_gone():
    tracker = Tracker()
    assert tracker.update("mugs", [square(10, 10, 20), square(34, 10, 20)], [at(0.0), at(0.10)]) == [1, 2]
    assert tracker.update("mugs", [square(10, 10, 20)], [at(0.0)]) == [1]  # the other one is taken away
    assert tracker.update("mugs", [square(26, 10, 20)], [at(0.07)]) == [1]  # and this one moves there


def seen_from(x: float, degrees: float = 0.0, frame: str = "odom") -> View:
    """The camera at x metres in a fixed frame, turned about its optical axis."""
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    return View(frame, Pose(rotation, np.array([x, 0.0, 0.0])))


@pytest.mark.parametrize("step", [0.1, 0.3])
def test_things_at_rest_keep_their_ids_however_the_camera_moves(step):
    """Two things ``step`` apart: after a step of the camera the one is where the other was."""
    things = (0.0, step)
    tracker = Tracker()
    for number in range(5):
        camera = step * number
        masks = [square(round(40 + 40 * (x - camera) / step) % 90, 40) for x in things]
        centroids = [at(x - camera) for x in things]
        assert tracker.update("things", masks, centroids, seen_from(camera)) == [1, 2]


def test_without_a_moving_camera_masks_count_as_well():
    """A thing pushed by more than max_distance between slow frames, still overlapping its place."""
    for view, expected in ((None, [1]), (seen_from(0.0), [1])):
        tracker = Tracker()
        tracker.update("things", [square(10, 10, 30)], [at(0.0)], view)
        assert tracker.update("things", [square(20, 10, 30)], [at(0.1)], view) == expected


@pytest.mark.parametrize("moved", [seen_from(0.05), seen_from(0.0, 5.0)], ids=["shifted", "turned"])
def test_masks_do_not_count_where_the_camera_moved_unless_there_is_no_depth(moved):
    for centroid, expected in ((at(0.5), [2]), (UNKNOWN, [1])):
        tracker = Tracker()
        tracker.update("things", [square(10, 10)], [at(0.0)], seen_from(0.0))
        assert tracker.update("things", [square(10, 10)], [centroid], moved) == expected


def test_places_in_another_fixed_frame_are_not_compared():
    tracker = Tracker()
    tracker.update("things", [square(10, 10), square(60, 60)], [at(0.0), at(0.5)], seen_from(0.0))
    found = [square(60, 60), square(10, 10)]
    assert tracker.update("things", found, [at(0.0), at(0.5)], seen_from(0.0, frame="map")) == [2, 1]
    assert tracker.update("things", found, [at(0.0), at(0.5)], None) == [2, 1]
