"""Scenes that look like camera frames: a lab's meshes, photographs around them, bins, shelves, sinks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from instructsam_ros.scenes.assets.asset_catalogue import AssetCatalogue, load_assets
from instructsam_ros.scenes.assets.asset_meshes import make_asset_object
from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.assets.meshes import Array
from instructsam_ros.scenes.assets.objects import SceneObject, make_object
from instructsam_ros.scenes.assets.occluders import Occluder, sample_occluders
from instructsam_ros.scenes.assets.textures import Rng
from instructsam_ros.scenes.sampling.backgrounds import Backgrounds, find_backgrounds
from instructsam_ros.scenes.sampling.distractors import sample_distractors
from instructsam_ros.scenes.sampling.heap import drop
from instructsam_ros.scenes.sampling.layout import ROUND_FOOD, footprint, overlap, place_on_host
from instructsam_ros.scenes.sampling.real_surroundings import sample_place
from instructsam_ros.scenes.sampling.scene import CameraPose, Scene, orbit
from instructsam_ros.scenes.sampling.splits import manifest


@dataclass(frozen=True)
class Layout:
    """A sort of scene. share: of scenes. view: its name in annotations. objects: fewest and most.

    half: half the width and depth in metres of the area for objects. elevation: degrees above the surface.
    distance: metres. fovy: degrees. heap: share of scenes in which objects are dropped.
    """

    share: float
    view: str
    objects: tuple[int, int]
    half: tuple[float, float]
    elevation: tuple[float, float]
    distance: tuple[float, float]
    fovy: tuple[float, float]
    heap: float = 0.0


LAYOUTS: dict[str, Layout] = {
    "table": Layout(0.5, "table", (5, 14), (0.36, 0.26), (22, 62), (0.45, 0.9), (36, 54), heap=0.25),
    "bin": Layout(0.25, "top", (10, 26), (0.2, 0.15), (66, 89), (0.56, 0.78), (42, 56), heap=1.0),
    "ego": Layout(0.15, "ego", (6, 12), (0.36, 0.24), (34, 58), (0.55, 0.85), (52, 68)),
    "top": Layout(0.04, "top", (6, 14), (0.34, 0.24), (70, 89), (0.6, 0.95), (42, 55), heap=0.3),
    "shelf": Layout(0.03, "table", (5, 9), (0.42, 0.12), (4, 30), (0.75, 1.1), (42, 55)),
    "sink": Layout(0.03, "top", (5, 12), (0.22, 0.17), (48, 80), (0.6, 0.85), (46, 58), heap=1.0),
}
ASSET_SHARE = 0.65
"""Share of meshes of the catalogue among the objects."""
BARE_SHARE = 0.1
"""Share of scenes without meshes of the catalogue."""
FAMILY_SHARE = 0.35
"""Share of objects that are of the same noun as the one before."""


def sample_real_scene(
    seed: int,
    views: int = 1,
    *,
    held_out: bool = False,
    assets: Path | None = None,
    backgrounds: Path | None = None,
) -> Scene:
    """Sample a scene with ``views`` cameras. assets, backgrounds: folders, see docs/your_objects.md.

    Raises ConfigError for a folder that cannot be used.
    """
    rng = np.random.default_rng([seed, 25])
    catalogue = load_assets(assets) if assets else None
    pictures = find_backgrounds(backgrounds) if backgrounds else Backgrounds((), (), ())
    name = str(rng.choice(list(LAYOUTS), p=[layout.share for layout in LAYOUTS.values()]))
    layout = LAYOUTS[name]
    objects = _sample_objects(rng, layout, catalogue, held_out, walls=name in ("bin", "sink"))
    place = sample_place(rng, name, layout.half, pictures, held_out, _reach(objects))
    cameras = _sample_cameras(rng, name, layout, views)
    occluders: list[Occluder] = []
    if rng.random() < {"ego": 0.75, "table": 0.08, "bin": 0.06}.get(name, 0.0):
        occluders = sample_occluders(rng, cameras[0].target, cameras[0].position)
    occluders += sample_distractors(rng, objects, layout.half)
    return Scene(
        seed, held_out, layout.view, objects, occluders, cameras, place.lights, place.ambient,
        place.surroundings, furniture=place.furniture, layout=name, panorama=place.panorama,
        lexicon=catalogue.lexicon() if catalogue else {},
    )  # fmt: skip


def _reach(objects: list[SceneObject]) -> Array:
    """Return half the width and depth [2] of the area around the origin that objects take, metres."""
    corners = [footprint(item.extent, item.position[:2], item.yaw) for item in objects]
    return np.abs(np.vstack(corners)).max(0) if corners else np.zeros(2)


def _sample_objects(
    rng: Rng, layout: Layout, catalogue: AssetCatalogue | None, held_out: bool, *, walls: bool
) -> list[SceneObject]:
    count = int(rng.integers(layout.objects[0], layout.objects[1] + 1))
    candidates = _sample_things(rng, count, catalogue, held_out)
    if layout.heap and rng.random() < layout.heap:
        shrink = 1.0 if walls else 0.6
        candidates = [item for item in candidates if not walls or _fits(item, layout.half)]
        objects = drop(rng, candidates, [side * shrink for side in layout.half], walls=walls)
    else:
        objects = _placed(rng, candidates, layout.half)
    for number, item in enumerate(objects, 1):
        item.id = number
    return objects


def _fits(item: SceneObject, half: tuple[float, float]) -> bool:
    """Return whether an object lies flat in a bin and leaves room for others."""
    _, second, longest = np.sort(item.extent)
    return bool(longest < 1.9 * half[0] and second < 1.1 * half[1])


def _sample_things(
    rng: Rng, count: int, catalogue: AssetCatalogue | None, held_out: bool
) -> list[SceneObject]:
    """Sample objects, some of one noun in several colours or meshes, at the origin."""
    things: list[SceneObject] = []
    bare = catalogue is None or rng.random() < BARE_SHARE
    while len(things) < count:
        noun = things[-1].category if things and rng.random() < FAMILY_SHARE else ""
        meshes = [] if bare or catalogue is None else list(catalogue.meshes)
        if noun and catalogue:
            meshes = [name for name in meshes if catalogue.meshes[name].noun == noun]
        if catalogue and meshes and (noun not in CATALOGUE or not noun) and rng.random() < ASSET_SHARE:
            things.append(make_asset_object(rng, catalogue, _even_choice(rng, catalogue, meshes)))
            continue
        category = noun if noun in CATALOGUE else _category(rng)
        if catalogue and meshes and noun in CATALOGUE and rng.random() < ASSET_SHARE:
            things.append(make_asset_object(rng, catalogue, meshes[int(rng.integers(len(meshes)))]))
            continue
        item = make_object(rng, category, str(rng.choice(CATALOGUE[category].colors)))
        if held_out or (item.color, category) not in manifest().pairs:
            things.append(item)
    return things


def _even_choice(rng: Rng, catalogue: AssetCatalogue, meshes: list[str]) -> str:
    """Choose a noun, then one of its meshes: ten cups are not ten times as frequent as the one drill."""
    nouns = sorted({catalogue.meshes[name].noun for name in meshes})
    noun = nouns[int(rng.integers(len(nouns)))]
    fitting = [name for name in meshes if catalogue.meshes[name].noun == noun]
    return fitting[int(rng.integers(len(fitting)))]


def _category(rng: Rng) -> str:
    weights = np.array([entry.weight for entry in CATALOGUE.values()])
    return str(rng.choice(list(CATALOGUE), p=weights / weights.sum()))


def _placed(rng: Rng, candidates: list[SceneObject], half: tuple[float, float]) -> list[SceneObject]:
    """Place objects side by side, food also on dishes; leave out those without room."""
    objects: list[SceneObject] = []
    taken: list[np.ndarray] = []
    area = np.asarray(half) * rng.uniform(0.4, 0.9)
    for item in sorted(candidates, key=lambda thing: thing.category in ROUND_FOOD):
        item.id = len(objects) + 1
        if item.category in ROUND_FOOD and rng.random() < 0.45 and place_on_host(rng, item, objects):
            objects.append(item)
            continue
        for _ in range(50):
            spot, yaw = rng.uniform(-1, 1, 2) * area, rng.uniform(-np.pi, np.pi)
            corners = footprint(item.extent, spot, yaw, margin=0.004)
            inside = (np.abs(corners) < np.asarray(half) + 0.03).all()
            if inside and not any(overlap(corners, other) for other in taken):
                item.position, item.yaw = np.array([*spot, 0.0]), yaw
                taken.append(corners)
                objects.append(item)
                break
    return objects


def _sample_cameras(rng: Rng, name: str, layout: Layout, count: int) -> list[CameraPose]:
    if name in ("bin", "sink", "top"):
        azimuth = rng.choice([0, 0.5, 1, 1.5] if name != "sink" else [0]) * np.pi + rng.normal() * 0.12
    else:
        azimuth = rng.uniform(-0.35, 0.35) if name in ("ego", "shelf") else rng.uniform(-0.9, 0.9)
    elevation, distance = np.radians(rng.uniform(*layout.elevation)), rng.uniform(*layout.distance)
    target = np.array([rng.normal() * 0.03, rng.normal() * 0.03, 0.03 if name != "shelf" else 0.09])
    fovy = rng.uniform(*layout.fovy)
    cameras = [CameraPose(orbit(target, azimuth, elevation, distance), target, fovy)]
    low, high = np.radians(layout.elevation)
    for _ in range(count - 1):
        spread = 0.25 if name in ("ego", "shelf", "bin") else 0.6
        around = azimuth + rng.uniform(-spread, spread)
        up = np.clip(elevation + rng.uniform(-0.25, 0.25), low, high)
        shifted = target + rng.uniform(-0.05, 0.05, 3) * (1, 1, 0)
        away = distance * rng.uniform(0.8, 1.2)
        cameras.append(CameraPose(orbit(shifted, around, up, away), shifted, fovy * rng.uniform(0.92, 1.08)))
    return cameras
