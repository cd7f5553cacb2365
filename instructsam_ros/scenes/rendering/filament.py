"""Colour images by MuJoCo's Filament renderer, without a window, on software Vulkan."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.rendering.image_light import image_light
from instructsam_ros.scenes.rendering.world import SHADOW_MAP, World

IMAGE_LIGHT = 23_000.0
"""Intensity of a panorama of mean 0.5, in Filament's lux."""


@contextmanager
def _silent_stdout() -> Iterator[None]:
    """Discard what Filament's C++ code prints to stdout."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "wb") as devnull:
        os.dup2(devnull.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


class FilamentRenderer:
    """Renders physically based colour images.

    MuJoCo's own wrapper needs Python 3.12, so this uses ``mujoco.mjrf`` directly. Without
    Vulkan the process aborts; ``choose_renderer`` tests that in another process first.
    """

    name = "filament"

    def __init__(self) -> None:
        # registers the resources of materials and image-based light
        importlib.import_module("mujoco.studio._studio")
        from mujoco import mjrf

        self._mjrf = mjrf
        with _silent_stdout():
            self._context = mjrf.Context(
                mjrf.ContextConfig(graphics_api=mjrf.GraphicsApi.GRAPHICS_API_VULKAN, software_rendering=True)
            )
        self._target = self._context.create_render_target(
            mjrf.RenderTargetConfig(color_format=mjrf.PixelFormat.PIXEL_FORMAT_RGB8)
        )
        self._context.set_clear_color([0.5, 0.5, 0.5])

    def render(self, world: World, width: int, height: int) -> list[NDArray[np.uint8]]:
        """Render one uint8 RGB [H, W, 3] image per camera of the scene."""
        mjrf = self._mjrf
        resources = mjrf.ModelResources(self._context, world.model)
        scene = self._context.create_scene(mjrf.SceneParams())
        scene.configure_from_model(world.model)
        lights = mjrf.ModelLights(scene, resources)
        renderables = mjrf.ModelRenderables(scene, resources)
        lights.update(world.data)
        renderables.update(world.data)
        for number in range(world.model.nlight):
            lights.get_light(number).set_shadow_map_size(SHADOW_MAP)
        image_based = self._add_image_light(scene, world)
        self._target.resize(width, height)
        images = [
            self._render_camera(world, scene, number, width, height)
            for number in range(len(world.scene.cameras))
        ]
        if image_based:
            scene.remove_light(image_based[0])
        del image_based, renderables, lights, scene, resources  # in this order: each refers to the next ones
        return images

    def _add_image_light(self, scene: Any, world: World) -> tuple[Any, ...]:
        """Add the light of the scene's panorama; return it and what it refers to. MuJoCo's own goes."""
        if world.scene.panorama is None:
            return ()
        mjrf, encoded = self._mjrf, image_light(world.scene.panorama)
        config = mjrf.TextureConfig()
        config.width, config.height = len(encoded), 1
        config.format, config.sampler_type = mjrf.PixelFormat.PIXEL_FORMAT_KTX, mjrf.SamplerType.TEXTURE_CUBE
        texture, data, params = self._context.create_texture(config), mjrf.TextureData(), mjrf.LightParams()
        data.set_image(encoded)
        texture.upload(data)
        params.type, params.texture = mjrf.LightType.LIGHT_IMAGE, texture
        params.intensity = IMAGE_LIGHT
        light = self._context.create_light(params)
        scene.add_light(light)
        return light, texture

    def _render_camera(
        self, world: World, scene: Any, number: int, width: int, height: int
    ) -> NDArray[np.uint8]:
        mjrf = self._mjrf
        image = np.zeros((height, width, 3), np.uint8)
        read = mjrf.ReadRequest(target=self._target)
        read.set_buffer(image)
        request = mjrf.RenderRequest()
        request.scene, request.target = scene, self._target
        request.camera = self._camera(world, number)
        request.viewport.left = request.viewport.bottom = 0
        request.viewport.width, request.viewport.height = width, height
        request.draw_mode = mjrf.DrawMode.DRAW_MODE_DEFAULT
        request.post_processing = request.shadows = request.skybox = True
        request.reflections = request.haze = request.headlight = False
        self._context.wait_for_frame(self._context.render([request], [read]))
        return image

    def _camera(self, world: World, number: int) -> Any:
        camera = mujoco.MjvCamera()
        camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, number
        visual = mujoco.MjvScene(world.model, 2000)
        mujoco.mjv_updateScene(
            world.model, world.data, mujoco.MjvOption(), None, camera, mujoco.mjtCatBit.mjCAT_ALL, visual
        )
        # camera[0] is the left one of a stereo pair, 34 mm off the middle
        middle = mujoco.mjv_averageCamera(visual.camera[0], visual.camera[1])
        return self._mjrf.Camera(
            pos=middle.pos,
            forward=middle.forward,
            up=middle.up,
            frustum_bottom=middle.frustum_bottom,
            frustum_top=middle.frustum_top,
            frustum_near=middle.frustum_near,
            frustum_far=middle.frustum_far,
        )
