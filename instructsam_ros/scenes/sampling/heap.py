"""Heaps: objects dropped with MuJoCo's physics until they lie still."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from instructsam_ros.scenes.assets.asset_meshes import support_points
from instructsam_ros.scenes.assets.meshes import Array, Mesh
from instructsam_ros.scenes.assets.objects import SceneObject
from instructsam_ros.scenes.assets.textures import Rng

VESSELS = frozenset({
    "bowl", "plate", "cup", "mug", "glass", "pan", "pot", "tray", "pitcher", "vase", "basket",
})  # fmt: skip
"""Categories whose hollow takes up other objects; all others collide as their convex hull."""
TIMESTEP = 0.004  # seconds
STEPS = 450
FASTEST = 1.0  # metres per second; nothing then passes through a wall
LAYER = 0.11  # metres between objects that are dropped above one another
SECTORS = 8  # hulls around a hollow
WALL = 0.05  # metres, thickness of the walls that nothing passes


def drop(rng: Rng, items: Sequence[SceneObject], half: Sequence[float], *, walls: bool) -> list[SceneObject]:
    """Drop objects onto z = 0 within half the width and depth; return those that stay there, as they lie.

    walls: whether walls hold them, as in a bin; else objects that roll away are left out. Positions, extents
    and meshes are those of the rest, ``loose`` is True, and yaw 0.
    """
    import mujoco

    import instructsam_ros.scenes.rendering  # noqa: F401  (names the extra where MuJoCo is missing)

    spec = mujoco.MjSpec()
    spec.option.timestep = TIMESTEP
    spec.option.iterations = 12
    spec.option.noslip_iterations = 0
    plane = mujoco.mjtGeom.mjGEOM_PLANE
    spec.worldbody.add_geom(type=plane, size=(3, 3, 0.1), friction=(0.7, 0.02, 0.005))
    if walls:
        _add_walls(spec, half)
    per_layer = max(1, round(4 * half[0] * half[1] / 0.03))
    spots = [rng.uniform(-1, 1, 2) * 0.62 * np.asarray(half) for _ in items]
    for number, (item, spot) in enumerate(zip(items, spots, strict=True)):
        height = 0.06 + float(item.extent.max()) / 2 + LAYER * (number // per_layer)
        turn = Rotation.random(random_state=int(rng.integers(1 << 31))).as_quat()[[3, 0, 1, 2]]
        _add_body(spec, number, item, np.array([*spot, height]), turn)
    model: Any = spec.compile()
    data: Any = mujoco.MjData(model)
    for _ in range(STEPS):
        mujoco.mj_step(model, data)
        velocity = data.qvel.reshape(-1, 6)
        np.clip(velocity[:, :3], -FASTEST, FASTEST, out=velocity[:, :3])
        np.clip(velocity[:, 3:], -12, 12, out=velocity[:, 3:])
    poses = data.qpos.reshape(-1, 7)
    limit = np.asarray(half) * (1.05 if walls else 1.6)
    settled = []
    for item, pose in zip(items, poses, strict=True):
        inside = (np.abs(pose[:2]) < limit).all() and np.isfinite(pose).all() and -0.02 < pose[2] < 0.5
        if inside:
            settled.append(_laid(item, pose))
    return settled


def _laid(item: SceneObject, pose: Array) -> SceneObject:
    """Return the object with its parts turned as in a free joint's pose [7] of its box's centre."""
    turn = Rotation.from_quat(pose[[4, 5, 6, 3]]).as_matrix()
    middle = np.array([0, 0, item.extent[2] / 2])
    turned = [(part.mesh.vertices - middle) @ turn.T + pose[:3] for part in item.parts]
    everything = np.vstack(turned)
    low, high = everything.min(0), everything.max(0)
    foot = np.array([*((low + high) / 2)[:2], low[2]])
    parts = [
        dataclasses.replace(part, mesh=Mesh(vertices - foot, part.mesh.faces, part.mesh.uv))
        for part, vertices in zip(item.parts, turned, strict=True)
    ]
    return dataclasses.replace(item, parts=parts, extent=high - low, position=foot, yaw=0.0, loose=True)


def _add_walls(spec: Any, half: Sequence[float]) -> None:
    import mujoco

    width, depth = half
    for at, size in (
        ((width + WALL, 0, 0.5), (WALL, depth + 2 * WALL, 0.6)),
        ((-width - WALL, 0, 0.5), (WALL, depth + 2 * WALL, 0.6)),
        ((0, depth + WALL, 0.5), (width + 2 * WALL, WALL, 0.6)),
        ((0, -depth - WALL, 0.5), (width + 2 * WALL, WALL, 0.6)),
    ):
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX, pos=at, size=size, friction=(0.3, 0.01, 0.001)
        )


def _add_body(spec: Any, number: int, item: SceneObject, position: Array, turn: Array) -> None:
    import mujoco

    body = spec.worldbody.add_body(name=f"b{number}", pos=position, quat=turn)
    body.add_freejoint()
    middle = np.array([0, 0, item.extent[2] / 2])
    vertices = np.vstack([part.mesh.vertices for part in item.parts]) - middle
    for piece, points in enumerate(hulls(vertices, hollow=item.category in VESSELS)):
        name = f"b{number}_{piece}"
        mesh = spec.add_mesh(name=name, uservert=points.astype(np.float32).ravel())
        mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=name,
            density=300,
            condim=4,
            friction=(0.7, 0.02, 0.005),
            solref=(0.012, 1),
        )


def hulls(vertices: Array, *, hollow: bool) -> list[Array]:
    """Return the points [K, 3] of convex pieces: one for a solid object; floor and walls for a vessel."""
    if not hollow:
        return [_thick(support_points(vertices, 48))]
    low, high = vertices[:, 2].min(), vertices[:, 2].max()
    edge = low + 0.28 * (high - low)
    floor = vertices[vertices[:, 2] <= edge]
    angle = np.arctan2(vertices[:, 1], vertices[:, 0])
    pieces = [_thick(support_points(floor, 32))] if len(floor) > 3 else []
    above = vertices[:, 2] >= edge - 0.05 * (high - low)
    for sector in range(SECTORS):
        start = -np.pi + sector * 2 * np.pi / SECTORS
        members = vertices[above & (angle >= start) & (angle <= start + 2 * np.pi / SECTORS)]
        if len(members) > 3:
            pieces.append(_thick(support_points(members, 24)))
    return pieces or [_thick(support_points(vertices, 48))]


def _thick(points: Array, least: float = 0.003) -> Array:
    """Widen a flat or sparse set of points to a body, metres."""
    low, high = points.min(0), points.max(0)
    if len(points) >= 8 and (high - low).min() >= least:
        return points
    pad = np.maximum(least - (high - low), 0) / 2 + 1e-4
    low, high = low - pad, high + pad
    corners: Array = np.stack(np.meshgrid(*np.stack([low, high], 1)), -1).reshape(-1, 3)
    return corners
