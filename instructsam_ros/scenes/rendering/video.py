"""RGB-D video clips: the camera swings around a scene while one object is pushed across the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.assets.meshes import Array
from instructsam_ros.scenes.assets.objects import SceneObject
from instructsam_ros.scenes.assets.textures import Rng
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.sampling.layout import footprint, overlap
from instructsam_ros.scenes.sampling.scene import STEEP, CameraPose, Scene, orbit, sample_scene
from instructsam_ros.scenes.sampling.splits import NOVEL_SPLITS, manifest

if TYPE_CHECKING:
    from instructsam_ros.scenes.rendering.render import RendererName

SWING = 0.35  # radians to each side
NOD = 0.08  # radians up and down
HIGHEST = float(np.arcsin(STEEP)) - 0.001  # radians; above, the image would rotate abruptly between frames
STEP = 0.01  # metres between the positions that are tested for contact
LONGEST_PUSH = 0.25  # metres
SHORTEST_PUSH = 0.05


def render_sequence(
    split: str,
    number: int,
    frames: int,
    *,
    width: int = 640,
    height: int = 480,
    renderer: RendererName = "auto",
    sensor_noise: bool = True,
) -> Iterator[View]:
    """Render the frames of scene ``number`` of a split; ids stay the same in all of them.

    The camera's swing is periodic, so a clip may be repeated; the object is pushed there in the
    first half and back in the second. meta has "frame", and "pushed": the id of that object or None.
    """
    from instructsam_ros.scenes.rendering.render import choose_renderer, render_world
    from instructsam_ros.scenes.rendering.world import World

    if frames < 1:
        raise ConfigError(f"a sequence needs at least one frame, got {frames}")
    chosen = choose_renderer(renderer)
    scene = sample_scene(manifest().scene_seed(split, number), held_out=split in NOVEL_SPLITS)
    first = scene.cameras[0]
    pushed, way = plan_push(scene, np.random.default_rng([scene.seed, 1]))
    carried = [item for item in scene.objects if pushed and item.parent == pushed.id]
    moving = [(item, item.position) for item in ([pushed] if pushed else []) + carried]
    world = World(scene, width, height)
    for frame in range(frames):
        phase = 2 * np.pi * frame / frames
        world.aim(0, swing(first, phase))
        for item, start in moving:
            world.move(item, start + way * (1 - np.cos(phase)) / 2)
        world.update()
        (view,) = render_world(world, width, height, chosen, sensor_noise=sensor_noise, frame=frame)
        view.meta.update(frame=frame, pushed=pushed.id if pushed else None)
        yield view


def swing(camera: CameraPose, phase: float) -> CameraPose:
    """Return the pose at a phase in radians of a swing around the camera's target.

    ``camera`` itself at 0, or a little lower where it looks straight down.
    """
    away = camera.position - camera.target
    distance = float(np.linalg.norm(away))
    azimuth = np.arctan2(away[0], -away[1]) + SWING * np.sin(phase)
    elevation = np.arcsin(away[2] / distance) + NOD * np.sin(2 * phase)
    position = orbit(camera.target, azimuth, min(elevation, HIGHEST), distance)
    return CameraPose(position, camera.target, camera.fovy)


def plan_push(scene: Scene, rng: Rng) -> tuple[SceneObject | None, Array]:
    """Choose an object and a displacement [3] in metres without contact; (None, zeros) if there is none."""
    edge = np.array(scene.surroundings.table_half)
    on_table = [item for item in scene.objects if item.parent is None]
    for index in rng.permutation(len(on_table)):
        item = on_table[index]
        others = [footprint(o.extent, o.position[:2], o.yaw) for o in on_table if o is not item]
        angle = rng.uniform(0, 2 * np.pi)
        direction = np.array([np.cos(angle), np.sin(angle), 0])
        reach = 0.0
        while reach < LONGEST_PUSH:
            spot = (item.position + direction * (reach + STEP))[:2]
            corners = footprint(item.extent, spot, item.yaw)
            if (np.abs(corners) > edge).any() or any(overlap(corners, other) for other in others):
                break
            reach += STEP
        if reach >= SHORTEST_PUSH:
            return item, direction * reach
    return None, np.zeros(3)
