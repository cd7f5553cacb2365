import cv2
import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.tracking.optical_flow import OpticalFlowPropagator
from instructsam_ros.types import mask_iou

HEIGHT, WIDTH, RADIUS = 120, 160, 24


def texture(seed, blue=0, red=0):
    """A smooth random pattern of the size of the image, tinted."""
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH)).astype(np.float32)
    grey = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.5), None, 60, 180, cv2.NORM_MINMAX)
    return np.clip(np.stack([grey + red, grey, grey + blue], 2), 0, 255).astype(np.uint8)


WALL, BALL, OTHER = texture(0), texture(1, red=70), texture(2, blue=70)


def disc(x, y):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (columns - x) ** 2 + (rows - y) ** 2 <= RADIUS**2


def frame(*balls, shift=(0, 0)):
    """Balls (x, y, texture) before the wall, which is moved by ``shift``, and the visible mask of each."""
    rgb = np.roll(WALL, (shift[1], shift[0]), (0, 1))
    masks = []
    for x, y, pattern in balls:
        mask = disc(x, y)
        moved = np.roll(pattern, (y - HEIGHT // 2, x - WIDTH // 2), (0, 1))
        rgb = np.where(mask[..., None], moved, rgb)
        masks = [earlier & ~mask for earlier in masks] + [mask]
    return rgb, masks


@pytest.mark.parametrize(("dx", "dy", "pan"), [(0, 0, 0), (3, 0, 0), (-2, 2, 1), (1, -2, -2), (0, 0, -2)])
def test_masks_follow_objects_and_camera(dx, dy, pan):
    propagator = OpticalFlowPropagator()
    rgb, masks = frame((45, 60, BALL), (115, 60, OTHER))
    propagator.start(rgb, masks, [4, 9])
    for step in range(1, 7):
        rgb, masks = frame(
            (45 + dx * step, 60 + dy * step, BALL), (115 + pan * step, 60, OTHER), shift=(pan * step, 0)
        )
        followed = propagator.follow(rgb)
    assert set(followed) == {4, 9}
    for number, mask in zip([4, 9], masks, strict=True):
        assert mask_iou(followed[number].mask, mask) > 0.65
        assert 0.5 <= followed[number].confidence <= 1
    assert not (followed[4].mask & followed[9].mask).any()


def test_what_leaves_the_image_is_lost_and_the_rest_goes_on():
    propagator = OpticalFlowPropagator()
    propagator.start(*frame((120, 40, BALL), (40, 80, OTHER)), [1, 2])
    for x in range(124, 190, 4):
        followed = propagator.follow(frame((x, 40, BALL), (40, 80, OTHER))[0])
    assert set(followed) == {2}


def test_what_is_covered_is_lost():
    propagator = OpticalFlowPropagator()
    rgb, masks = frame((60, 60, BALL), (110, 60, OTHER))
    propagator.start(rgb, masks[:1], [1])
    sizes = []
    for x in range(107, 58, -3):
        followed = propagator.follow(frame((60, 60, BALL), (x, 60, OTHER))[0])
        sizes.append(np.count_nonzero(followed[1].mask) if 1 in followed else 0)
    assert sizes[0] > 900
    assert sizes[-1] == 0


def test_another_scene_loses_everything():
    propagator = OpticalFlowPropagator()
    propagator.start(*frame((60, 60, BALL)), [1])
    assert propagator.follow(OTHER) == {}
    assert propagator.follow(frame((60, 60, BALL))[0]) == {}


def test_depth_keeps_an_outline_that_colours_do_not_show():
    """Two greys alike: without depth the mask stays too large."""
    rgb = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    mask = disc(80, 60)
    large = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    depth = np.where(mask, np.float32(0.6), np.float32(1.0))
    iou = {}
    for given_depth in (None, depth):
        propagator = OpticalFlowPropagator()
        propagator.start(rgb, [large], [1])
        for _ in range(10):
            followed = propagator.follow(rgb, given_depth)
        iou[given_depth is None] = mask_iou(followed[1].mask, mask)
    assert iou[True] < 0.95
    assert iou[False] > 0.98


def test_large_images_are_followed_on_a_smaller_copy():
    def large(image, interpolation=cv2.INTER_LINEAR):
        return cv2.resize(image, (8 * WIDTH, 8 * HEIGHT), interpolation=interpolation)

    propagator = OpticalFlowPropagator()
    rgb, masks = frame((60, 60, BALL))
    propagator.start(large(rgb), [large(masks[0].astype(np.uint8), cv2.INTER_NEAREST) > 0], [1])
    rgb, masks = frame((64, 60, BALL))
    followed = propagator.follow(large(rgb))
    assert mask_iou(followed[1].mask, large(masks[0].astype(np.uint8), cv2.INTER_NEAREST) > 0) > 0.9


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255), (255, 255, 0)])
def test_pure_colours_are_recognised(colour):
    rgb = WALL.copy()
    rgb[disc(60, 60)] = colour
    propagator = OpticalFlowPropagator()
    propagator.start(rgb, [disc(60, 60)], [1])
    assert propagator.follow(rgb)[1].confidence > 0.95


def test_nothing_to_follow_is_an_answer_and_no_start_or_another_size_is_an_error():
    propagator = OpticalFlowPropagator()
    with pytest.raises(InvalidInputError, match="call start"):
        propagator.follow(WALL)
    propagator.start(WALL, [np.zeros((HEIGHT, WIDTH), bool)], [1])
    assert propagator.follow(WALL) == {}
    with pytest.raises(InvalidInputError, match="the one before was"):
        propagator.follow(WALL[:50])
