"""Scene in, annotated RGB-D views out."""

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
from instructsam_ros.scenes.rendering.classic import ClassicRenderer, render_buffers
from instructsam_ros.scenes.rendering.depth_noise import simulate_sensor
from instructsam_ros.scenes.rendering.filament import FilamentRenderer
from instructsam_ros.scenes.rendering.world import World
from instructsam_ros.scenes.sampling.scene import Scene, sample_scene
from instructsam_ros.scenes.sampling.splits import NOVEL_WORLDS, manifest

WorkingRenderer = Literal["filament", "classic"]
RendererName = Literal["auto", WorkingRenderer]
log = logging.getLogger(__name__)


class ColorRenderer(Protocol):
    """Renders the colour images of a scene."""

    name: str

    def render(self, world: World, width: int, height: int) -> list[NDArray[np.uint8]]:
        """One uint8 RGB [H, W, 3] image per camera."""


RENDERERS: dict[WorkingRenderer, type[ColorRenderer]] = {
    "filament": FilamentRenderer,
    "classic": ClassicRenderer,
}


def choose_renderer(name: RendererName = "auto") -> ColorRenderer:
    """The renderer that ``working_renderer`` names."""
    return RENDERERS[working_renderer(name)]()


def working_renderer(name: RendererName) -> WorkingRenderer:
    """Filament where its libraries work, classic GL otherwise. Raises ConfigError if the named one fails."""
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
    """Why Filament cannot start, or "". Tried in a process of its own: without Vulkan it aborts."""
    code = f"from {FilamentRenderer.__module__} import FilamentRenderer; FilamentRenderer()"
    search = os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    tried = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": search}, capture_output=True, text=True
    )
    if tried.returncode == 0:
        return ""
    lines = tried.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit status {tried.returncode}"


def render_scene(
    scene: Scene, width: int, height: int, renderer: ColorRenderer, *, sensor_noise: bool = True
) -> list[View]:
    """All views of a scene. sensor_noise: depth as a sensor sees it rather than exact."""
    return render_world(World(scene, width, height), width, height, renderer, sensor_noise=sensor_noise)


def render_world(
    world: World,
    width: int,
    height: int,
    renderer: ColorRenderer,
    *,
    sensor_noise: bool = True,
    frame: int = 0,
) -> list[View]:
    """All views of a world as it is now. frame: number in a sequence; every frame has its own noise."""
    scene, images = world.scene, renderer.render(world, width, height)
    views = []
    for number, (rgb, buffers) in enumerate(zip(images, render_buffers(world, width, height), strict=True)):
        meta = annotate(scene, number, rgb, buffers.ids, buffers.amodal, renderer.name)
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
    """One view each of ``count`` scenes of a split, from scene number ``first`` on.

    Raises ConfigError at once for numbers outside of the split's range.
    """
    seeds = [manifest().scene_seed(split, offset) for offset in range(first, first + count)]
    return _render_each(seeds, split in NOVEL_WORLDS, width, height, renderer)


def _render_each(
    seeds: list[int], held_out: bool, width: int, height: int, renderer: RendererName
) -> Iterator[View]:
    chosen = choose_renderer(renderer)
    for seed in seeds:
        yield from render_scene(sample_scene(seed, held_out=held_out), width, height, chosen)
