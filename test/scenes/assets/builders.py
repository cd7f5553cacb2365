"""Checks of the builders of household objects."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from instructsam_ros.scenes.assets.catalogue import KNOWN_CATEGORIES
from instructsam_ros.scenes.assets.parts import FINISHES
from instructsam_ros.scenes.assets.shapes import BUILDERS


def categories(module: ModuleType) -> list[str]:
    """List the categories that a module builds."""
    return [name for name, builder in BUILDERS.items() if builder.__module__ == module.__name__]


def check_builder(category: str) -> None:
    """Assert that a builder's parts are valid meshes of a plausible size, and the same for the same seed."""
    for seed, color in enumerate(KNOWN_CATEGORIES[category].colors[:3]):
        material = KNOWN_CATEGORIES[category].materials[0]
        builder = BUILDERS[category]
        parts = builder(np.random.default_rng(seed), color, material)
        again = builder(np.random.default_rng(seed), color, material)
        for part, twin in zip(parts, again, strict=True):
            vertices, faces, uv = part.mesh
            assert np.isfinite(vertices).all()
            assert uv.shape == (len(vertices), 2)
            assert 0 <= faces.min() <= faces.max() < len(vertices)
            assert part.finish in FINISHES
            assert ((np.asarray(part.rgb) >= 0) & (np.asarray(part.rgb) <= 255)).all()
            assert np.array_equal(vertices, twin.mesh.vertices)
        vertices = np.vstack([part.mesh.vertices for part in parts])
        assert (np.ptp(vertices, axis=0) > 0.001).all()
        assert (np.ptp(vertices, axis=0) < 0.4).all()
