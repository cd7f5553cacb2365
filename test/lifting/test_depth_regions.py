"""Regions that stand on a table, on ray-cast depth."""

import numpy as np

from instructsam_ros.lifting import Plane, pixel_rays
from instructsam_ros.lifting.depth_regions import standing_regions


def regions_of(scene, depth=None, stride=1):
    frame = scene.frame
    table = Plane(scene.normal, float(scene.normal @ scene.centre) - scene.size[2] / 2, 1.0)
    depth = frame.depth if depth is None else depth
    rays = pixel_rays(frame.intrinsics)
    return standing_regions(depth, rays, table, stride=stride, min_height=0.006, plane_tolerance=0.01)


def iou(first, second):
    return np.count_nonzero(first & second) / np.count_nonzero(first | second)


def test_a_box_on_a_noisy_table_is_one_region(tabletop):
    scene = tabletop(noise=0.001)
    regions = regions_of(scene)
    mask = scene.segmentation.instances[0].mask
    label = np.bincount(regions[mask]).argmax()
    assert label > 0
    assert iou(regions == label, mask) > 0.85


def test_regions_of_averaged_pixels_cover_the_same(tabletop):
    scene = tabletop(noise=0.001)
    regions = regions_of(scene, stride=2)
    mask = scene.segmentation.instances[0].mask
    assert regions.shape == mask.shape
    assert iou(regions == np.bincount(regions[mask]).argmax(), mask) > 0.8


def test_an_empty_table_and_a_lost_image_have_no_region(tabletop):
    scene = tabletop(size=(0.1, 0.1, 0.001))
    assert not regions_of(scene).any()
    assert not regions_of(scene, np.full_like(scene.frame.depth, np.nan)).any()


def test_a_step_in_depth_cuts_what_is_one_in_the_image(tabletop):
    scene = tabletop(noise=0.001)
    mask = scene.segmentation.instances[0].mask
    left, right = mask.copy(), mask.copy()
    left[:, 330:], right[:, :330] = False, False
    depth = scene.frame.depth.copy()
    depth[right] += np.float32(0.03)
    regions = regions_of(scene, depth)
    first, second = (np.bincount(regions[part]).argmax() for part in (left, right))
    assert len({0, first, second}) == 3
