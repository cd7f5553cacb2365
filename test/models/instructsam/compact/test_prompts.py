"""Clicks, boxes and everything on a sample scene with exact ids, by the weights in the package."""

import cv2
import numpy as np
import pytest
import torch

from instructsam_ros.models.instructsam.compact.prompts import object_logits, prompted_logits, stability
from instructsam_ros.models.instructsam.postprocessing import full_size
from instructsam_ros.paths import DATA
from instructsam_ros.pictures import read_picture
from instructsam_ros.prompts import read_prompts
from instructsam_ros.segmenter import load
from instructsam_ros.types import mask_iou

SCENE = DATA / "scenes" / "000000"
SIZE = (480, 640)


@pytest.fixture(scope="module")
def scene():
    """Detector, prepared image and the mask of each object."""
    model = load("compact", device="cpu", dtype="float32")
    ids = cv2.imread(f"{SCENE}_ids.png", cv2.IMREAD_UNCHANGED)
    image = model.encode(read_picture(SCENE.with_suffix(".jpg"))).features
    return model.model.detector, image, {i: ids == i for i in range(1, 12)}


def innermost(mask):
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return [x, y]


@torch.inference_mode()
def segment(scene, points=(), labels=(), boxes=()):
    (prompt,) = read_prompts(points, labels, boxes, SIZE)
    return full_size(prompted_logits(*scene[:2], prompt, SIZE), SIZE)


def test_a_click_and_a_box_find_the_object(scene):
    overlaps = []
    for mask in scene[2].values():
        ys, xs = np.nonzero(mask)
        box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        overlaps += [
            mask_iou(segment(scene, [innermost(mask)], [1]), mask),
            mask_iou(segment(scene, boxes=[box]), mask),
        ]
    assert np.mean(overlaps) > 0.8
    assert np.mean(np.array(overlaps) > 0.5) > 0.9


def test_a_point_that_is_not_on_the_object_is_outside_of_it(scene):
    mask = scene[2][7]
    ys, xs = np.nonzero(mask)
    for index in np.linspace(0, len(ys) - 1, 5).astype(int):
        wrong = [xs[index], ys[index]]
        if np.hypot(*np.subtract(wrong, innermost(mask))) > 20:
            found = segment(scene, [innermost(mask), wrong], [1, 0])
            assert found[innermost(mask)[1], innermost(mask)[0]]
            assert not found[wrong[1], wrong[0]]


def test_a_second_point_on_the_object_is_part_of_it(scene):
    first, second = innermost(scene[2][7]), innermost(scene[2][8])
    found = segment(scene, [first, second], [1, 1])
    assert found[first[1], first[0]]
    assert found[second[1], second[0]]


def test_all_objects_are_found_once(scene):
    with torch.inference_mode():
        masks = [full_size(logits, SIZE) for logits in object_logits(*scene[:2])]
    best = [max(mask_iou(found, mask) for found in masks) for mask in scene[2].values()]
    assert np.mean(np.array(best) > 0.5) > 0.8
    assert len(masks) <= len(best) + 2


def test_stability_falls_with_soft_edges():
    ramp = torch.linspace(-8, 8, 64).repeat(4, 1)
    values = stability(torch.stack([ramp, ramp / 4, torch.full_like(ramp, -9)]))
    assert values[0] > values[1] > values[2] == 0
    assert float(values[0]) <= 1
