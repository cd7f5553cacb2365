"""Masks refined by depth: fragments grow, neighbours are given up; good masks and flat things stay."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import ConfigError
from instructsam_ros.lifting import RefinementSettings, refine_with_depth
from instructsam_ros.lifting.depth_refinement import refine_masks
from instructsam_ros.types import mask_iou, tight_box


def with_mask(segmentation, mask):
    instance = dataclasses.replace(segmentation.instances[0], mask=mask, box=tight_box(mask))
    return dataclasses.replace(segmentation, instances=(instance,))


def left_half(mask):
    x0, _, x1, _ = tight_box(mask).astype(int)
    half = mask.copy()
    half[:, (x0 + x1) // 2 :] = False
    return half


def test_half_a_box_becomes_the_whole(tabletop):
    scene = tabletop(noise=0.001)
    truth = scene.segmentation.instances[0].mask
    half = left_half(truth)
    (found,) = refine_with_depth(scene.frame, with_mask(scene.segmentation, half)).instances
    assert mask_iou(half, truth) < 0.6
    assert mask_iou(found.mask, truth) > 0.9
    assert np.array_equal(found.box, tight_box(found.mask))
    assert found.mask[half].all()


def test_an_exact_mask_stays_the_same_object(tabletop):
    scene = tabletop(noise=0.001)
    assert refine_with_depth(scene.frame, scene.segmentation).instances == scene.segmentation.instances


@pytest.mark.parametrize("thing", ["flat", "unread", "without depth", "without intrinsics"])
def test_what_does_not_stand_out_stays(tabletop, thing):
    scene = tabletop(size=(0.12, 0.07, 0.002 if thing == "flat" else 0.1), noise=0.001)
    frame, truth = scene.frame, scene.segmentation.instances[0].mask
    if thing == "unread":
        frame = dataclasses.replace(frame, depth=np.where(truth, np.float32(np.nan), frame.depth))
    elif thing != "flat":
        frame = dataclasses.replace(frame, **{thing.removeprefix("without "): None})
    halved = with_mask(scene.segmentation, left_half(truth))
    assert refine_with_depth(frame, halved).instances == halved.instances


def two_regions():
    """A square of 40 pixels beside one of 40x40, of labels 1 and 2, in an image of 100x60."""
    regions = np.zeros((60, 100), np.uint16)
    regions[10:50, 5:45], regions[10:50, 55:95] = 1, 2
    return regions


def test_a_part_of_a_neighbour_is_given_up():
    regions = two_regions()
    mask = regions == 1
    mask[20:34, 45:65] = True  # reaches 14x10 pixels of the neighbour
    (found,) = refine_masks([mask], regions, RefinementSettings())
    assert found[regions == 2].sum() <= 4 * 3, "at most the corners of the part"
    assert found[regions == 1].all()


def test_a_region_is_not_taken_from_another_mask():
    regions = two_regions()
    left, right = regions == 1, regions == 1
    left[:, 25:], right[:, :25] = False, False
    found = refine_masks([left, right], regions, RefinementSettings())
    assert found[0] is left
    assert found[1] is right


def test_a_small_part_of_a_large_region_stays():
    mask = np.zeros((60, 100), bool)
    mask[20:30, 10:20] = True
    (found,) = refine_masks([mask], two_regions(), RefinementSettings())
    assert found is mask


def test_narrow_differences_are_left_to_the_mask():
    regions = two_regions()
    mask = np.zeros(regions.shape, bool)
    mask[12:48, 7:43] = True
    (found,) = refine_masks([mask], regions, RefinementSettings())
    assert found is mask


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9), st.integers(1, 3))
def test_areas_stay_within_limits_and_inputs_unchanged(seed, share, count):
    rng = np.random.default_rng(seed)
    regions = np.kron(rng.integers(0, 4, (4, 5)), np.ones((12, 12))).astype(np.uint16)
    masks = [np.kron(rng.random((8, 10)) < share, np.ones((6, 6))).astype(bool) for _ in range(count)]
    copies = [mask.copy() for mask in masks]
    settings = RefinementSettings()
    for mask, copy, found in zip(masks, copies, refine_masks(masks, regions, settings), strict=True):
        assert np.array_equal(mask, copy)
        assert found.shape == mask.shape
        assert found.dtype == bool
        assert settings.least * mask.sum() <= found.sum() <= settings.most * mask.sum()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"min_height": 0.0}, "min_height is 0.0 metres"),
        ({"covered": 1.5}, "covered is 1.5; it is a share"),
        ({"least": 1.5}, "must enclose 1"),
    ],
)
def test_settings_out_of_range_are_named(setting, message):
    with pytest.raises(ConfigError, match=message):
        RefinementSettings(**setting)
