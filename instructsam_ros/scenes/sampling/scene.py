"""Scene sampling: objects, cameras, lights and surroundings, all from one seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from instructsam_ros.scenes.assets.furniture import Furniture
from instructsam_ros.scenes.assets.meshes import Array
from instructsam_ros.scenes.assets.objects import SceneObject
from instructsam_ros.scenes.assets.occluders import Occluder, reaching_hands, sample_occluders
from instructsam_ros.scenes.assets.textures import SURFACES, Rng, Texture, plain, tiles, wood
from instructsam_ros.scenes.sampling.layout import sample_objects
from instructsam_ros.scenes.sampling.splits import manifest

VIEWS = ("table", "table", "ego", "top")  # table views twice as often
ELEVATION = {"table": (28, 58), "ego": (38, 56), "top": (68, 88)}  # degrees above the table
DISTANCE = {"table": (0.62, 0.95), "ego": (0.62, 0.8), "top": (0.65, 0.95)}  # metres
STEEP = 0.999  # sine of the elevation above which the image's up direction is +y instead of +z
FIELD_OF_VIEW = {"table": (40, 52), "ego": (55, 66), "top": (42, 55)}  # degrees, vertical


@dataclass(frozen=True)
class CameraPose:
    """A camera. position, target: [3] metres in the world frame; fovy: vertical field of view in degrees."""

    position: Array
    target: Array
    fovy: float

    @property
    def axes(self) -> Array:
        """Return the OpenGL camera's axes (right, up, backwards) in the world frame, as columns [3, 3]."""
        back = (self.position - self.target) / np.linalg.norm(self.position - self.target)
        right = np.cross([0, 1.0, 0] if abs(back[2]) > STEEP else [0, 0, 1.0], back)
        right /= np.linalg.norm(right)
        axes: Array = np.c_[right, np.cross(back, right), back]
        return axes

    @property
    def quaternion(self) -> Array:
        """Return ``axes`` as a quaternion w, x, y, z [4]."""
        x, y, z, w = Rotation.from_matrix(self.axes).as_quat()
        return np.array([w, x, y, z])


@dataclass(frozen=True)
class Light:
    """Directional light shining from ``position`` to the origin; rgb 0..1."""

    position: Array
    rgb: Array
    shadow: bool


@dataclass
class Surroundings:
    """Table, wall and floor. kitchen: whether the table is a wide counter in front of the wall.

    wall: None where furniture or a panorama stand for it. table_size: half the width and depth in metres, by
    default those of a table or counter. has_table: False for a shelf or sink. table_top:
    its height, metres. open: whether the panorama is seen, instead of a floor.
    """

    surface: str
    table: Texture
    table_repeat: float
    table_roughness: float
    wall: Texture | None
    floor: Texture
    kitchen: bool
    table_size: tuple[float, float] | None = None
    has_table: bool = True
    table_top: float = 0.0
    open: bool = False

    @property
    def table_half(self) -> tuple[float, float]:
        """Return half the width and half the depth of the table top in metres."""
        if self.table_size is not None:
            return self.table_size
        return (1.3, 0.42) if self.kitchen else (0.75, 0.5)


@dataclass
class Scene:
    """A scene to render. extra: categories beyond the catalogue that it may show.

    furniture: further surroundings. layout: a key of real_scene.LAYOUTS, or "". panorama: see Place.
    lexicon: nouns and purposes of its meshes, see AssetCatalogue.
    """

    seed: int
    held_out: bool
    view: str
    objects: list[SceneObject]
    occluders: list[Occluder]
    cameras: list[CameraPose]
    lights: list[Light]
    ambient: float
    surroundings: Surroundings
    extra: tuple[str, ...] = ()
    furniture: list[Furniture] = field(default_factory=list)
    layout: str = ""
    panorama: NDArray[np.float32] | None = None
    lexicon: dict[str, Any] = field(default_factory=dict)


def sample_scene(seed: int, views: int = 1, *, held_out: bool = False, extra: tuple[str, ...] = ()) -> Scene:
    """Sample a scene with ``views`` cameras. held_out: whether to use values held out from training.

    extra: categories of EXTRA_CATEGORIES. The scene then shows at least one of them, in egocentric views
    with a hand that reaches for it. Without them a seed gives the same scene as ever.
    """
    rng = np.random.default_rng(seed)
    objects = sample_objects(rng, held_out=held_out, extra=extra)
    view = "ego" if extra else str(rng.choice(VIEWS))
    surroundings = _sample_surroundings(rng, view, held_out)
    cameras = _sample_cameras(rng, view, views)
    target, camera = cameras[0].target, cameras[0].position
    if extra:
        occluders = reaching_hands(rng, objects[0], target, camera)
    else:
        reaching = rng.random() < (0.75 if view == "ego" else 0.12)
        occluders = sample_occluders(rng, target, camera) if reaching else []
    lights, ambient = _sample_lights(rng), float(rng.uniform(0.25, 0.45))
    return Scene(seed, held_out, view, objects, occluders, cameras, lights, ambient, surroundings, extra)


def orbit(target: Array, azimuth: float, elevation: float, distance: float) -> Array:
    """Return the camera position [3] around a target; azimuth 0 looks along +y; angles in radians."""
    c = np.cos(elevation)
    return target + distance * np.array([np.sin(azimuth) * c, -np.cos(azimuth) * c, np.sin(elevation)])


def _sample_surroundings(rng: Rng, view: str, held_out: bool) -> Surroundings:
    held_out_surfaces = manifest().surfaces
    if held_out and rng.random() < 0.25:
        surface = str(rng.choice(held_out_surfaces))
    else:
        surface = str(rng.choice([name for name in SURFACES if name not in held_out_surfaces]))
    return Surroundings(
        surface,
        SURFACES[surface](rng, 512),
        rng.uniform(1, 2.5),
        rng.uniform(0.15, 0.8),
        wall=(tiles if rng.random() < 0.5 else plain)(rng, 512),
        floor=wood(rng, 256) if rng.random() < 0.5 else plain(rng, 256),
        kitchen=view == "ego" or rng.random() < 0.3,
    )


def _sample_cameras(rng: Rng, view: str, count: int) -> list[CameraPose]:
    azimuth = rng.uniform(-0.35, 0.35) if view == "ego" else rng.uniform(-0.9, 0.9)
    elevation = np.radians(rng.uniform(*ELEVATION[view]))
    distance = rng.uniform(*DISTANCE[view])
    target = np.array([rng.uniform(-0.05, 0.05), rng.uniform(-0.06, 0.04), 0.03])
    fovy = rng.uniform(*FIELD_OF_VIEW[view])
    cameras = [CameraPose(orbit(target, azimuth, elevation, distance), target, fovy)]
    for _ in range(count - 1):
        if view == "ego":  # small head motion
            around = azimuth + rng.uniform(-0.25, 0.25), elevation + rng.uniform(-0.12, 0.12)
            away = distance * rng.uniform(0.88, 1.12)
        else:
            around = rng.uniform(-1.1, 1.1), np.radians(rng.uniform(28, 80))
            away = rng.uniform(0.7, 1.1)
        shifted = target + rng.uniform(-0.05, 0.05, 3) * (1, 1, 0)
        cameras.append(CameraPose(orbit(shifted, *around, away), shifted, fovy * rng.uniform(0.9, 1.1)))
    return cameras


def _sample_lights(rng: Rng) -> list[Light]:
    """Sample one to three lights; the first is the brightest, on the viewer's side, and casts shadows."""
    lights = []
    for k in range(int(rng.integers(1, 4))):
        front = k == 0 or rng.random() < 0.5
        azimuth = rng.uniform(np.pi * 1.02, np.pi * 1.98) if front else rng.uniform(0, 2 * np.pi)
        elevation = rng.uniform(0.65, 1.4)
        direction = np.array(
            [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
        )
        warm = np.array([1, 1 - 0.18 * rng.random(), 1 - 0.35 * rng.random()])
        cold = np.array([1 - 0.15 * rng.random(), 1 - 0.05 * rng.random(), 1])
        tint = warm if rng.random() < 0.6 else cold
        strength = rng.uniform(0.35, 0.8) * (1 if k == 0 else 0.4)
        lights.append(Light(direction * 1.8, tint * strength, k == 0))
    return lights
