"""Mesh files of an asset catalogue as objects of a scene."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.transform import Rotation

from instructsam_ros.errors import ConfigError, MissingDependencyError
from instructsam_ros.scenes.assets.asset_catalogue import AssetCatalogue, AssetMesh, check_size
from instructsam_ros.scenes.assets.meshes import Array, Mesh
from instructsam_ros.scenes.assets.objects import SceneObject
from instructsam_ros.scenes.assets.parts import Part
from instructsam_ros.scenes.assets.textures import Rng, Texture

log = logging.getLogger(__name__)
MOST_TRIANGLES = 50_000
"""Triangles of a mesh; one with more is simplified to so many, where fast-simplification is installed."""
TEXTURE_SIDE = 512  # pixels at most; objects are smaller in a view
STANDING_SHARE = 0.8
"""Share of objects that stand as in their file; others rest on any of their stable sides."""
MARGIN = 0.001  # metres by which the centre must lie within the side that carries it
FIRM = 0.2
"""Least width of a side that an object rests on, relative to its best one and to the height above it."""
_DIRECTIONS = 64  # of support points, that is, vertices of a collision hull
_FINISHES = {"ceramic": "ceramic", "food": "food", "paper": "paper", "wood": "wood", "rubber": "rubber"}
# rotation vectors that turn the file's axis up
_UPRIGHT = {
    "z": (0, 0, 0), "-z": (np.pi, 0, 0), "y": (np.pi / 2, 0, 0), "-y": (-np.pi / 2, 0, 0),
    "x": (0, -np.pi / 2, 0), "-x": (0, np.pi / 2, 0),
}  # fmt: skip


@dataclass(frozen=True)
class AssetShape:
    """A mesh in metres, upright, and its look. poses: rotations [3, 3] in which it rests, and how often."""

    mesh: Mesh
    texture: Texture | None
    rgb: tuple[float, float, float]
    poses: tuple[Array, ...]
    probabilities: Array


def load_shape(catalogue: AssetCatalogue, name: str) -> AssetShape:
    """Read a mesh of a catalogue; the same file is read once in a process.

    Raises ConfigError for a file that is no mesh, has neither texture nor colour, or has another size than
    the catalogue says, and MissingDependencyError without trimesh.
    """
    return _load(catalogue.folder / name, catalogue.meshes[name])


@cache
def _load(path: Path, entry: AssetMesh) -> AssetShape:
    mesh, texture, rgb = _read(path)
    vertices = mesh.vertices * entry.scale
    check_size(float(np.ptp(vertices, axis=0).max()), entry, path)
    vertices = Rotation.from_rotvec(_UPRIGHT[entry.up]).apply(vertices)
    low, high = vertices.min(0), vertices.max(0)
    vertices -= (low + high) / 2
    poses, probabilities = stable_poses(vertices)
    return AssetShape(Mesh(vertices, mesh.faces, mesh.uv), texture, rgb, poses, probabilities)


def make_asset_object(
    rng: Rng, catalogue: AssetCatalogue, name: str, rotation: Array | None = None
) -> SceneObject:
    """Build an object from a mesh of a catalogue, resting on z = 0.

    rotation: [3, 3]; by default it stands, or rests on one of its stable sides.
    """
    shape, entry = load_shape(catalogue, name), catalogue.meshes[name]
    if rotation is None:
        lying = rng.random() > STANDING_SHARE
        rotation = shape.poses[rng.choice(len(shape.poses), p=shape.probabilities)] if lying else np.eye(3)
    vertices = shape.mesh.vertices @ rotation.T
    low, high = vertices.min(0), vertices.max(0)
    vertices = vertices - [*((low + high) / 2)[:2], low[2]]
    part = Part(
        Mesh(vertices, shape.mesh.faces, shape.mesh.uv),
        _FINISHES.get(entry.material, "plastic"),
        shape.rgb,
        shape.texture,
    )
    color = entry.colors[0] if entry.colors else "mixed"
    noun = catalogue.nouns.get(entry.noun)
    return SceneObject(
        entry.noun,
        color,
        entry.material,
        1.0,
        [part],
        high - low,
        asset=name,
        other_colors=entry.colors[1:],
        asset_groups=noun.groups if noun else None,
        asset_affordances=noun.affordances if noun else None,
    )


def support_points(vertices: Array, directions: int = _DIRECTIONS) -> Array:
    """Return the vertices [K, 3] that lie furthest in evenly spread directions: a coarse convex hull."""
    index = np.arange(directions) + 0.5
    z = 1 - 2 * index / directions
    angle = np.pi * (1 + 5**0.5) * index
    radius = np.sqrt(1 - z**2)
    ways = np.c_[radius * np.cos(angle), radius * np.sin(angle), z]
    points: Array = vertices[np.unique((vertices @ ways.T).argmax(0))]
    return points


def stable_poses(vertices: Array) -> tuple[tuple[Array, ...], Array]:
    """Find the rotations [3, 3] in which a mesh rests on a plane, with probabilities.

    vertices: [N, 3] around the middle of the mesh, which stands for its centre of mass. A side of the convex
    hull is stable where that lies above its inside; wide and low ones are more likely. The upright pose alone
    for a mesh that is flat or has no such side.
    """
    try:
        hull = ConvexHull(support_points(vertices, 200))
    except QhullError:
        return (np.eye(3),), np.ones(1)
    sides: dict[tuple[int, ...], list[int]] = {}
    for number, equation in enumerate(hull.equations):
        sides.setdefault(tuple(np.round(equation[:3] * 6).astype(int)), []).append(number)
    poses, weights = [], []
    for members in sides.values():
        normal = hull.equations[members, :3].mean(0)
        normal /= np.linalg.norm(normal)
        turn = _turn_down(normal)
        rim = hull.points[np.unique(hull.simplices[members])] @ turn.T
        low, high = rim[:, :2].min(0), rim[:, :2].max(0)
        if (low < -MARGIN).all() and (high > MARGIN).all():
            poses.append(turn)
            weights.append(float(np.prod(high - low)) / float(rim[:, 2].mean()) ** 2)
    if not poses:
        return (np.eye(3),), np.ones(1)
    firm = np.array(weights) >= FIRM * max(weights)  # the others tip over at a touch
    kept = np.array(weights)[firm]
    return tuple(pose for pose, holds in zip(poses, firm, strict=True) if holds), kept / kept.sum()


def _turn_down(normal: Array) -> Array:
    """Return the shortest rotation [3, 3] that turns a unit vector to -z."""
    axis = np.cross(normal, (0, 0, -1.0))
    length = float(np.linalg.norm(axis))
    angle = float(np.arctan2(length, -normal[2]))
    axis = axis / length if length > 1e-9 else np.array([1.0, 0, 0])
    matrix: Array = Rotation.from_rotvec(axis * angle).as_matrix()
    return matrix


def _read(path: Path) -> tuple[Mesh, Texture | None, tuple[float, float, float]]:
    trimesh = _trimesh()
    try:
        loaded = trimesh.load(path, force="mesh")
    except Exception as error:  # trimesh raises whatever its readers raise
        raise ConfigError(
            f"{path} is not a readable mesh ({error}); use GLB, or OBJ with its texture"
        ) from None
    if not isinstance(loaded, trimesh.Trimesh) or not len(loaded.faces):
        raise ConfigError(f"{path} holds no triangles; use GLB, or OBJ with its texture")
    texture, rgb, uv = _look(loaded, path)
    mesh = Mesh(np.array(loaded.vertices, float), np.array(loaded.faces, np.int64), uv)
    return simplified(mesh, MOST_TRIANGLES, path.name), texture, rgb


def simplified(mesh: Mesh, most: int, name: str) -> Mesh:
    """Reduce a mesh to about ``most`` triangles by quadric error; warns, and returns it without the package.

    A vertex takes the mean texture coordinates of those that it stands for.
    """
    if len(mesh.faces) <= most:
        return mesh
    try:
        import fast_simplification
    except ImportError:
        log.warning(
            "%s has %d triangles and slows rendering down; pip install fast-simplification reduces it to %d",
            name, len(mesh.faces), most,
        )  # fmt: skip
        return mesh
    points, faces = np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32)
    *_, collapses = fast_simplification.simplify(points, faces, target_count=most, return_collapses=True)
    points, faces, place = fast_simplification.replay_simplification(points, faces, collapses)
    kept = place >= 0  # the others belong to no triangle
    count = np.maximum(np.bincount(place[kept], minlength=len(points)), 1)
    uv = [np.bincount(place[kept], column[kept], minlength=len(points)) / count for column in mesh.uv.T]
    log.warning("%s has %d triangles, simplified to %d", name, len(mesh.faces), len(faces))
    return Mesh(points.astype(float), faces.astype(np.int64), np.stack(uv, 1))


def _look(loaded: Any, path: Path) -> tuple[Texture | None, tuple[float, float, float], Array]:
    """Return texture, colour and texture coordinates of a trimesh mesh."""
    no_uv = np.zeros((len(loaded.vertices), 2))
    visual = loaded.visual
    material = getattr(visual, "material", None)
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    uv = getattr(visual, "uv", None)
    if image is not None and uv is not None:
        pixels = np.asarray(image.convert("RGB"))
        return _small(pixels)[::-1].copy(), (255.0, 255.0, 255.0), np.array(uv, float)
    if material is not None:
        color = getattr(material, "main_color", None)
        has_color = (
            getattr(material, "baseColorFactor", None) is not None
            or getattr(material, "kwargs", {}).get("kd") is not None
        )
        if color is not None and has_color:
            return None, (float(color[0]), float(color[1]), float(color[2])), no_uv
    if getattr(visual, "kind", None) in ("vertex", "face"):
        color = np.median(visual.vertex_colors, axis=0)
        return None, (float(color[0]), float(color[1]), float(color[2])), no_uv
    raise ConfigError(f"{path} has no texture and no colour; export it with its texture beside it")


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = TEXTURE_SIDE / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    result: NDArray[np.uint8] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return result


def _trimesh() -> Any:
    try:
        import trimesh
    except ImportError as error:
        raise MissingDependencyError(
            "reading meshes needs trimesh; install it with: pip install 'instructsam-ros[scenes]'"
        ) from error
    return trimesh
