"""MuJoCo model of a scene."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from instructsam_ros.scenes.assets.meshes import Array, smooth_normals
from instructsam_ros.scenes.assets.objects import SceneObject
from instructsam_ros.scenes.assets.parts import FINISHES, Part
from instructsam_ros.scenes.assets.textures import Texture
from instructsam_ros.scenes.rendering.contacts import FIRST_OCCLUDER_ID
from instructsam_ros.scenes.sampling.backgrounds import cube_ways, look_up, tone
from instructsam_ros.scenes.sampling.scene import CameraPose, Scene

FAR = 8.0  # metres, the far clipping plane
SKY = 384  # pixels of a side of the cube around a scene
SHADOW_MAP = 1024  # pixels; 2048 takes a third more time per frame


class World:
    """A compiled scene. model, data: MuJoCo's. geoms: id of an object or occluder -> its geom numbers."""

    def __init__(self, scene: Scene, width: int, height: int) -> None:
        builder = _Builder(scene, width, height)
        self.scene = scene
        self.model: Any = builder.spec.compile()
        self.data: Any = mujoco.MjData(self.model)
        self.update()
        self.geoms: dict[int, list[int]] = {}
        self.id_of_geom = np.zeros(
            self.model.ngeom + 1, np.uint8
        )  # the last entry is for pixels without a geom
        for name, instance in builder.instance_of.items():
            number = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_GEOM, name)
            self.geoms.setdefault(instance, []).append(number)
            self.id_of_geom[number] = instance

    def move(self, item: SceneObject, position: Array) -> None:
        """Move an object's foot to ``position`` [3], metres, world frame. Takes effect with ``update``."""
        self.model.geom_pos[self.geoms[item.id]] += position - item.position
        item.position = position

    def aim(self, number: int, camera: CameraPose) -> None:
        """Set the pose of camera ``number``. Takes effect with ``update``."""
        self.scene.cameras[number] = camera
        self.model.cam_pos[number] = camera.position
        self.model.cam_quat[number] = camera.quaternion
        self.model.cam_fovy[number] = camera.fovy

    def update(self) -> None:
        """Recompute the poses of geoms and cameras."""
        mujoco.mj_forward(self.model, self.data)


class _Builder:
    def __init__(self, scene: Scene, width: int, height: int) -> None:
        self.spec = mujoco.MjSpec()
        self.instance_of: dict[str, int] = {}
        self._visual(scene.ambient, width, height)
        self._surroundings(scene)
        for number, thing in enumerate(scene.furniture):
            self._instance(f"furniture{number}", thing.parts, thing.position, thing.yaw)
        for item in scene.objects:
            self._instance(item.id, item.parts, item.position, item.yaw)
        for number, occluder in enumerate(scene.occluders):
            self._instance(FIRST_OCCLUDER_ID + number, occluder.parts, occluder.position, occluder.yaw)
        self._lights_and_cameras(scene)

    def _visual(self, ambient: float, width: int, height: int) -> None:
        visual = self.spec.visual
        visual.global_.offwidth, visual.global_.offheight = width, height
        visual.quality.shadowsize, visual.quality.offsamples = SHADOW_MAP, 4
        visual.headlight.ambient = [ambient] * 3
        visual.headlight.diffuse, visual.headlight.specular = [0.12] * 3, [0.05] * 3
        visual.map.znear, visual.map.zfar = 0.02, FAR  # times the extent, here one metre
        self.spec.stat.extent = 1.0

    def _surroundings(self, scene: Scene) -> None:
        room = scene.surroundings
        half_width, half_depth = room.table_half
        wall_distance = half_depth + 0.02 if room.kitchen else 1.6
        box, plane = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_PLANE
        if room.has_table:
            self._material(
                "table", "plastic", (255, 255, 255), room.table, room.table_repeat, room.table_roughness
            )
            self._fixed("table", box, (half_width, half_depth, 0.02), (0, 0, room.table_top - 0.02))
        if scene.panorama is None or not scene.surroundings.open:
            self._material("floor", "rubber", (190, 190, 190), room.floor, 2)
            self._fixed("floor", plane, (4, 4, 0.1), (0, 0, -0.85))
        else:
            self._sky(scene.panorama)
        if room.wall is not None:
            self._material("wall", "rubber", (235, 235, 235), room.wall, 1.6)
            self._fixed("wall", box, (3, 0.02, 1.5), (0, wall_distance, 0.4))

    def _fixed(self, name: str, shape: Any, size: ArrayLike, position: ArrayLike) -> None:
        self.spec.worldbody.add_geom(
            name=name, type=shape, size=size, pos=position, material=name, contype=0, conaffinity=0
        )

    def _sky(self, panorama: NDArray[np.float32]) -> None:
        faces = tone(look_up(panorama, cube_ways(SKY)))
        image = self.spec.add_texture(
            name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, width=SKY, height=6 * SKY, nchannel=3
        )
        image.data = np.ascontiguousarray(faces.reshape(-1, SKY, 3)).tobytes()
        image.colorspace = mujoco.mjtColorSpace.mjCOLORSPACE_SRGB

    def _material(
        self,
        name: str,
        finish_name: str,
        rgb: ArrayLike,
        texture: Texture | None = None,
        repeat: float | None = None,
        roughness: float | None = None,
        alpha: float | None = None,
    ) -> None:
        finish = FINISHES[finish_name]
        material = self.spec.add_material(
            name=name,
            rgba=[*(np.asarray(rgb, float) / 255), finish.alpha if alpha is None else alpha],
            specular=finish.specular,
            shininess=finish.shininess,
            metallic=finish.metallic,
            roughness=finish.roughness if roughness is None else roughness,
        )
        if finish.metallic:
            material.reflectance = 0
        if texture is None:
            return
        height, width = texture.shape[:2]
        image = self.spec.add_texture(
            name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, width=width, height=height, nchannel=3
        )
        image.data = np.ascontiguousarray(texture).tobytes()
        image.colorspace = mujoco.mjtColorSpace.mjCOLORSPACE_SRGB
        textures = list(material.textures)
        textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
        material.textures = textures
        if repeat is not None:
            material.texrepeat, material.texuniform = [repeat, repeat], True

    def _instance(self, instance: int | str, parts: list[Part], position: Array, yaw: float) -> None:
        quaternion = [np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]
        for number, part in enumerate(parts):
            name = f"{instance}_{number}"
            mesh = self.spec.add_mesh(
                name=name,
                uservert=part.mesh.vertices.astype(np.float32).ravel(),
                userface=part.mesh.faces.astype(np.int32).ravel(),
                usertexcoord=part.mesh.uv.astype(np.float32).ravel(),
                usernormal=smooth_normals(part.mesh).astype(np.float32).ravel(),
            )
            mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL  # thin walls have no volume
            self._material(name, part.finish, part.rgb, part.texture, alpha=part.alpha)
            self.spec.worldbody.add_geom(
                name=name,
                type=mujoco.mjtGeom.mjGEOM_MESH,
                meshname=name,
                material=name,
                pos=position,
                quat=quaternion,
                contype=0,
                conaffinity=0,
            )
            if isinstance(instance, int):  # furniture is background
                self.instance_of[name] = instance

    def _lights_and_cameras(self, scene: Scene) -> None:
        for number, light in enumerate(scene.lights):
            self.spec.worldbody.add_light(
                name=f"light{number}",
                pos=light.position,
                dir=-light.position / np.linalg.norm(light.position),
                type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
                diffuse=light.rgb,
                specular=light.rgb * 0.5,
                ambient=[0, 0, 0],
                castshadow=light.shadow,
            )
        for number, camera in enumerate(scene.cameras):
            self.spec.worldbody.add_camera(
                name=f"camera{number}", pos=camera.position, quat=camera.quaternion, fovy=camera.fovy
            )
