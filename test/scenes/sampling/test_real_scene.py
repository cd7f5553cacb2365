"""Scenes with a lab's meshes and surroundings; the same seed gives the same scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.rendering.render import choose_renderer, render_scene
from instructsam_ros.scenes.sampling.layout import footprint, overlap
from instructsam_ros.scenes.sampling.real_scene import LAYOUTS, sample_real_scene
from instructsam_ros.scenes.sampling.splits import manifest
from test.scenes.assets.small_assets import write_assets


def test_layouts_objects_and_ids(tmp_path: Path) -> None:
    folder = write_assets(tmp_path)
    layouts, meshes = set(), set()
    for seed in range(24):
        scene = sample_real_scene(seed, 2, assets=folder)
        layouts.add(scene.layout)
        meshes |= {item.asset for item in scene.objects}
        assert [item.id for item in scene.objects] == list(range(1, len(scene.objects) + 1))
        assert len(scene.cameras) == 2
        procedural = [(item.color, item.category) for item in scene.objects if not item.asset]
        assert not set(procedural) & set(manifest().pairs)
        still = [item for item in scene.objects if not item.loose and item.parent is None]
        corners = [footprint(item.extent, item.position[:2], item.yaw, 0.0) for item in still]
        assert not any(overlap(a, b) for i, a in enumerate(corners) for b in corners[:i])
    assert layouts <= set(LAYOUTS)
    assert {"table", "bin", "ego"} <= layouts
    assert meshes == {"", "gear.glb", "box.obj", "mug.glb"}
    assert sum(layout.share for layout in LAYOUTS.values()) == pytest.approx(1)


def test_a_seed_gives_the_same_scene(tmp_path: Path) -> None:
    folder = write_assets(tmp_path)
    first, second = (sample_real_scene(2, assets=folder) for _ in range(2))
    assert [item.position.tolist() for item in first.objects] == [
        item.position.tolist() for item in second.objects
    ]
    assert np.array_equal(first.panorama, second.panorama)


def test_a_view_stores_its_nouns_and_shows_its_objects(tmp_path: Path) -> None:
    scene = sample_real_scene(1, assets=write_assets(tmp_path))
    (view,) = render_scene(scene, 96, 72, choose_renderer("classic"), camera_noise=True)
    assert set(view.meta["lexicon"]["nouns"]) == {"gear wheel", "parts box"}
    assert view.meta["layout"] == scene.layout
    shown = {entry["id"] for entry in view.meta["objects"] if entry["pixels"]}
    assert set(np.unique(view.ids)) - {0} - set(range(200, 256)) == shown
    for entry, item in zip(view.meta["objects"], scene.objects, strict=True):
        assert entry.get("asset", "") == item.asset
        assert entry.get("loose", False) == item.loose
