from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.types import (
    IDENTITY,
    MAX_INSTRUCTION_CHARS,
    CameraModel,
    Frame,
    Instance,
    PhraseAnswer,
    Pose,
    Segmentation,
    Status,
    check_instruction,
    check_rgb,
    mask_iou,
    tight_box,
)

RGB = np.zeros((4, 6, 3), np.uint8)


def test_what_holds_arrays_can_be_compared_and_kept_in_sets():
    found, same = (Instance(np.ones((4, 6), bool), np.zeros(4, np.float32), 0.9, "mug") for _ in range(2))
    answers = [Segmentation((one,), "mug", Status.OK) for one in (found, same)]
    for first, second in ((found, same), answers, (Frame(RGB), Frame(RGB))):
        assert first == first
        assert first != second
        assert len({first, second, first}) == 2


@given(*[hnp.arrays(bool, (5, 7))] * 2)
def test_mask_iou_is_symmetric_and_one_only_for_equal_masks(first, second):
    iou = mask_iou(first, second)
    assert iou == mask_iou(second, first)
    assert 0 <= iou <= 1
    assert (iou == 1) == (bool(first.any()) and bool((first == second).all()))
    assert (iou > 0) == bool((first & second).any())


def test_mask_iou_of_two_empty_masks_is_the_given_value():
    empty = np.zeros((5, 7), bool)
    assert mask_iou(empty, empty) == 0
    assert mask_iou(empty, empty, empty=1.0) == 1
    assert mask_iou(empty, ~empty, empty=1.0) == 0


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=15)))
def test_a_tight_box_holds_the_mask_and_nothing_less(mask):
    x0, y0, x1, y1 = (int(v) for v in tight_box(mask))
    assert mask[y0:y1, x0:x1].sum() == mask.sum()
    if mask.any():
        inside = mask[y0:y1, x0:x1]
        assert inside[0].any()
        assert inside[-1].any()
        assert inside[:, 0].any()
        assert inside[:, -1].any()
    else:
        assert (x0, y0, x1, y1) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((0, 6, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        [[0, 0, 0]],
    ],
)
def test_other_images_are_refused(image):
    with pytest.raises(InvalidInputError, match="image"):
        check_rgb(image)


def test_depth_and_intrinsics_must_fit_the_image():
    with pytest.raises(InvalidInputError, match="registered"):
        Frame(RGB, np.zeros((4, 5), np.float32))
    with pytest.raises(InvalidInputError, match="6x4"):
        Frame(RGB, intrinsics=CameraModel(6, 5, 1.0, 1.0, 0.0, 0.0))
    frame = Frame(RGB, np.zeros((4, 6), np.float32), CameraModel(6, 4, 1.0, 1.0, 0.0, 0.0))
    assert frame.stamp_ns == 0


@pytest.mark.parametrize(
    "change",
    [{"width": 0}, {"height": -1}, {"fx": 0.0}, {"fy": -1.0}, {"cx": float("nan")}, {"cy": float("inf")}],
)
def test_uncalibrated_cameras_are_refused(change):
    good = {"width": 6, "height": 4, "fx": 1.0, "fy": 1.0, "cx": 3.0, "cy": 2.0}
    CameraModel(**good)
    with pytest.raises(InvalidInputError, match="camera"):
        CameraModel(**good | change)


def test_instructions_are_stripped_and_bounded():
    assert check_instruction("  the red mug\n") == "the red mug"
    assert len(check_instruction("x" * MAX_INSTRUCTION_CHARS)) == MAX_INSTRUCTION_CHARS
    for text in ("", " \n", "x" * (MAX_INSTRUCTION_CHARS + 1)):
        with pytest.raises(InvalidInputError, match="instruction"):
            check_instruction(text)
    for text in (None, 5, b"mug", ["mug"]):
        with pytest.raises(InvalidInputError, match="expected a text"):
            check_instruction(text)


def test_timings_cannot_be_shared_by_accident():
    with pytest.raises(TypeError):
        Segmentation((), "", Status.NO_TARGET).timings["lift"] = 1.0


@pytest.mark.parametrize("depth", [np.full((4, 5), 800, np.uint16), np.ones((4, 5), int), [[0.8] * 5] * 4])
def test_depth_in_whole_numbers_is_refused_since_it_is_millimetres(depth):
    with pytest.raises(InvalidInputError, match="metres"):
        Frame(np.zeros((4, 5, 3), np.uint8), depth)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distortion": (0.3, 0.1, 0.0, 0.0, 0.0)}, "without a distortion_model"),
        ({"distortion": (np.nan,), "distortion_model": "plumb_bob"}, "finite"),
    ],
)
def test_distortion_is_never_ignored(change, message):
    with pytest.raises(InvalidInputError, match=message):
        CameraModel(5, 4, 4.0, 4.0, 2.0, 2.0, **change)
    CameraModel(5, 4, 4.0, 4.0, 2.0, 2.0, distortion=(0.0, 0.0))  # as drivers say "none"


def test_text_that_is_no_unicode_is_refused():
    with pytest.raises(InvalidInputError, match="Unicode"):
        check_instruction("the mug \udcff")
    assert check_instruction(" die Tasse für Ähren ☕ ") == "die Tasse für Ähren ☕"


def test_a_full_answer_keeps_its_name_of_the_messages():
    assert Status.SATURATED is Status.MAX_INSTANCES
    assert Status["SATURATED"] == 2


def test_a_pose_moves_points_and_keeps_their_type():
    turned = Pose(np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), np.array([0.0, 0.0, 2.0]))
    points = np.array([[1, 0, 0], [0, 1, 3]], np.float32)
    moved = turned.apply(points)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, [[0, 1, 2], [-1, 0, 5]])
    assert IDENTITY.apply(points) is points


def test_every_phrase_is_told_once_with_what_is_left_of_it():
    mask = np.ones((2, 3), bool)
    mugs = [Instance(mask, tight_box(mask), score, "mug") for score in (0.9, 0.8)]
    told = (
        PhraseAnswer("mug", Status.OK),
        PhraseAnswer("bowl", Status.OK),  # its instance was removed since
        PhraseAnswer("mug", Status.NO_TARGET),
        PhraseAnswer("cup", Status.MAX_INSTANCES),
    )
    answers = Segmentation(tuple(mugs), "", Status.OK, phrases=told).phrase_answers()
    assert answers == (
        PhraseAnswer("mug", Status.OK),
        PhraseAnswer("bowl", Status.NO_TARGET),
        PhraseAnswer("cup", Status.MAX_INSTANCES),
    )
    assert Segmentation(tuple(mugs), "", Status.OK).phrase_answers() == (PhraseAnswer("mug", Status.OK),)
