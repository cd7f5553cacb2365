"""Annotations of a rendered view, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.assets.meshes import Array
from instructsam_ros.scenes.assets.objects import SceneObject
from instructsam_ros.scenes.sampling.scene import CameraPose, Scene

Meta = dict[str, Any]


class Extent(Protocol):
    """The unoccluded extent of an object in the image."""

    @property
    def pixels(self) -> int:
        """Return the number of its pixels without occlusion."""

    @property
    def truncated(self) -> bool:
        """Return whether it extends beyond the image."""


def annotate(
    scene: Scene,
    number: int,
    rgb: NDArray[np.uint8],
    ids: NDArray[np.uint8],
    amodal: Mapping[int, Extent],
    renderer: str,
) -> Meta:
    """Annotate view ``number``: camera, scene and one entry per object.

    World frame: table top at z = 0, z up. Camera frame: x right, y down, z forward (REP 103 optical).
    Lengths in metres, boxes in half-open pixels x0 y0 x1 y1.
    """
    camera = scene.cameras[number]
    axes = optical_axes(camera)
    return {
        "seed": scene.seed,
        "held_out": scene.held_out,
        "renderer": renderer,
        "view": scene.view,
        "camera": number,
        "surface": scene.surroundings.surface,
        "kitchen": scene.surroundings.kitchen,
        "K": intrinsics(camera.fovy, ids.shape[1], ids.shape[0]),
        "cam_pos": camera.position.tolist(),
        "R_world_cam": axes.tolist(),
        **({"extra_categories": list(scene.extra)} if scene.extra else {}),
        **({"layout": scene.layout} if scene.layout else {}),
        **({"lexicon": scene.lexicon} if scene.lexicon else {}),
        "occluders": [occluder.kind for occluder in scene.occluders],
        "objects": [_object_entry(item, rgb, ids, amodal[item.id], camera, axes) for item in scene.objects],
    }


def optical_axes(camera: CameraPose) -> Array:
    """Return the axes of the optical frame (right, down, forward) in the world frame, as columns [3, 3]."""
    axes: Array = camera.axes * (1, -1, -1)
    return axes


def intrinsics(fovy: float, width: int, height: int) -> dict[str, float]:
    """Return pinhole intrinsics for a vertical field of view in degrees; pixel centres at whole numbers."""
    focal = height / 2 / np.tan(np.radians(fovy) / 2)
    return {
        "fx": float(focal),
        "fy": float(focal),
        "cx": (width - 1) / 2,
        "cy": (height - 1) / 2,
        "width": width,
        "height": height,
    }


def _rounded(values: Array) -> list[float]:
    return [round(float(v), 4) for v in values]


def _object_entry(
    item: SceneObject,
    rgb: NDArray[np.uint8],
    ids: NDArray[np.uint8],
    full: Extent,
    camera: CameraPose,
    axes: Array,
) -> Meta:
    mask = ids == item.id
    found = seen_part(mask)
    return {
        "id": item.id,
        "category": item.category,
        "color": item.color,
        "material": item.material,
        "groups": item.groups,
        "affordances": item.affordances,
        "extent": _rounded(item.extent),
        "scale": item.scale,
        "pos_world": _rounded(item.centre),
        "pos_cam": _rounded(axes.T @ (item.centre - camera.position)),
        "yaw": round(item.yaw, 3),
        "parent": item.parent,
        "rel": item.relation,
        **({"loose": True} if item.loose else {}),
        **({"asset": item.asset, "other_colors": list(item.other_colors)} if item.asset else {}),
        **found,
        "pixels_full": full.pixels,
        "visible": round(found["pixels"] / max(1, full.pixels), 3),
        "truncated": full.truncated,
        "rgb_median": [int(v) for v in np.median(rgb[mask], 0)] if found["pixels"] else None,
    }


def seen_part(mask: NDArray[np.bool_]) -> Meta:
    """Return number, bbox and centroid of the visible pixels of an object. mask: bool [H, W]."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return {"pixels": 0, "bbox": None, "centroid": None}
    return {
        "pixels": len(rows),
        "bbox": [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1],
        "centroid": [round(float(columns.mean()), 1), round(float(rows.mean()), 1)],
    }
