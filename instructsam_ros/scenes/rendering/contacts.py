"""What hands and grippers touch, measured between the surfaces of their meshes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from instructsam_ros.scenes.assets.meshes import Array, Mesh
from instructsam_ros.scenes.assets.occluders import Occluder
from instructsam_ros.scenes.assets.parts import Part
from instructsam_ros.scenes.sampling.scene import Scene

FIRST_OCCLUDER_ID = 200
TOUCHING = 0.005
"""Largest distance, in metres, of surfaces that touch; what pierces another touches it."""
NEAR = 0.015
"""Distance, in metres, up to which a picture does not show for certain whether something is touched."""
SPACING = 0.003
"""Largest distance, in metres, of the points that stand for a surface."""


def hand_contacts(scene: Scene) -> list[dict[str, Any]]:
    """Measure what every hand and gripper of a scene touches, as JSON values; ids as in the id map.

    touches: ids of what its fingers or palm touch. holds: ids of what lies between its fingers and thumb, or
    between the fingers of a gripper, and touches both. near: other ids within ``NEAR``, also of its arm.
    """
    things = [(item.id, _Surface(item.parts, item.position, item.yaw)) for item in scene.objects]
    ids = range(FIRST_OCCLUDER_ID, FIRST_OCCLUDER_ID + len(scene.occluders))
    others = [(i, _surface(occluder)) for i, occluder in zip(ids, scene.occluders, strict=True)]
    return [
        {"id": i, "kind": occluder.kind, "side": occluder.side}
        | _contacts(occluder, [(other, thing) for other, thing in (*things, *others) if other != i])
        for i, occluder in zip(ids, scene.occluders, strict=True)
        if occluder.jaws
    ]


def _contacts(occluder: Occluder, things: Sequence[tuple[int, _Surface]]) -> dict[str, list[int]]:
    arm = _surface(occluder)
    near = [(i, thing) for i, thing in things if arm.distance(thing) <= NEAR]
    jaws = [_surface(occluder, jaw) for jaw in occluder.jaws]
    touched = [{i for i, thing in near if jaw.distance(thing) <= TOUCHING} for jaw in jaws]
    return {
        "touches": sorted(set[int]().union(*touched)),
        "holds": sorted(set.intersection(*touched)),
        "near": sorted({i for i, _ in near} - set[int]().union(*touched)),
    }


class _Surface:
    """The surfaces of parts at a place of the world."""

    def __init__(self, parts: Sequence[Part], position: Array, yaw: float) -> None:
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        self.meshes = [
            Mesh(part.mesh.vertices @ turn + position, part.mesh.faces, part.mesh.uv) for part in parts
        ]
        corners = np.vstack([mesh.vertices for mesh in self.meshes])
        self.low, self.high = corners.min(0), corners.max(0)

    def points(self, low: Array, high: Array) -> Array:
        """Spread points over what of the surface lies in a box, float [n, 3]."""
        found = np.vstack([_spread(mesh, low, high) for mesh in self.meshes])
        points: Array = found[((found >= low) & (found <= high)).all(1)]
        return points

    def distance(self, other: _Surface) -> float:
        """Return the distance of two surfaces in metres, infinite where it is more than ``NEAR``."""
        low = np.maximum(self.low, other.low) - NEAR - SPACING
        high = np.minimum(self.high, other.high) + NEAR + SPACING
        if (low > high).any():
            return np.inf
        points, others = self.points(low, high), other.points(low, high)
        if not (len(points) and len(others)):
            return np.inf
        nearest, _ = cKDTree(others).query(points, distance_upper_bound=NEAR)
        return float(nearest.min())


def _surface(occluder: Occluder, numbers: Sequence[int] | None = None) -> _Surface:
    parts = occluder.parts if numbers is None else [occluder.parts[number] for number in numbers]
    return _Surface(parts, occluder.position, occluder.yaw)


def _spread(mesh: Mesh, low: Array, high: Array) -> Array:
    """Points of all triangles that reach into a box, none farther than SPACING from the next, [n, 3]."""
    triangles = mesh.vertices[mesh.faces]  # [M, 3, 3]
    triangles = triangles[((triangles.max(1) >= low) & (triangles.min(1) <= high)).all(1)]
    sides = np.linalg.norm(np.roll(triangles, -1, 1) - np.roll(triangles, -2, 1), axis=2)  # opposite corners
    order = np.argsort(sides, 1)  # the corner opposite the shortest side comes first: rows run along the long
    triangles = np.take_along_axis(triangles, order[..., None], 1)
    sides = np.take_along_axis(sides, order, 1)
    steps = np.ceil(sides[:, [2, 0]] / SPACING).astype(int).clip(1)
    points = [np.zeros((0, 3))]
    for count in np.unique(steps, axis=0):
        along, across = (np.linspace(0, 1, number + 1) for number in count)
        weights = np.stack(
            [
                np.repeat(1 - along, len(across)),
                np.outer(along, 1 - across).ravel(),
                np.outer(along, across).ravel(),
            ],
            1,
        )  # [n, 3]
        points.append((weights @ triangles[(steps == count).all(1)]).reshape(-1, 3))
    return np.vstack(points)
