"""Objects of a scene: sampled attributes of a category, and parts centred over the origin."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from instructsam_ros.scenes.assets.affordances import AFFORDANCES
from instructsam_ros.scenes.assets.catalogue import KNOWN_CATEGORIES
from instructsam_ros.scenes.assets.meshes import Array, move
from instructsam_ros.scenes.assets.parts import Part
from instructsam_ros.scenes.assets.shapes import BUILDERS
from instructsam_ros.scenes.assets.textures import Rng


@dataclass
class SceneObject:
    """An object of a scene. Lengths in metres, world frame: table top at z = 0, z up.

    extent [3]: size along its own x, y, z. position [3]: centre of its foot. yaw: radians around z.
    parent: id of the object that carries it; relation: "on" or "in". loose: whether it fell where it lies, so
    that nothing says what carries it. asset: its mesh file, with what its catalogue says about it.
    """

    category: str
    color: str
    material: str
    scale: float
    parts: list[Part]
    extent: Array
    id: int = 0
    position: Array = field(default_factory=lambda: np.zeros(3))
    yaw: float = 0.0
    parent: int | None = None
    relation: str | None = None
    loose: bool = False
    asset: str = ""
    other_colors: tuple[str, ...] = ()
    asset_groups: tuple[str, ...] | None = None
    asset_affordances: tuple[str, ...] | None = None

    @property
    def groups(self) -> list[str]:
        """Return the groups that it belongs to."""
        known = KNOWN_CATEGORIES.get(self.category)
        return list(known.groups if known else self.asset_groups or ())

    @property
    def affordances(self) -> list[str]:
        """Return its unambiguous affordances."""
        if self.asset_affordances is not None:
            return list(self.asset_affordances)
        return [name for name, entry in AFFORDANCES.items() if self.category in entry.sure]

    @property
    def centre(self) -> Array:
        """Return the centre of its bounding box [3] in the world frame."""
        centre: Array = self.position + np.array([0, 0, self.extent[2] / 2])
        return centre


def _attributes(rng: Rng, category: str, color: str) -> tuple[str, str]:
    """Sample a material and the colour that it implies: wooden spoons are brown, metal mugs silver."""
    material = str(rng.choice(KNOWN_CATEGORIES[category].materials))
    if material == "metal" and category in ("mug", "cup", "bowl"):
        return "silver", material
    if material == "glass" and category == "bottle":
        return (color if color in ("green", "brown", "blue") else "green"), material
    if category == "spoon":
        return ("silver", "metal") if color == "silver" or rng.random() < 0.4 else ("brown", "wood")
    if category == "fork":
        return ("silver", "metal") if color == "silver" else (color, "plastic")
    if category == "pot" and color != "silver":
        return color, "ceramic"  # enamelled
    if category == "ladle":
        return color, "metal" if color == "silver" else "plastic"
    if category == "kettle" and color != "silver":
        return color, "plastic"
    if category == "whisk" and color == "silver":
        return color, "metal"
    if category == "rolling pin" and color != "brown":
        return color, "plastic"
    return color, material


def make_object(rng: Rng, category: str, color: str) -> SceneObject:
    """Build an object of a category; a sampled material may imply another colour."""
    color, material = _attributes(rng, category, color)
    scale = float(rng.choice([0.82, 1.0, 1.0, 1.22]))
    parts = BUILDERS[category](rng, color, material)
    vertices = np.vstack([part.mesh.vertices for part in parts]) * scale
    low, high = vertices.min(0), vertices.max(0)
    to_foot = np.array([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]])
    placed = [Part(move(p.mesh, to_foot, scale=scale), p.finish, p.rgb, p.texture, p.alpha) for p in parts]
    return SceneObject(category, color, material, scale, placed, high - low)
