"""Depth, ids and amodal extents of a scene with one box in front of another."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.rendering.classic import Amodal, Buffers, ClassicRenderer, render_buffers
from instructsam_ros.scenes.rendering.world import World
from instructsam_ros.scenes.sampling.scene import CameraPose, sample_scene

WIDTH, HEIGHT = 96, 72


@pytest.fixture(scope="module")
def world() -> World:
    """Scene 0 with two of its objects, the second hidden in part by the first, seen along +y."""
    scene = sample_scene(0)
    scene.objects = [item for item in scene.objects if item.parent is None][:2]
    scene.occluders = []
    front, back = scene.objects
    front.position, back.position = np.array([0.03, -0.2, 0.0]), np.array([0.0, 0.0, 0.0])
    scene.cameras = [CameraPose(np.array([0.0, -0.8, 0.1]), np.array([0.0, 0.0, 0.05]), 40.0)]
    return World(scene, WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def buffers(world: World) -> Buffers:
    (found,) = render_buffers(world, WIDTH, HEIGHT)
    return found


def test_depth_is_the_distance_along_the_optical_axis(world: World, buffers: Buffers) -> None:
    for item in world.scene.objects:
        mask = buffers.ids == item.id
        assert mask.any()
        distance = item.position[1] + 0.8
        assert abs(np.median(buffers.depth[mask]) - distance) < item.extent[:2].max() / 2 + 0.02


def test_amodal_extents_ignore_occlusion(world: World, buffers: Buffers) -> None:
    front, back = world.scene.objects
    assert buffers.amodal[front.id].pixels == (buffers.ids == front.id).sum()
    assert buffers.amodal[back.id].pixels > (buffers.ids == back.id).sum()
    assert not buffers.amodal[back.id].truncated


def test_rendering_amodal_extents_leaves_the_world_unchanged(world: World, buffers: Buffers) -> None:
    (again,) = render_buffers(world, WIDTH, HEIGHT)
    assert np.array_equal(again.ids, buffers.ids)
    assert np.array_equal(again.depth, buffers.depth)


def test_an_object_out_of_view_has_no_pixels() -> None:
    scene = sample_scene(0)
    scene.cameras = [CameraPose(np.array([0.0, -0.8, 0.5]), np.array([0.0, -2.0, 0.5]), 40.0)]
    scene.occluders = []
    (found,) = render_buffers(World(scene, WIDTH, HEIGHT), WIDTH, HEIGHT)
    assert set(found.amodal.values()) == {Amodal(0, truncated=True)}


def test_there_is_one_color_image_per_camera(world: World) -> None:
    (image,) = ClassicRenderer().render(world, WIDTH, HEIGHT)
    assert (image.shape, image.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    assert image.std() > 5
