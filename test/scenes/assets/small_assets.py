"""A folder of three small meshes with their catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

CATALOGUE: dict[str, Any] = {
    "meshes": {
        "gear.glb": {"noun": "gear wheel", "size": 0.08, "colors": ["blue"], "material": "metal"},
        "box.obj": {"noun": "parts box", "size": 0.12, "colors": ["red", "white"]},
        "mug.glb": {"noun": "mug", "size": 0.1, "colors": ["green"], "material": "ceramic"},
    },
    "nouns": {
        "gear wheel": {"synonyms": {"cog": "cogs"}, "affordances": ["turn"], "lookalikes": ["donut"]},
        "parts box": {
            "plural": "parts boxes",
            "also": ["carton"],
            "groups": ["container"],
            "perhaps": ["drink"],
        },
        "carton": {},
    },
    "purposes": {
        "turn": {
            "phrase": "driving part",
            "purposes": ["drive a chain with"],
            "situations": ["The chain has nothing to run on."],
        }
    },
}


def write_assets(folder: Path, catalogue: dict[str, Any] | None = None) -> Path:
    """Write the meshes and their catalogue, or another one, into a folder."""
    trimesh = pytest.importorskip("trimesh")
    folder.mkdir(parents=True, exist_ok=True)
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[::2] = (20, 60, 200)
    for name, shape in (
        ("gear.glb", trimesh.creation.cylinder(0.04, 0.02)),
        ("mug.glb", trimesh.creation.cylinder(0.04, 0.1)),
        ("box.obj", trimesh.creation.box((0.12, 0.06, 0.04))),
    ):
        uv = shape.vertices[:, :2] * 10 + 0.5
        shape.visual = trimesh.visual.TextureVisuals(uv=uv, image=Image.fromarray(stripes))
        shape.export(folder / name)
    (folder / "catalogue.yaml").write_text(yaml.safe_dump(CATALOGUE if catalogue is None else catalogue))
    return folder
