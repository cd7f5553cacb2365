"""Compiled scenes: geoms by id, and moves of objects and cameras."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.rendering.world import FIRST_OCCLUDER_ID, World
from instructsam_ros.scenes.sampling.scene import sample_scene


@pytest.fixture(scope="module")
def world() -> World:
    scene = next(scene for scene in map(sample_scene, range(30)) if scene.occluders)
    return World(scene, 64, 48)


def test_every_part_is_a_geom_of_its_object_or_occluder(world: World) -> None:
    instances = {item.id: item.parts for item in world.scene.objects}
    instances |= {FIRST_OCCLUDER_ID + k: item.parts for k, item in enumerate(world.scene.occluders)}
    assert {number: len(geoms) for number, geoms in world.geoms.items()} == {
        number: len(parts) for number, parts in instances.items()
    }
    for number, geoms in world.geoms.items():
        assert (world.id_of_geom[geoms] == number).all()
    assert world.id_of_geom[-1] == 0


def test_only_the_moved_object_moves(world: World) -> None:
    item = world.scene.objects[0]
    before = world.data.geom_xpos.copy()
    world.move(item, item.position + np.array([0.1, 0.0, 0.0]))
    world.update()
    moved = world.data.geom_xpos - before
    np.testing.assert_allclose(moved[world.geoms[item.id]], [(0.1, 0, 0)] * len(item.parts), atol=1e-9)
    others = np.setdiff1d(np.arange(world.model.ngeom), world.geoms[item.id])
    assert not moved[others].any()


def test_a_camera_takes_its_new_pose(world: World) -> None:
    pose = world.scene.cameras[0]
    pose = dataclasses.replace(pose, position=pose.position + np.array([0.0, 0.0, 0.1]), fovy=50.0)
    world.aim(0, pose)
    world.update()
    np.testing.assert_allclose(world.data.cam_xpos[0], pose.position)
    np.testing.assert_allclose(world.data.cam_xmat[0].reshape(3, 3), pose.axes, atol=1e-6)
    assert world.model.cam_fovy[0] == 50.0
