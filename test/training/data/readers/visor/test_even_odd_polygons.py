import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.readers.visor.even_odd_polygons import (
    are_far_apart,
    fill_even_odd,
    gap,
    parse_polygons,
    polygon_masks,
)

H, W = 40, 60


def box(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def mask_of(*segments):
    return fill_even_odd(parse_polygons(list(segments), H, W), H, W)


def test_a_polygon_in_another_is_a_hole():
    mask = mask_of(box(5, 5, 35, 35), box(15, 15, 25, 25))
    assert mask[10, 10]
    assert not mask[20, 20]


def test_empty_polygons_and_those_of_two_points_are_left_out():
    assert np.array_equal(mask_of([], [[1, 1], [50, 30]], box(5, 5, 9, 9)), mask_of(box(5, 5, 9, 9)))
    assert parse_polygons([[]], H, W) == ()


def test_corners_outside_the_image_are_cut_off_at_its_edge():
    mask = mask_of(box(-20, -20, 10, 10), box(50, 30, 90.7, 70))
    assert mask[:11, :11].all()
    assert mask[30:, 50:].all()
    assert mask.sum() == 11 * 11 + 10 * 10


polygons = st.lists(
    st.lists(st.tuples(st.integers(-9, W + 9), st.integers(-9, H + 9)).map(list), min_size=3, max_size=6),
    min_size=1,
    max_size=3,
)


@given(polygons)
def test_pixels_away_from_edges_are_inside_by_the_even_odd_rule(segments):
    mask = mask_of(*segments)
    rows, columns = np.mgrid[:H, :W].astype(float)
    crossings, near = np.zeros((H, W), int), np.zeros((H, W), bool)
    for polygon in segments:
        for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            crossings += ((y0 > rows + 0.5) != (y1 > rows + 0.5)) & (columns + 0.5 < x)
            length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1)
            along = (((columns - x0) * (x1 - x0) + (rows - y0) * (y1 - y0)) / length).clip(0, 1)
            near |= np.hypot(columns - x0 - along * (x1 - x0), rows - y0 - along * (y1 - y0)) < 2
    assert np.array_equal(mask[~near], (crossings % 2 == 1)[~near])


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (None, "no list of polygons"),
        ([3], "no list of polygons"),
        ([[[1, 2], [3, 4], [5]]], "no point"),
        ([[[1, 2], [3, 4], [5, "6"]]], "no point"),
        ([[[1, 2], [3, 4], [5, float("nan")]]], "no point"),
        ([[[1, 2], [3, 4], [5, 1e9]]], "far beyond the image"),
    ],
)
def test_other_forms_are_errors(segments, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_polygons(segments, H, W)


def test_a_smaller_picture_gets_a_smaller_mask(tmp_path):
    Image.new("RGB", (W // 2, H // 2)).save(tmp_path / "a.png")
    masks = polygon_masks(parse_polygons([box(20, 10, 39, 29)], H, W), H, W, ImageFile(tmp_path / "a.png"))()
    assert masks.shape == (1, H // 2, W // 2)
    assert masks[0, 5:15, 10:20].all()
    assert masks.sum() == 100


def test_masks_turn_with_the_image(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    Image.new("RGB", (W, H)).save(tmp_path / "a.jpg", exif=exif)
    masks = polygon_masks(parse_polygons([box(0, 0, 4, 4)], H, W), H, W, ImageFile(tmp_path / "a.jpg"))()
    assert masks[0, -5:, -5:].all()
    assert masks.sum() == 25


def test_parts_are_far_apart_when_no_chain_of_parts_connects_them():
    parts = parse_polygons([box(0, 0, 5, 5), box(8, 0, 12, 5), box(15, 0, 20, 5), box(1, 1, 3, 3)], H, W)
    assert not are_far_apart(parts, 4)
    assert are_far_apart([parts[0], parts[2]], 4)
    assert are_far_apart(parts, 2)
    assert gap((0, 0, 5, 5), (8, 9, 12, 12)) == 4
