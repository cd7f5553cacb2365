"""The plane under masks, also where they do not reach down to it."""

import dataclasses

import numpy as np

from instructsam_ros.lifting import LiftSettings
from instructsam_ros.lifting.scene_plane import estimate_plane, plane_under, targets_of
from instructsam_ros.types import tight_box

SETTINGS = LiftSettings()


def test_plane_under_a_whole_mask_and_under_its_top_alone(tabletop):
    scene = tabletop(noise=0.001)
    instance = scene.segmentation.instances[0]
    top = instance.mask.copy()
    top[int(instance.box[1]) + 20 :] = False
    fragment = dataclasses.replace(instance, mask=top, box=tight_box(top))
    for instances in ((instance,), (fragment,), ()):
        segmentation = dataclasses.replace(scene.segmentation, instances=instances)
        plane = plane_under(scene.frame, segmentation, SETTINGS, None)
        assert plane is not None
        assert plane.normal @ scene.normal > 0.999
        assert abs(plane.height(scene.centre[None])[0] - scene.size[2] / 2) < 0.003


def test_no_plane_without_depth_or_intrinsics(tabletop):
    scene = tabletop()
    for lost in ({"depth": None}, {"intrinsics": None}):
        frame = dataclasses.replace(scene.frame, **lost)
        assert plane_under(frame, scene.segmentation, SETTINGS, None) is None
        assert estimate_plane(frame, scene.segmentation, [], SETTINGS, None) is None


def test_targets_have_a_margin(tabletop):
    scene = tabletop()
    mask = scene.segmentation.instances[0].mask
    targets = targets_of(scene.frame, scene.segmentation, SETTINGS)
    assert targets[mask].all()
    ys, xs = np.flatnonzero(targets.any(1)), np.flatnonzero(mask.any(1))
    assert xs[0] - ys[0] == SETTINGS.scene_margin_px
