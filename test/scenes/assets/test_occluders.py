"""Occluders reach in from the camera's side."""

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.assets.occluders import sample_occluders

LOOK_AT, CAMERA = np.array([0.0, 0.0, 0.03]), np.array([0.1, -0.6, 0.5])


def test_occluders_are_hands_of_one_person_or_one_gripper() -> None:
    samples = [sample_occluders(np.random.default_rng(seed), LOOK_AT, CAMERA) for seed in range(40)]
    kinds = {tuple(occluder.kind for occluder in sample) for sample in samples}
    assert kinds == {("hand",), ("hand", "hand"), ("gripper",)}


def test_occluders_extend_from_above_the_table_towards_the_camera() -> None:
    forward = (LOOK_AT - CAMERA) * (1, 1, 0)
    forward /= np.linalg.norm(forward)
    for seed in range(20):
        for occluder in sample_occluders(np.random.default_rng(seed), LOOK_AT, CAMERA):
            c, s = np.cos(occluder.yaw), np.sin(occluder.yaw)
            turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
            vertices = np.vstack([part.mesh.vertices for part in occluder.parts]) @ turn.T + occluder.position
            along = (vertices - LOOK_AT) @ forward
            assert along.min() < -0.3  # the arm
            assert along.max() < 0.1  # the fingers
            assert vertices[:, 2].min() > 0
