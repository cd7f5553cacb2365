from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import lift
from instructsam_ros.pipeline import Result
from instructsam_ros.types import CameraModel, Frame, Instance, Segmentation, Status, tight_box
from instructsam_ros.visualization import color, contact_sheet, label_image, overlay, table

SIZE = (60, 80)


def instance(rows: slice, columns: slice, score: float = 0.9, phrase: str = "mug") -> Instance:
    mask = np.zeros(SIZE, bool)
    mask[rows, columns] = True
    return Instance(mask, tight_box(mask), score, phrase)


def result(*instances: Instance, status: Status = Status.OK, depth: bool = True) -> Result:
    readings = np.full(SIZE, 0.8, np.float32) if depth else None
    frame = Frame(np.full((*SIZE, 3), 90, np.uint8), readings, CameraModel(80, 60, 70.0, 70.0, 40.0, 30.0))
    segmentation = Segmentation(instances, "Here they are.", status)
    timings = {"encode": 0.012, "lift": 0.003}
    return Result(frame, "the mugs", segmentation, lift(frame, segmentation), timings)


def test_colors_are_fixed_bright_and_distinct():
    colors = [color(i) for i in range(1, 21)]
    assert color(3) == colors[2]
    assert len(set(colors)) == 20
    assert all(max(c) == 255 for c in colors)
    for a, b in pairwise(colors):
        assert sum(abs(x - y) for x, y in zip(a, b, strict=True)) > 150


@pytest.mark.parametrize("background", [0, 128, 255])
def test_overlay_shows_on_any_background_and_leaves_its_input_alone(background):
    rgb = np.full((*SIZE, 3), background, np.uint8)
    shown = overlay(rgb, [instance(slice(25, 50), slice(20, 50))])
    assert (rgb == background).all()
    assert shown.dtype == np.uint8
    difference = np.abs(shown.astype(int) - background).max(-1)
    assert difference[40, 35] > 30
    assert difference[25:50, 19:21].max() > 100
    assert difference[58, 70] == 0


def test_the_label_names_id_phrase_and_score():
    rgb = np.zeros((*SIZE, 3), np.uint8)
    one = instance(slice(25, 50), slice(20, 50))
    other = instance(slice(25, 50), slice(20, 50), phrase="cup")
    assert (overlay(rgb, [one]) != overlay(rgb, [other])).any()
    assert (overlay(rgb, [one], [1]) != overlay(rgb, [one], [2])).any()


@given(hnp.array_shapes(min_dims=2, max_dims=2, max_side=30), st.text(max_size=20), st.data())
def test_any_mask_and_phrase_can_be_drawn(size, phrase, data):
    masks = data.draw(st.lists(hnp.arrays(bool, size), max_size=3))
    instances = [Instance(mask, tight_box(mask), 0.5, phrase) for mask in masks]
    assert overlay(np.zeros((*size, 3), np.uint8), instances).shape == (*size, 3)


def test_labels_of_crowded_instances_do_not_cover_each_other():
    rgb = np.zeros((240, 320, 3), np.uint8)
    mask = np.zeros((240, 320), bool)
    mask[100:160, 100:200] = True
    crowd = [Instance(mask, tight_box(mask), 0.9, "mug")] * 3
    shown = overlay(rgb, crowd, [1, 2, 3])
    for number in (1, 2, 3):
        assert (shown == color(number)).all(-1).sum() > 300


@given(st.lists(st.tuples(st.floats(0, 1), hnp.arrays(bool, (5, 6))), max_size=5))
def test_every_pixel_has_the_id_of_its_best_instance(scored):
    instances = [Instance(mask, tight_box(mask), score, "") for score, mask in scored]
    ids = [10 * (i + 1) for i in range(len(instances))]
    labels = label_image(instances, ids, (5, 6))
    assert labels.dtype == np.uint16
    for pixel in np.ndindex(5, 6):
        claims = [(-i.score, n) for n, i in enumerate(instances) if i.mask[pixel]]
        assert labels[pixel] == (ids[min(claims)[1]] if claims else 0)


def test_ids_beyond_16_bit_never_become_background():
    one = instance(slice(0, 5), slice(0, 5))
    for number, label in ((65535, 65535), (65536, 1), (131070, 65535)):
        assert label_image([one], [number], SIZE)[0, 0] == label


@given(st.integers(1, 9), st.integers(1, 5))
def test_a_contact_sheet_shows_every_image_at_its_place_and_nothing_else(count, columns):
    tiles = [np.full((2, 3, 3), 20 + number, np.uint8) for number in range(count)]
    sheet = contact_sheet(tiles, columns)
    rows = -(-count // columns)
    assert (sheet.shape, sheet.dtype) == ((2 * rows, 3 * columns, 3), np.uint8)
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        shown = sheet[2 * row : 2 * row + 2, 3 * column : 3 * column + 3]
        assert (shown == (20 + number if number < count else 0)).all()


def test_a_contact_sheet_of_no_images_or_of_different_sizes_is_refused():
    with pytest.raises(InvalidInputError, match="at least one image"):
        contact_sheet([])
    with pytest.raises(InvalidInputError, match=r"one size, got .*\(2, 3, 3\), \(4, 3, 3\)"):
        contact_sheet([np.zeros((2, 3, 3), np.uint8), np.zeros((4, 3, 3), np.uint8)])


def test_the_table_has_every_value_once():
    shown = table(result(instance(slice(10, 40), slice(10, 40), phrase="red mug")))
    row = next(line for line in shown.splitlines() if "red mug" in line)
    assert row.split()[:5] == ["1", "red", "mug", "0.90", "900"]
    assert "100%" in row
    assert "encode 12.0" in shown
    assert "total 15.0" in shown
    assert "the mugs" in shown
    assert "Here they are." in shown


def test_the_table_of_special_cases():
    assert "nothing in the image" in table(result(status=Status.NO_TARGET))
    full = result(instance(slice(10, 40), slice(0, 40)), status=Status.MAX_INSTANCES, depth=False)
    assert "may be more" in table(full)
    assert "truncated low_depth no_depth" in table(full)
