"""Hand-made annotations: objects at known positions on a table, seen by a level camera."""

from __future__ import annotations

from typing import Any

import numpy as np

from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.assets.parts import PALETTE
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.sampling.splits import manifest

WIDTH, HEIGHT, FOCAL = 384, 288, 300.0
CAMERA = np.array([0.0, -0.8, 0.6])  # metres; looks along +y, 37 degrees down
DOWN = np.arctan2(0.6, 0.8)
AXES = np.array([[1, 0, 0], [0, -np.sin(DOWN), np.cos(DOWN)], [0, -np.cos(DOWN), -np.sin(DOWN)]])


def entry(
    number: int,
    color: str,
    category: str,
    x: float,
    y: float,
    size: float = 0.1,
    **changes: Any,
) -> dict[str, Any]:
    """One well visible object at (x, y) on the table, metres; ``changes`` override fields."""
    at = AXES.T @ (np.array([x, y, size / 2]) - CAMERA)
    u = float(FOCAL * at[0] / at[2] + WIDTH / 2)
    v = float(FOCAL * at[1] / at[2] + HEIGHT / 2)
    rgb = PALETTE.get(color, (150, 150, 150))
    known = {
        "id": number,
        "category": category,
        "color": color,
        "material": {"clear": "glass", "silver": "metal"}.get(color, CATALOGUE[category].materials[0]),
        "groups": list(CATALOGUE[category].groups),
        "extent": [size, size, size],
        "pos_cam": at.tolist(),
        "parent": None,
        "rel": None,
        "pixels": 2000,
        "pixels_full": 2000,
        "visible": 1.0,
        "truncated": False,
        "bbox": [int(u) - 20, int(v) - 20, int(u) + 20, int(v) + 20],
        "centroid": [u, v],
        "rgb_median": list(rgb),
    }
    return known | changes


def meta(*objects: dict[str, Any]) -> dict[str, Any]:
    """Annotations of a view with these objects."""
    return {
        "K": {"fx": FOCAL, "fy": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2, "width": WIDTH, "height": HEIGHT},
        "R_world_cam": AXES.tolist(),
        "objects": list(objects),
    }


ROW = meta(  # three mugs from left to right, the middle one large, and a knife at the right end
    entry(1, "red", "mug", -0.3, 0.0),
    entry(2, "blue", "mug", -0.1, 0.0, size=0.14),
    entry(3, "yellow", "mug", 0.1, 0.0),
    entry(4, "black", "knife", 0.3, 0.0),
)
TABLE = meta(  # an apple on the white one of two plates; a spoon, a glass and a sponge around them, a spatula
    entry(1, "white", "plate", -0.3, 0.0, size=0.2),
    entry(2, "black", "plate", 0.3, 0.0, size=0.2),
    entry(3, "red", "apple", -0.3, 0.0, parent=1, rel="on"),
    entry(4, "silver", "spoon", 0.0, -0.2),
    entry(5, "clear", "glass", 0.0, 0.25),
    entry(6, "green", "sponge", 0.0, 0.0),
    entry(7, "red", "spatula", 0.5, 0.3),
)
CLOSE = meta(  # two mugs beside a bowl, a third one and a knife far from it
    entry(1, "white", "bowl", 0.0, 0.0, size=0.14),
    entry(2, "red", "mug", -0.15, 0.0),
    entry(3, "blue", "mug", 0.15, 0.02),
    entry(4, "red", "mug", 0.45, 0.0),
    entry(5, "black", "knife", -0.45, 0.0),
)
DEPTH = meta(  # three bottles one behind the other, a bowl between the last two
    entry(1, "white", "bottle", 0.0, -0.25),
    entry(2, "red", "bottle", 0.02, -0.02),
    entry(3, "white", "bottle", -0.02, 0.3),
    entry(4, "gray", "bowl", 0.0, 0.12),
    entry(5, "yellow", "lemon", 0.35, 0.12),
)


def example_view() -> View:
    """Return a black view of ROW, on a held-out surface, with a rectangle of pixels for every object."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number in range(1, 5):
        ids[20 * number : 20 * number + 10, 50:90] = number
    annotations = ROW | {"view": "table", "surface": manifest().surfaces[0]}
    return View(
        np.zeros((HEIGHT, WIDTH, 3), np.uint8), ids, np.zeros((HEIGHT, WIDTH), np.float32), annotations
    )
