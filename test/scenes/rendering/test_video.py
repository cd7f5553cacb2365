"""Video clips: only the pushed object moves, and nothing collides."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.rendering.video import SHORTEST_PUSH, plan_push, render_sequence, swing
from instructsam_ros.scenes.sampling.layout import footprint, overlap
from instructsam_ros.scenes.sampling.scene import CameraPose, orbit, sample_scene

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)


def test_only_the_pushed_object_moves() -> None:
    frames = list(render_sequence("train", 3, 4, width=96, height=72, renderer="classic"))
    assert [view.meta["frame"] for view in frames] == [0, 1, 2, 3]
    pushed = frames[0].meta["pushed"]
    for before, after in zip(frames[0].meta["objects"], frames[2].meta["objects"], strict=True):
        moved = np.linalg.norm(np.subtract(after["pos_world"], before["pos_world"]))
        assert moved >= SHORTEST_PUSH - 1e-3 if pushed in (before["id"], before["parent"]) else moved == 0
    assert frames[1].meta["cam_pos"] != frames[0].meta["cam_pos"]
    assert not np.array_equal(frames[0].depth, frames[2].depth)


def test_ids_follow_the_moved_objects() -> None:
    for view in render_sequence("train", 3, 4, width=128, height=96, renderer="classic", sensor_noise=False):
        camera = view.meta["K"]
        for entry in view.meta["objects"]:
            if entry["visible"] > 0.95 and not entry["truncated"] and entry["pixels"] > 30:
                x, y, z = entry["pos_cam"]
                x0, y0, x1, y1 = entry["bbox"]
                assert x0 - 2 <= camera["fx"] * x / z + camera["cx"] <= x1 + 2
                assert y0 - 2 <= camera["fy"] * y / z + camera["cy"] <= y1 + 2


@pytest.mark.parametrize("seed", range(6))
def test_a_push_touches_nothing(seed: int) -> None:
    scene = sample_scene(seed)
    pushed, way = plan_push(scene, np.random.default_rng(seed))
    assert pushed is not None
    target = footprint(pushed.extent, (pushed.position + way)[:2], pushed.yaw)
    others = [o for o in scene.objects if o.parent is None and o is not pushed]
    assert not any(overlap(target, footprint(o.extent, o.position[:2], o.yaw)) for o in others)


def test_a_swing_begins_and_ends_at_the_camera_and_keeps_its_distance() -> None:
    camera = CameraPose(np.array([0.2, -0.7, 0.5]), np.array([0.0, 0.0, 0.03]), 45.0)
    for phase in (0.0, 2 * np.pi):
        np.testing.assert_allclose(swing(camera, phase).position, camera.position, atol=1e-9)
    away = swing(camera, 1.0).position - camera.target
    np.testing.assert_allclose(np.linalg.norm(away), np.linalg.norm(camera.position - camera.target))


@pytest.mark.parametrize("degrees", [70, 84, 87, 88])
def test_the_image_never_rotates_abruptly_in_a_clip_from_above(degrees: float) -> None:
    target = np.array([0.0, 0.0, 0.03])
    camera = CameraPose(orbit(target, 0.8, np.radians(degrees), 0.8), target, 48.0)
    axes = [swing(camera, 2 * np.pi * frame / 40).axes for frame in range(41)]
    for before, after in pairwise(axes):
        turn = np.arccos(np.clip((np.trace(before.T @ after) - 1) / 2, -1, 1))
        assert np.degrees(turn) < 5


def test_an_empty_clip_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one frame"):
        next(render_sequence("train", 0, 0))
