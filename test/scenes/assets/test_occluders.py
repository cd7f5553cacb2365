"""Occluders reach in from the camera's side."""

from __future__ import annotations

import numpy as np
import pytest

from instructsam_ros.scenes.assets.objects import make_object
from instructsam_ros.scenes.assets.occluders import reaching_hands, sample_occluders

LOOK_AT, CAMERA = np.array([0.0, 0.0, 0.03]), np.array([0.1, -0.6, 0.5])


def _turn(yaw: float) -> np.ndarray:
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def test_occluders_are_hands_of_one_person_or_one_gripper() -> None:
    samples = [sample_occluders(np.random.default_rng(seed), LOOK_AT, CAMERA) for seed in range(40)]
    kinds = {tuple((occluder.kind, occluder.side) for occluder in sample) for sample in samples}
    left, right = ("hand", "left"), ("hand", "right")
    assert kinds == {(left,), (right,), (left, right), (("gripper", ""),)}
    for occluder in (occluder for sample in samples for occluder in sample):
        sides = [np.vstack([occluder.parts[i].mesh.vertices for i in jaw]) for jaw in occluder.jaws]
        thumb, fingers = (side[:, 0].mean() for side in sides)
        assert (thumb > fingers) == (occluder.side != "right")


def test_occluders_extend_from_above_the_table_towards_the_camera() -> None:
    forward = (LOOK_AT - CAMERA) * (1, 1, 0)
    forward /= np.linalg.norm(forward)
    for seed in range(20):
        for occluder in sample_occluders(np.random.default_rng(seed), LOOK_AT, CAMERA):
            vertices = np.vstack([part.mesh.vertices for part in occluder.parts])
            vertices = vertices @ _turn(occluder.yaw).T + occluder.position
            along = (vertices - LOOK_AT) @ forward
            assert along.min() < -0.3  # the arm
            assert along.max() < 0.1  # the fingers
            assert vertices[:, 2].min() > 0


@pytest.mark.parametrize("seed", range(20))
def test_the_first_hand_reaches_the_object(seed: int) -> None:
    rng = np.random.default_rng(seed)
    item = make_object(rng, "rolling pin", "brown")
    item.position, item.yaw = np.array([0.1, 0.05, 0.0]), float(rng.uniform(-3, 3))
    first, *others = reaching_hands(rng, item, LOOK_AT, CAMERA)
    box = (np.vstack([part.mesh.vertices for part in item.parts]) @ _turn(item.yaw).T) + item.position
    fingers = np.vstack([part.mesh.vertices for part in first.parts]) @ _turn(first.yaw).T + first.position
    nearest = np.linalg.norm(fingers[:, None, :2] - box[None, ::5, :2], axis=2).min()
    assert nearest < 0.1  # metres, seen from above
    assert len(others) <= 1
    assert all(occluder.kind == "hand" for occluder in (first, *others))
