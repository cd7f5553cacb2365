"""Mesh primitives for procedural household objects.

Objects rest on z = 0 with z up; lengths are in metres.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class Mesh(NamedTuple):
    """A triangle mesh: vertices float [N, 3] in metres, faces int [M, 3] wound outwards, uv float [N, 2]."""

    vertices: Array
    faces: NDArray[np.int64]
    uv: Array


def _grid(vertices: Array, u: Array, v: Array) -> Mesh:
    """Triangulate a grid of vertices [K, N, 3] whose columns run around and rows run along."""
    rows, columns = vertices.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    uv = np.stack(np.broadcast_arrays(u[None, :], v[:, None]), -1).reshape(-1, 2)
    flat = vertices.reshape(-1, 3)
    edges = np.cross(flat[faces[:, 1]] - flat[faces[:, 0]], flat[faces[:, 2]] - flat[faces[:, 0]])
    return Mesh(flat, faces[np.linalg.norm(edges, axis=1) > 1e-12], uv)


def lathe(profile: ArrayLike, segments: int = 40) -> Mesh:
    """Revolve an outline [(radius, z), ...] around z; it runs from the bottom centre over the outside."""
    points = np.asarray(profile, float)
    length = np.r_[0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    radius, height = points[:, :1], np.repeat(points[:, 1:], segments + 1, 1)
    vertices = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], -1)
    return _grid(vertices, angle / (2 * np.pi), length / max(length[-1], 1e-9))


def shell(outer: ArrayLike, thickness: float, floor: float | None = None) -> Array:
    """Build the profile of a thin-walled vessel from its outer outline (bottom to rim), for ``lathe``."""
    outline = np.asarray(outer, float)
    bottom = outline[0, 1]
    inner = outline[::-1].copy()
    inner[:, 0] = np.maximum(inner[:, 0] - thickness, 0.0)
    inner = inner[inner[:, 1] > bottom + thickness]
    inside = bottom + thickness if floor is None else floor
    rim = [[outline[-1, 0] - thickness / 2, outline[-1, 1] + thickness * 0.35]]
    base = [[inner[-1, 0] * k, inside] for k in (0.98, 0.93, 0.7, 0.4)]
    return np.vstack([[0, bottom], outline, rim, inner, base, [[0, inside]]])


def tube(path: ArrayLike, radius: ArrayLike, segments: int = 14, flat: float = 1.0) -> Mesh:
    """Sweep a circle, widened by ``flat`` across the path, along a polyline; closed at both ends."""
    points = np.asarray(path, float)
    radii = np.broadcast_to(np.asarray(radius, float), (len(points),))
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12
    reference = np.array([0, 1.0, 0]) if abs(tangent[0, 1]) < 0.9 else np.array([1.0, 0, 0])
    normal = np.cross(tangent[0], reference)
    normals = [normal / np.linalg.norm(normal)]
    for direction in tangent[1:]:  # parallel transport of the frame
        carried = normals[-1] - (normals[-1] @ direction) * direction
        normals.append(carried / (np.linalg.norm(carried) + 1e-12))
    across = np.array(normals)
    up = np.cross(tangent, across)
    points, across, up = (np.vstack([a[:1], a, a[-1:]]) for a in (points, across, up))
    radii = np.r_[1e-5, radii, 1e-5]
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    circle = (
        np.cos(angle)[None, :, None] * across[:, None] * flat + np.sin(angle)[None, :, None] * up[:, None]
    )
    vertices = points[:, None] + radii[:, None, None] * circle
    return _grid(vertices, angle / (2 * np.pi), np.linspace(0, 1, len(points)))


def box(width: float, depth: float, height: float) -> Mesh:
    """Build a box on z = 0; the sides show the whole texture, top and bottom a corner of it."""
    half = np.array([width, depth, height]) / 2
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
    square = (corners + 1) / 2
    vertices: list[Array] = []
    faces: list[NDArray[np.int64]] = []
    uvs: list[Array] = []
    for axis in range(3):
        u, v = [(1, 2), (0, 2), (0, 1)][axis]
        for sign in (-1, 1):
            face = np.zeros((4, 3))
            face[:, axis] = sign
            face[:, [u, v]] = corners
            mirrored = (sign < 0) != (axis == 1)
            uv = square.copy()
            if axis == 2:
                uv = uv * 0.04 + 0.02
            elif mirrored:
                uv[:, 0] = 1 - uv[:, 0]
            triangles = np.array([[0, 1, 2], [0, 2, 3]]) + 4 * len(vertices)
            vertices.append(face * half + [0, 0, half[2]])
            faces.append(triangles[:, ::-1] if mirrored else triangles)
            uvs.append(uv)
    return Mesh(np.vstack(vertices), np.vstack(faces), np.vstack(uvs))


def blob(
    radii: tuple[float, float, float],
    bump: float = 0.0,
    seed: int = 0,
    taper: float = 0.0,
    dimple: float = 0.0,
) -> Mesh:
    """Build a bumpy ellipsoid on z = 0, wider at the top by ``taper`` and dented at its poles."""
    angle = np.linspace(0, np.pi, 22)
    r, z = np.sin(angle), -np.cos(angle)
    r = r * (1 + taper * z)
    z = z - dimple * np.exp(-((r / 0.28) ** 2)) * np.sign(z)
    vertices, faces, uv = lathe(np.c_[np.maximum(r, 0), z], 36)
    if bump:
        random = np.random.default_rng(seed)
        waves, phases = random.normal(size=(5, 3)) * 3, random.uniform(0, 6, 5)
        vertices = vertices * (1 + bump * np.sin(vertices @ waves.T + phases).mean(1, keepdims=True))
    vertices = vertices * np.asarray(radii)
    vertices[:, 2] -= vertices[:, 2].min()
    return Mesh(vertices, faces, uv)


def extrude(outline: ArrayLike, height: float, z: float = 0.0) -> Mesh:
    """Extrude a 2-D outline [N, 2] that is star-shaped around its mean, along z."""
    rim = np.asarray(outline, float)
    n, centre = len(rim), rim.mean(0)
    top, bottom = np.c_[rim, np.full(n, z + height)], np.c_[rim, np.full(n, z)]
    # rim vertices twice: once for the faces, once for the side, so that the edge stays sharp
    vertices = np.vstack([top, bottom, top, bottom, [[*centre, z + height]], [[*centre, z]]])
    i = np.arange(n)
    j = (i + 1) % n
    faces = np.vstack(
        [
            np.c_[2 * n + i, 3 * n + i, 3 * n + j],
            np.c_[2 * n + i, 3 * n + j, 2 * n + j],
            np.c_[np.full(n, 4 * n), i, j],
            np.c_[np.full(n, 4 * n + 1), n + j, n + i],
        ]
    )
    low, high = rim.min(0), rim.max(0)
    uv = (vertices[:, :2] - low) / (high - low + 1e-9)
    following = np.roll(rim, -1, 0)
    area = np.sum(rim[:, 0] * following[:, 1] - following[:, 0] * rim[:, 1])
    return Mesh(vertices, faces if area > 0 else faces[:, ::-1], uv)


def rounded_rectangle(width: float, height: float, radius: float) -> Array:
    """Build the outline [24, 2] of a rectangle with round corners around the origin."""
    x, y = width / 2 - radius, height / 2 - radius
    corners = []
    for quadrant, (cx, cy) in enumerate(((x, y), (-x, y), (-x, -y), (x, -y))):
        angle = np.radians(np.linspace(90 * quadrant, 90 * quadrant + 90, 6))
        corners.append(np.c_[cx + radius * np.cos(angle), cy + radius * np.sin(angle)])
    return np.vstack(corners)


def move(
    mesh: Mesh, offset: ArrayLike = (0, 0, 0), rotation: Array | None = None, scale: float = 1.0
) -> Mesh:
    """Scale, then rotate by a 3x3 matrix, then shift a mesh."""
    vertices = mesh.vertices * scale
    if rotation is not None:
        vertices = vertices @ rotation.T
    return Mesh(vertices + np.asarray(offset, float), mesh.faces, mesh.uv)


def rotation_y(angle: float) -> Array:
    """Return the rotation matrix [3, 3] around y; angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def rotation_x(angle: float) -> Array:
    """Return the rotation matrix [3, 3] around x; angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def smooth_normals(mesh: Mesh) -> Array:
    """Compute vertex normals [N, 3], shared by coincident vertices (texture seams) except at sharp edges."""
    vertices, faces, _ = mesh
    face_normals = np.cross(
        vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]
    )
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], face_normals)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-20
    cells = np.round(vertices * 2e4).astype(np.int64)  # 0.05 mm
    keys = cells @ np.array([73856093, 19349663, 83492791])
    _, group = np.unique(keys, return_inverse=True)
    shared = np.zeros((group.max() + 1, 3))
    np.add.at(shared, group, normals)
    shared /= np.linalg.norm(shared, axis=1, keepdims=True) + 1e-20
    shared = shared[group]
    soft = (shared * normals).sum(1) > 0.75  # a right angle averages to 0.71 and stays sharp
    normals[soft] = shared[soft]
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0, 0, 1)
    return normals
