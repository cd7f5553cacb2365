"""Sampled scenes: cameras, lights and seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from instructsam_ros.scenes.sampling.scene import DISTANCE, STEEP, CameraPose, orbit, sample_scene

TARGET = np.array([0.02, -0.01, 0.03])


@given(st.floats(-3, 3), st.floats(0.1, np.pi / 2), st.floats(0.3, 2))
@settings(max_examples=50)
def test_a_camera_on_an_orbit_looks_at_its_target(azimuth: float, elevation: float, distance: float) -> None:
    camera = CameraPose(orbit(TARGET, azimuth, elevation, distance), TARGET, 45.0)
    axes = camera.axes
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    assert np.linalg.det(axes) == pytest.approx(1)
    np.testing.assert_allclose(TARGET - camera.position, -distance * axes[:, 2], atol=1e-9)
    if np.sin(elevation) < STEEP:
        assert abs(axes[2, 0]) < 1e-9  # the horizon is level
    w, x, y, z = camera.quaternion
    np.testing.assert_allclose(Rotation.from_quat([x, y, z, w]).as_matrix(), axes, atol=1e-9)


def test_azimuth_zero_looks_along_y() -> None:
    np.testing.assert_allclose(orbit(TARGET, 0, 0, 1.0), TARGET - (0, 1, 0))


@pytest.mark.parametrize("seed", range(5))
def test_a_scene_is_complete_and_follows_from_its_seed(seed: int) -> None:
    scene, again = sample_scene(seed, 3), sample_scene(seed, 3)
    assert len(scene.cameras) == 3
    assert [item.id for item in scene.objects] == list(range(1, len(scene.objects) + 1))
    low, high = DISTANCE[scene.view]
    first = scene.cameras[0]
    assert low <= np.linalg.norm(first.position - first.target) <= high
    assert [light.shadow for light in scene.lights] == [True] + [False] * (len(scene.lights) - 1)
    assert all(light.position[2] > 0 for light in scene.lights)
    for item, twin in zip(scene.objects, again.objects, strict=True):
        assert (item.category, item.color, item.position.tolist()) == (
            twin.category,
            twin.color,
            twin.position.tolist(),
        )
    assert np.array_equal(scene.surroundings.table, again.surroundings.table)


def test_kitchen_counters_are_wide() -> None:
    scenes = [sample_scene(seed) for seed in range(8)]
    widths = {scene.surroundings.kitchen: scene.surroundings.table_half[0] for scene in scenes}
    assert widths[True] > widths[False]
    assert all(scene.surroundings.kitchen for scene in scenes if scene.view == "ego")
