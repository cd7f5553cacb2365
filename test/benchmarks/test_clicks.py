"""Simulated clicks are where the largest error is, and are scored after each one."""

import json

import numpy as np
from hypothesis import assume, given
from hypothesis.extra.numpy import arrays

from benchmarks.clicks import deepest_pixel, ious_after_clicks, next_click, objects_of, report
from benchmarks.real_pictures import samples_of
from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.paths import DATA

MASKS = arrays(bool, (12, 16))


def square(x, y, side):
    mask = np.zeros((40, 60), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def test_the_first_click_is_in_the_middle_of_the_object():
    assert next_click(square(10, 10, 11), np.zeros((40, 60), bool)) == ((15, 15), 1)


def test_a_further_click_is_in_the_middle_of_the_larger_error():
    truth = square(10, 10, 11)
    assert next_click(truth, truth | square(40, 10, 15)) == ((47, 17), 0)
    assert next_click(truth, truth & ~square(10, 10, 9) | square(50, 30, 3)) == ((14, 14), 1)
    assert next_click(truth, truth) == ((15, 15), 1)


@given(MASKS, MASKS)
def test_a_click_lies_on_an_error_and_its_label_is_right(truth, found):
    assume(truth.any() and (truth != found).any())
    (x, y), label = next_click(truth, found)
    assert truth[y, x] == bool(label)
    assert found[y, x] != truth[y, x]


def test_the_deepest_pixel_is_in_the_mask_with_the_frame_as_a_border():
    (_, y), depth = deepest_pixel(np.ones((5, 9), bool))
    assert y == 2
    assert depth == 3
    assert deepest_pixel(np.zeros((5, 9), bool))[1] == 0


def test_ious_are_those_of_a_segmenter():
    rgb = np.full((40, 60, 3), 160, np.uint8)
    rgb[10:20, 10:20] = (220, 20, 20)
    segmenter = FakeSegmenter()
    features = segmenter.encode(rgb)
    assert ious_after_clicks(segmenter, features, square(10, 10, 10), 2) == [1.0, 1.0]
    assert ious_after_clicks(segmenter, features, square(30, 10, 10), 2) == [0.0, 0.0]


def test_objects_count_once(tmp_path):
    entries = json.loads((DATA / "testset" / "annotations.json").read_text())[:2]
    (tmp_path / "a.json").write_text(json.dumps(entries))
    found = list(objects_of(samples_of(tmp_path / "a.json", DATA / "testset")))
    assert len(found) == 2
    for (rgb, masks), entry in zip(found, entries, strict=True):
        codes = {rle["counts"] for item in entry["annotation"] for rle in item.get("mask", ())}
        assert len(masks) == len(codes)
        assert all(mask.shape == rgb.shape[:2] for mask in masks)


def test_the_table_has_a_row_per_group_and_click():
    text = report(np.array([[0.9, 1.0], [0.3, 0.7]]), np.array([10, 5000]))
    rows = [line.split() for line in text.splitlines()[1:]]
    assert len(rows) == 6
    assert rows[0] == ["all", "(2)", "1", "60.0", "50.0%", "50.0%"]
    assert rows[3][-4:] == ["2", "100.0", "100.0%", "100.0%"]
