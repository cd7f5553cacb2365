"""Layout sampling: families of one category, food on dishes, no overlaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instructsam_ros.scenes.assets.catalogue import CATALOGUE, KNOWN_CATEGORIES
from instructsam_ros.scenes.assets.meshes import Array
from instructsam_ros.scenes.assets.objects import SceneObject, make_object
from instructsam_ros.scenes.assets.textures import Rng
from instructsam_ros.scenes.sampling.splits import manifest

# host category -> (height of its inner floor or None for its top, usable share of its radius)
HOSTS: dict[str, tuple[float | None, float]] = {
    "plate": (0.008, 0.55),
    "bowl": (0.012, 0.35),
    "cutting board": (None, 0.6),
    "tray": (0.004, 0.7),
    "pan": (0.006, 0.6),
}
ROUND_FOOD = ("apple", "orange", "lemon", "pear", "tomato", "banana", "egg", "donut", "bell pepper")


def sample_objects(
    rng: Rng, *, held_out: bool, fewest: int = 5, most: int = 12, extra: Sequence[str] = ()
) -> list[SceneObject]:
    """Sample and place ``fewest`` to ``most`` objects, fewer where there is no room; ids count from 1.

    held_out: whether pairs of colour and category held out from training are used, too. extra: further
    categories, of at least one of which there are one or two objects, the first of the list.
    """
    kinds = _sample_kinds(rng, int(rng.integers(fewest, most + 1)), held_out)
    if extra:
        kinds = _sample_extra(rng, extra) + kinds
    area_radius = rng.uniform(0.20, 0.34) + 0.012 * len(kinds)
    kinds.sort(key=lambda pair: pair[0] in ROUND_FOOD)  # hosts first
    objects: list[SceneObject] = []
    footprints: list[Array] = []
    for category, color in kinds:
        item = make_object(rng, category, color)
        if not held_out and (item.color, category) in manifest().pairs:
            continue
        on_host = category in ROUND_FOOD and rng.random() < 0.45 and place_on_host(rng, item, objects)
        if on_host or _place_on_table(rng, item, footprints, area_radius):
            item.id = len(objects) + 1
            objects.append(item)
    return objects


def _sample_kinds(rng: Rng, count: int, held_out: bool) -> list[tuple[str, str]]:
    """Sample (category, color) pairs; several of one category make instructions discriminative."""
    names = list(CATALOGUE)
    weights = np.array([CATALOGUE[name].weight for name in names])
    kinds: list[tuple[str, str]] = []
    while len(kinds) < count:
        if held_out and rng.random() < 0.15:
            color, category = manifest().pairs[rng.integers(len(manifest().pairs))]
            kinds.append((category, color))
            continue
        category = str(rng.choice(names, p=weights / weights.sum()))
        colors = [
            color
            for color in CATALOGUE[category].colors
            if held_out or (color, category) not in manifest().pairs
        ]
        size = int(rng.choice([1, 2, 3, 4], p=[0.5, 0.28, 0.15, 0.07]))
        uniform = rng.random() < 0.25
        first = str(rng.choice(colors))
        kinds += [(category, first if uniform or k == 0 else str(rng.choice(colors))) for k in range(size)]
    return kinds[:count]


def _sample_extra(rng: Rng, extra: Sequence[str]) -> list[tuple[str, str]]:
    """Sample (category, color) pairs of at least one of the categories, one or two objects of each."""
    order = rng.permutation(len(extra))[: int(rng.integers(1, len(extra) + 1))]
    chosen = [extra[index] for index in order for _ in range(int(rng.integers(1, 3)))]
    return [(category, str(rng.choice(KNOWN_CATEGORIES[category].colors))) for category in chosen]


def place_on_host(rng: Rng, item: SceneObject, objects: list[SceneObject]) -> bool:
    """Place a piece of food on or in a dish with room for it; return False if there is none."""
    carried = {host.id: [o for o in objects if o.parent == host.id] for host in objects}
    hosts = [o for o in objects if o.category in HOSTS and len(carried[o.id]) < 2]
    if not hosts:
        return False
    host = hosts[rng.integers(len(hosts))]
    floor, share = HOSTS[host.category]
    inner = share * host.extent[:2].min() / 2
    if item.extent[:2].max() / 2 >= inner * 2:
        return False
    angle = rng.uniform(0, 2 * np.pi)
    away = 0.0 if host.category == "bowl" and not carried[host.id] else inner * 0.55
    height = host.extent[2] if floor is None else floor * host.scale
    offset = np.array([away * np.cos(angle), away * np.sin(angle), height])
    middle = host.position + np.array([*_body_offset(host), 0.0])
    if carried[host.id]:  # opposite of the first piece
        offset[:2] = -(carried[host.id][0].position - middle)[:2]
        offset[:2] *= inner * 0.55 / max(float(np.linalg.norm(offset[:2])), 1e-6)
    position = middle + offset
    for other in carried[host.id]:
        gap = np.linalg.norm((position - other.position)[:2])
        if gap < (item.extent[:2].max() + other.extent[:2].max()) * 0.45:
            return False
    item.position, item.yaw = position, rng.uniform(-np.pi, np.pi)
    item.parent, item.relation = host.id, "in" if host.category in ("bowl", "pan") else "on"
    return True


def _body_offset(host: SceneObject) -> Array:
    """Return the offset [2] of the dish's body from the middle of its box, which may include a handle."""
    vertices = host.parts[0].mesh.vertices
    middle = (vertices.min(0) + vertices.max(0))[:2] / 2
    c, s = np.cos(host.yaw), np.sin(host.yaw)
    offset: Array = np.array([[c, -s], [s, c]]) @ middle
    return offset


def _place_on_table(rng: Rng, item: SceneObject, footprints: list[Array], radius: float) -> bool:
    for _ in range(60):
        r, angle = radius * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        spot = np.array([r * np.cos(angle) * 1.15, r * np.sin(angle) * 0.85])
        yaw = rng.uniform(-np.pi, np.pi)
        corners = footprint(item.extent, spot, yaw)
        if not any(overlap(corners, other) for other in footprints):
            item.position, item.yaw = np.array([*spot, 0.0]), yaw
            footprints.append(corners)
            return True
    return False


def footprint(extent: Array, spot: Array, yaw: float, margin: float = 0.008) -> Array:
    """Return the corners [4, 2] of an object's rectangle on the table, widened by a margin in metres."""
    half = extent[:2] / 2 + margin
    c, s = np.cos(yaw), np.sin(yaw)
    corners: Array = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * half @ np.array([[c, s], [-s, c]])
    return corners + spot


def overlap(first: Array, second: Array) -> bool:
    """Return whether two rectangles [4, 2] intersect (separating axis theorem)."""
    for corners in (first, second):
        for i in range(2):
            edge = corners[i + 1] - corners[i]
            axis = np.array([-edge[1], edge[0]])
            a, b = first @ axis, second @ axis
            if a.max() < b.min() or b.max() < a.min():
                return False
    return True
