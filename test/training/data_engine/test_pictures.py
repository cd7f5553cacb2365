"""Overlays and crops."""

import numpy as np

from instructsam_ros.training.data_engine.pictures import crop_around, numbered_overlay

GREY = np.full((100, 200, 3), 100, np.uint8)
MASK = np.zeros((100, 200), bool)
MASK[40:60, 150:190] = True


def test_masks_are_tinted_and_all_else_is_left():
    shown = numbered_overlay(GREY, MASK[None])
    assert (shown[45:55, 165:180] != 100).any(-1).mean() > 0.9
    assert (shown[:30] == 100).all()
    assert (GREY == 100).all()


def test_a_crop_holds_the_mask_and_what_is_near():
    crop = crop_around(np.dstack([MASK] * 3).astype(np.uint8), MASK)
    assert crop[..., 0].sum() == MASK.sum()
    assert 64 - 2 <= crop.shape[0] < 100
    assert crop.shape[1] < 100
