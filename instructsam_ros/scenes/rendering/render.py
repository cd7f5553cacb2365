"""Rendering of scenes as annotated RGB-D views."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import ConfigError
from instructsam_ros.paths import PACKAGE
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.rendering.annotations import annotate
from instructsam_ros.scenes.rendering.camera_noise import photograph
from instructsam_ros.scenes.rendering.classic import ClassicRenderer, render_buffers
from instructsam_ros.scenes.rendering.contacts import hand_contacts
from instructsam_ros.scenes.rendering.depth_noise import simulate_sensor
from instructsam_ros.scenes.rendering.filament import FilamentRenderer
from instructsam_ros.scenes.rendering.world import World
from instructsam_ros.scenes.sampling.scene import Scene, sample_scene
from instructsam_ros.scenes.sampling.splits import NOVEL_SPLITS, manifest

WorkingRenderer = Literal["filament", "classic"]
RendererName = Literal["auto", WorkingRenderer]
log = logging.getLogger(__name__)


class ColorRenderer(Protocol):
    """Renders the colour images of a scene."""

    name: str

    def render(self, world: World, width: int, height: int) -> list[NDArray[np.uint8]]:
        """Render one uint8 RGB [H, W, 3] image per camera."""


RENDERERS: dict[WorkingRenderer, type[ColorRenderer]] = {
    "filament": FilamentRenderer,
    "classic": ClassicRenderer,
}


def choose_renderer(name: RendererName = "auto") -> ColorRenderer:
    """Create the renderer that ``working_renderer`` selects."""
    return RENDERERS[working_renderer(name)]()


def working_renderer(name: RendererName) -> WorkingRenderer:
    """Select Filament where it works, else classic GL. Raises ConfigError if a requested Filament fails."""
    if name == "classic":
        return "classic"
    failure = filament_failure()
    if not failure:
        return "filament"
    hint = f"Filament does not work here ({failure}); on Debian it needs libvulkan1 and mesa-vulkan-drivers"
    if name == "filament":
        raise ConfigError(hint)
    log.warning("%s; rendering with classic GL", hint)
    return "classic"


@cache
def filament_failure() -> str:
    """Return why Filament cannot start, or "". Tested in another process, since it aborts without Vulkan."""
    code = f"from {FilamentRenderer.__module__} import FilamentRenderer; FilamentRenderer()"
    search = os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    test = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": search}, capture_output=True, text=True
    )
    if test.returncode == 0:
        return ""
    lines = test.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit status {test.returncode}"


def render_scene(
    scene: Scene,
    width: int,
    height: int,
    renderer: ColorRenderer,
    *,
    sensor_noise: bool = True,
    camera_noise: bool = False,
) -> list[View]:
    """Render all views of a scene. sensor_noise: whether depth has a sensor's noise and holes.

    camera_noise: whether colour images have the errors of a camera, see ``photograph``.
    """
    world = World(scene, width, height)
    return render_world(world, width, height, renderer, sensor_noise=sensor_noise, camera_noise=camera_noise)


def render_world(
    world: World,
    width: int,
    height: int,
    renderer: ColorRenderer,
    *,
    sensor_noise: bool = True,
    camera_noise: bool = False,
    frame: int = 0,
) -> list[View]:
    """Render all views of a world. frame: number in a video; every frame has its own noise."""
    scene, images = world.scene, renderer.render(world, width, height)
    contacts = hand_contacts(scene)
    views = []
    for number, (rgb, buffers) in enumerate(zip(images, render_buffers(world, width, height), strict=True)):
        if camera_noise:
            rgb = photograph(rgb, np.random.default_rng([scene.seed, number + frame * len(images), 1]))
        meta = annotate(scene, number, rgb, buffers.ids, buffers.amodal, renderer.name)
        meta["hands"] = contacts
        depth = buffers.depth
        if sensor_noise:
            rng = np.random.default_rng([scene.seed, number + frame * len(images)])
            depth = simulate_sensor(depth, buffers.ids, scene, rng)
        views.append(View(rgb, buffers.ids, depth, meta))
    return views


def render_seeds(
    split: str,
    first: int,
    count: int,
    *,
    width: int = 384,
    height: int = 288,
    renderer: RendererName = "auto",
) -> Iterator[View]:
    """Render one view each of ``count`` scenes of a split, starting with scene number ``first``.

    Raises ConfigError at once for numbers outside of the split's range.
    """
    seeds = [manifest().scene_seed(split, offset) for offset in range(first, first + count)]
    return _render_each(seeds, split in NOVEL_SPLITS, width, height, renderer)


def _render_each(
    seeds: list[int], held_out: bool, width: int, height: int, renderer: RendererName
) -> Iterator[View]:
    chosen = choose_renderer(renderer)
    for seed in seeds:
        yield from render_scene(sample_scene(seed, held_out=held_out), width, height, chosen)
