"""Depth, instance ids and, where Filament is not available, colour by MuJoCo's classic rasterizer."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.rendering.world import FAR, World

_GEOM = int(mujoco.mjtObj.mjOBJ_GEOM.value)  # comparing arrays with MuJoCo's enums is slow
_HIDDEN_GROUP = 5


@dataclass(frozen=True)
class Amodal:
    """Unoccluded extent of an object: number of pixels, and whether it extends beyond the image.

    0 and True for an object without a visible pixel.
    """

    pixels: int
    truncated: bool


@dataclass(frozen=True)
class Buffers:
    """Images of one camera. depth: float32 [H, W] metres along the optical axis, 0 = none. ids: uint8 [H, W].

    amodal: by object id.
    """

    depth: NDArray[np.float32]
    ids: NDArray[np.uint8]
    amodal: dict[int, Amodal]


class ClassicRenderer:
    """Renders colour images with OpenGL; requires EGL or OSMesa."""

    name = "classic"

    def render(self, world: World, width: int, height: int) -> list[NDArray[np.uint8]]:
        """Render one uint8 RGB [H, W, 3] image per camera of the scene."""
        images = []
        with mujoco.Renderer(world.model, height, width) as renderer:
            for number in range(len(world.scene.cameras)):
                renderer.update_scene(world.data, camera=f"camera{number}")
                images.append(renderer.render().copy())
        return images


def render_buffers(world: World, width: int, height: int) -> list[Buffers]:
    """Render exact depth, ids and amodal extents for every camera of the scene."""
    with mujoco.Renderer(world.model, height, width) as renderer:
        return [_camera_buffers(world, renderer, f"camera{k}") for k in range(len(world.scene.cameras))]


def _camera_buffers(world: World, renderer: mujoco.Renderer, camera: str) -> Buffers:
    renderer.enable_depth_rendering()
    renderer.update_scene(world.data, camera=camera)
    depth = renderer.render().copy()
    depth[depth > 0.999 * FAR] = 0  # the depth buffer's resolution at FAR
    renderer.disable_depth_rendering()
    renderer.enable_segmentation_rendering()
    renderer.update_scene(world.data, camera=camera)
    ids = world.id_of_geom[_geom_numbers(renderer, world.model.ngeom)]
    amodal = _render_amodal(world, renderer, camera, ids)
    renderer.disable_segmentation_rendering()
    return Buffers(depth, ids, amodal)


def _geom_numbers(renderer: mujoco.Renderer, background: int) -> NDArray[np.int64]:
    pixels = renderer.render()
    return np.where(pixels[..., 1] == _GEOM, pixels[..., 0], background).astype(np.int64)


def _render_amodal(
    world: World, renderer: mujoco.Renderer, camera: str, ids: NDArray[np.uint8]
) -> dict[int, Amodal]:
    """Render each visible object alone."""
    option = mujoco.MjvOption()
    option.geomgroup[:] = 0
    option.geomgroup[0] = 1
    groups = world.model.geom_group.copy()
    result = {}
    for item in world.scene.objects:
        if not (ids == item.id).any():
            result[item.id] = Amodal(0, truncated=True)
            continue
        world.model.geom_group[:] = _HIDDEN_GROUP
        world.model.geom_group[world.geoms[item.id]] = 0
        renderer.update_scene(world.data, camera=camera, scene_option=option)
        alone = renderer.render()[..., 1] == _GEOM
        touches = alone[[0, -1]].any() or alone[:, [0, -1]].any()
        result[item.id] = Amodal(int(alone.sum()), bool(touches))
    world.model.geom_group[:] = groups
    return result
