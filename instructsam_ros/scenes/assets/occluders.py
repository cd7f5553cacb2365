"""Hands and grippers that reach into the image and occlude objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from instructsam_ros.scenes.assets.meshes import Array, box, move, tube
from instructsam_ros.scenes.assets.objects import SceneObject
from instructsam_ros.scenes.assets.parts import Part, shade
from instructsam_ros.scenes.assets.textures import Rng

SKIN_TONES = ((224, 172, 138), (198, 134, 96), (141, 85, 54), (92, 58, 40), (240, 200, 170))


THUMB_AND_FINGERS = ((2,), (1, 3, 4, 5, 6))
"""Parts of a hand that close on each other; the palm is with the fingers."""
TWO_FINGERS = ((2, 3), (4, 5))
"""Parts of a gripper that close on each other."""


@dataclass(frozen=True)
class Occluder:
    """An occluder. kind: "hand" or "gripper". position [3] metres and yaw in the world frame.

    side: of a hand, "left" or "right". jaws: numbers of the parts on either side of what it would hold.
    """

    kind: str
    parts: list[Part]
    position: Array
    yaw: float
    side: str = ""
    jaws: tuple[tuple[int, ...], ...] = ()


def hand(rng: Rng, side: int, skin: ArrayLike, sleeve: ArrayLike | None) -> list[Part]:
    """Build a forearm and hand along +y with the fingertips near the origin. side: -1 left, 1 right."""
    forearm = [(0, -0.42, 0.05), (0, -0.25, 0.045), (0, -0.16, 0.04), (0, -0.12, 0.038)]
    palm = [(0, -0.14, 0.038), (0, -0.10, 0.038), (0, -0.05, 0.034), (0, -0.03, 0.03)]
    thumb = [(-0.03 * side, -0.09, 0.034), (-0.06 * side, -0.06, 0.03), (-0.062 * side, -0.03, 0.022)]
    parts = [
        Part(
            tube(forearm, [0.045, 0.038, 0.03, 0.03], flat=1.1), "rubber", skin if sleeve is None else sleeve
        ),
        Part(tube(palm, [0.03, 0.042, 0.042, 0.03], flat=0.45), "food", skin),
        Part(tube(thumb, [0.012, 0.011, 0.008], 10), "food", skin),
    ]
    for finger in range(4):
        x, curl = -0.03 + 0.02 * finger, rng.uniform(0.3, 1)
        path = [(x, -0.04, 0.034), (x * 1.05, -0.01, 0.036 - 0.004 * curl)]
        path += [(x * 1.05, 0.015, 0.028 - 0.012 * curl), (x, 0.03, 0.02 - 0.016 * curl)]
        parts.append(Part(tube(path, [0.0095, 0.009, 0.0085, 0.007], 10), "food", skin))
    return parts


def gripper(rng: Rng) -> list[Part]:
    """Build the end of a robot arm with a two-finger gripper along +y."""
    metal = shade(rng, "black") if rng.random() < 0.6 else np.ones(3) * rng.uniform(150, 230)
    opening, rubber = rng.uniform(0.02, 0.045), shade(rng, "gray")
    parts = [
        Part(tube([(0, -0.5, 0.10), (0, -0.13, 0.06)], [0.045, 0.04]), "plastic", (225, 225, 225)),
        Part(move(box(0.13, 0.06, 0.045), (0, -0.11, 0.02)), "metal", metal),
    ]
    for side in (1, -1):
        parts.append(Part(move(box(0.014, 0.11, 0.03), (side * opening, -0.04, 0.02)), "plastic", metal))
        pad = move(box(0.006, 0.03, 0.024), (side * (opening - 0.009), 0, 0.022))
        parts.append(Part(pad, "rubber", rubber))
    return parts


def sample_occluders(rng: Rng, look_at: Array, camera: Array) -> list[Occluder]:
    """Sample one or two hands of one person, or one gripper, that reach in from the camera's side.

    look_at, camera: the camera's target and position [3] in the world frame, metres.
    """
    is_hand = rng.random() < 0.65
    skin, sleeve = _sample_arm(rng)
    forward, right = _directions(look_at, camera)
    both = is_hand and rng.random() < 0.6
    occluders = []
    for side in (-1, 1) if both else (int(rng.choice([-1, 1])),):
        reach = right * side * rng.uniform(0.13, 0.26) - forward * rng.uniform(0.12, 0.26)
        position = look_at + reach + [0, 0, rng.uniform(0.03, 0.14)]
        yaw = np.arctan2(forward[1], forward[0]) - np.pi / 2 + side * rng.uniform(0.1, 0.45)
        if is_hand:
            occluders.append(_place_hand(hand(rng, side, skin, sleeve), side, position, float(yaw)))
        else:
            occluders.append(Occluder("gripper", gripper(rng), position, float(yaw), jaws=TWO_FINGERS))
    return occluders


def reaching_hands(rng: Rng, item: SceneObject, look_at: Array, camera: Array) -> list[Occluder]:
    """Sample a hand with its fingertips at or before the near side of an object, half the time a second one.

    look_at, camera: the camera's target and position [3] in the world frame, metres.
    """
    skin, sleeve = _sample_arm(rng)
    forward, right = _directions(look_at, camera)
    side = 1 if (item.position - look_at) @ right > 0 else -1
    height = np.array([0, 0, item.extent[2] * rng.uniform(0.3, 0.9)])
    position = item.position + height - forward * (0.03 + _half_depth(item, forward) * rng.uniform(0.5, 1))
    yaw = np.arctan2(forward[1], forward[0]) - np.pi / 2
    hands = [(side, position)]
    if rng.random() < 0.5:
        aside = right * rng.uniform(0.15, 0.25) * -side - forward * rng.uniform(0, 0.12)
        hands.append((-side, position + aside + [0, 0, rng.uniform(0, 0.08)]))
    return [
        _place_hand(hand(rng, side, skin, sleeve), side, place, float(yaw + side * rng.uniform(0, 0.4)))
        for side, place in hands
    ]


def _place_hand(parts: list[Part], side: int, position: Array, yaw: float) -> Occluder:
    """Place a hand. side: -1 left, 1 right."""
    return Occluder("hand", parts, position, yaw, "left" if side < 0 else "right", THUMB_AND_FINGERS)


def _sample_arm(rng: Rng) -> tuple[Array, Array | None]:
    """Sample the sRGB colours of a person's skin and of the sleeves, None for bare arms."""
    skin = np.array(SKIN_TONES[rng.integers(len(SKIN_TONES))], float)
    return skin, None if rng.random() < 0.5 else rng.uniform(30, 220, 3)


def _directions(look_at: Array, camera: Array) -> tuple[Array, Array]:
    """Return the horizontal unit vectors [3] ahead of and to the right of the camera."""
    forward = (look_at - camera) * (1, 1, 0)
    forward /= np.linalg.norm(forward) + 1e-9
    return forward, np.array([forward[1], -forward[0], 0])


def _half_depth(item: SceneObject, forward: Array) -> float:
    """Return half the depth of an object's box along a horizontal direction, metres."""
    c, s = np.cos(item.yaw), np.sin(item.yaw)
    along = np.array([c * forward[0] + s * forward[1], -s * forward[0] + c * forward[1]])
    return float(np.abs(along) @ item.extent[:2] / 2)
