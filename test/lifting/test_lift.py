from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import LiftSettings, lift, project, scene_points
from instructsam_ros.lifting.plane import Plane
from instructsam_ros.types import CameraModel, Frame, Instance, Segmentation, Status, tight_box

SIZE = (24, 32)
PINHOLE = CameraModel(32, 24, 30.0, 30.0, 16.0, 12.0)
DEPTHS = hnp.arrays(
    np.float32,
    SIZE,
    elements=st.sampled_from([np.nan, np.inf, -1.0, 0.0, 0.0625, 0.625, 0.640625, 0.875, 50.0]),
)


def segmentation(*masks: np.ndarray) -> Segmentation:
    instances = tuple(Instance(mask, tight_box(mask), 0.8, "thing") for mask in masks)
    return Segmentation(instances, "things", Status.OK if masks else Status.NO_TARGET)


def frame_of(depth: np.ndarray | None, intrinsics: CameraModel | None = PINHOLE) -> Frame:
    rgb = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    return Frame(rgb, depth, intrinsics)


def block(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize("tilt", [25.0, 45.0, 65.0])
@pytest.mark.parametrize("yaw", [0.0, 20.0, 70.0])
@pytest.mark.parametrize("up_known", [False, True])
def test_a_block_on_a_table_is_measured(tabletop, tilt, yaw, up_known):
    truth = tabletop(yaw=yaw, tilt=tilt, noise=0.001)
    scene = lift(truth.frame, truth.segmentation, up_direction=truth.normal if up_known else None)
    block = scene.instances[0]
    assert scene.plane.normal @ truth.normal > 0.9995
    assert block.gravity_aligned
    assert not block.truncated
    assert not block.low_depth
    np.testing.assert_allclose(block.box.size, truth.size, atol=0.012)
    np.testing.assert_allclose(block.box.centre, truth.centre, atol=0.01)
    assert (block.colors == (200, 30, 30)).all()
    np.testing.assert_allclose(block.centroid, block.points.mean(0), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "coefficients"),
    [
        ("plumb_bob", (-0.15, 0.03, 0.001, -0.001, 0.0)),
        ("rational_polynomial", (0.1, 0.02, 0.0, 0.0, 0.01, 0.15, 0.01, 0.0)),
        ("equidistant", (0.02, -0.01, 0.0, 0.0)),
    ],
)
def test_a_block_is_measured_through_a_distorting_lens(tabletop, model, coefficients):
    truth = tabletop(intrinsics=CameraModel(640, 480, 520.0, 524.0, 316.0, 242.0, model, coefficients))
    block = lift(truth.frame, truth.segmentation).instances[0]
    np.testing.assert_allclose(block.box.size, truth.size, atol=0.012)


def test_a_mask_drawn_too_wide_does_not_widen_the_box(tabletop):
    truth = tabletop()
    mask = truth.segmentation.instances[0].mask
    wide = np.lib.stride_tricks.sliding_window_view(np.pad(mask, 4), (9, 9)).any((2, 3))
    lifted = lift(truth.frame, segmentation(wide)).instances[0]
    np.testing.assert_allclose(lifted.box.size, truth.size, atol=0.012)


def test_a_flat_thing_is_not_taken_for_the_table(tabletop):
    truth = tabletop(size=(0.15, 0.03, 0.006))
    lifted = lift(truth.frame, truth.segmentation).instances[0]
    assert lifted.gravity_aligned
    np.testing.assert_allclose(lifted.box.size, truth.size, atol=0.015)


def test_points_project_into_the_mask(tabletop):
    truth = tabletop()
    lifted = lift(truth.frame, truth.segmentation).instances[0]
    u, v = np.round(project(lifted.points, truth.frame.intrinsics)).astype(int).T
    assert lifted.instance.mask[v, u].all()


@given(DEPTHS, st.lists(hnp.arrays(bool, SIZE), max_size=3))
@settings(deadline=None, max_examples=60)
def test_no_instance_is_lost_whatever_the_depth(depth, masks):
    scene = lift(frame_of(depth), segmentation(*masks))
    assert [i.id for i in scene.instances] == list(range(1, len(masks) + 1))
    for lifted, mask in zip(scene.instances, masks, strict=True):
        readable = mask & np.isfinite(depth) & (depth >= 0.1) & (depth <= 10)
        assert lifted.instance.mask is mask
        assert np.isfinite(lifted.points).all()
        assert bool(len(lifted.points)) == readable.any() == (lifted.box is not None)
        assert len(lifted.points) == len(lifted.colors) <= readable.sum()
        assert lifted.valid_depth_ratio == pytest.approx(readable.sum() / max(mask.sum(), 1))
        border = np.ones(SIZE, bool)
        border[1:-1, 1:-1] = False
        assert lifted.truncated == (mask & border).any()


def test_a_second_object_in_the_mask_does_not_lengthen_the_box():
    depth = np.full(SIZE, 1.5, np.float32)
    mug, bottle = block(slice(6, 18), slice(4, 14)), block(slice(6, 14), slice(22, 28))
    depth[mug | bottle] = 0.9
    alone, both = (lift(frame_of(depth), segmentation(m)).instances[0] for m in (mug, mug | bottle))
    np.testing.assert_array_equal(both.points, alone.points)
    np.testing.assert_allclose(both.box.size, alone.box.size)
    assert both.valid_depth_ratio == 1.0


def test_a_mask_of_one_pixel_has_one_point():
    mask = block(slice(10, 11), slice(12, 13))
    lifted = lift(frame_of(np.full(SIZE, 0.9, np.float32)), segmentation(mask)).instances[0]
    np.testing.assert_allclose(lifted.points, [[0.9 * -4 / 30, 0.9 * -2 / 30, 0.9]], rtol=1e-6)
    assert lifted.low_depth
    np.testing.assert_allclose(lifted.box.size, 0.9 / 30, rtol=1e-5)


@pytest.mark.parametrize("turned", [False, True], ids=["row", "column"])
@pytest.mark.parametrize(("width", "flagged"), [(1, True), (2, False), (6, False)])
def test_the_least_edge_is_a_pixel_and_a_mask_of_one_row_is_flagged(turned, width, flagged):
    mask = np.zeros((120, 160), bool)
    mask[50 : 50 + width, 20:80] = True
    frame = Frame(
        np.zeros((120, 160, 3), np.uint8),
        np.full((120, 160), 0.5, np.float32),
        CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5),
    )
    if turned:
        frame = Frame(
            np.zeros((160, 120, 3), np.uint8),
            np.full((160, 120), 0.5, np.float32),
            CameraModel(120, 160, 150.0, 150.0, 59.5, 79.5),
        )
        mask = np.ascontiguousarray(mask.T)
    lifted = lift(frame, segmentation(mask), LiftSettings(rim_px=0)).instances[0]
    assert lifted.low_depth is flagged
    assert lifted.box.size.min() == pytest.approx(0.5 / 150, rel=1e-5)
    assert lifted.box.size.max() == pytest.approx(59 * 0.5 / 150, rel=1e-4)


def test_depth_without_readings_is_flagged():
    lifted = lift(frame_of(np.full(SIZE, np.nan, np.float32)), segmentation(block(slice(3, 9), slice(3, 9))))
    assert lifted.instances[0].low_depth
    assert not lifted.instances[0].no_depth
    assert np.isnan(lifted.instances[0].centroid).all()


@pytest.mark.parametrize(
    ("depth", "intrinsics"), [(None, PINHOLE), (np.ones(SIZE, np.float32), None)], ids=["depth", "intrinsics"]
)
def test_a_frame_without_depth_or_intrinsics_gives_flat_instances(depth, intrinsics):
    frame = frame_of(depth, intrinsics)
    lifted = lift(frame, segmentation(block(slice(3, 9), slice(3, 9)))).instances[0]
    assert lifted.no_depth
    assert lifted.low_depth
    assert lifted.points.shape == (0, 3)
    assert scene_points(frame, segmentation())[0].shape == (0, 3)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(0, 5), slice(4, 9)),
        (slice(19, 24), slice(4, 9)),
        (slice(4, 9), slice(0, 5)),
        (slice(4, 9), slice(27, 32)),
    ],
)
def test_touching_any_border_is_truncated(rows, columns):
    frame = frame_of(np.full(SIZE, 0.9, np.float32))
    assert lift(frame, segmentation(block(rows, columns))).instances[0].truncated


def test_the_scene_leaves_out_targets_and_their_margin(tabletop):
    truth = tabletop()
    points, colors = scene_points(truth.frame, truth.segmentation)
    assert len(points) == len(colors)
    assert not (colors == (200, 30, 30)).all(1).any()
    heights = points @ truth.normal - truth.normal @ (truth.centre - truth.normal * truth.size[2] / 2)
    np.testing.assert_allclose(heights, 0, atol=1e-4)
    narrow = replace(LiftSettings(), scene_margin_px=0)
    assert len(scene_points(truth.frame, truth.segmentation, narrow)[0]) > len(points)


@pytest.mark.parametrize("up", [np.zeros(3), np.array([0.0, 1.0]), np.array([np.nan, 0.0, 1.0])])
def test_up_without_direction_is_refused(tabletop, up):
    truth = tabletop()
    with pytest.raises(InvalidInputError, match="up"):
        lift(truth.frame, truth.segmentation, up_direction=up)


def test_a_plane_that_is_fitted_already_is_used_where_something_rests_on_it(tabletop):
    truth = tabletop(noise=0.001)
    table = Plane(truth.normal, float(truth.normal @ truth.centre - truth.size[2] / 2), 1.0)
    wall = Plane(np.array([0.0, 0.0, -1.0]), -2.0, 1.0)
    on_table, at_wall = (lift(truth.frame, truth.segmentation, plane=plane) for plane in (table, wall))
    assert on_table.plane is table
    assert at_wall.plane.normal @ truth.normal > 0.9995
    np.testing.assert_allclose(on_table.instances[0].box.size, truth.size, atol=0.012)


@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_tight_points_are_fewer_and_whole_ones_more(tabletop, noise):
    truth = tabletop(yaw=20.0, tilt=45.0, noise=noise)
    tight, default, whole = (
        len(lift(truth.frame, truth.segmentation, LiftSettings.named(name)).instances[0].points)
        for name in ("tight", "default", "whole")
    )
    assert 0 < tight < default < whole
