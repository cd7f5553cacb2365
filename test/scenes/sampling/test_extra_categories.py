"""Scenes with extra categories, and the same scenes and instructions as ever without them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from instructsam_ros.paths import DATA
from instructsam_ros.scenes.assets.catalogue import CATALOGUE, EXTRA_CATEGORIES
from instructsam_ros.scenes.instructions import instructions
from instructsam_ros.scenes.sampling.scene import Scene, sample_scene

EXTRA = tuple(EXTRA_CATEGORIES)


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def content(scene: Scene) -> list[object]:
    """Describe a scene to a tenth of a millimetre."""

    def rounded(values: np.ndarray) -> list[float]:
        return [round(float(value), 4) + 0.0 for value in values]  # + 0.0: no -0.0

    return [
        scene.view,
        [
            (
                item.category,
                item.color,
                item.material,
                item.parent,
                rounded(item.position),
                round(item.yaw, 4),
            )
            for item in scene.objects
        ],
        [(occluder.kind, rounded(occluder.position)) for occluder in scene.occluders],
        [rounded(camera.position) for camera in scene.cameras],
        [rounded(light.position) for light in scene.lights],
        scene.surroundings.surface,
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("extra", [EXTRA, EXTRA[:1]])
def test_a_hand_reaches_for_one_of_the_extra_categories(seed: int, extra: tuple[str, ...]) -> None:
    scene = sample_scene(seed, 2, extra=extra)
    item_reached = scene.objects[0]
    assert item_reached.category in extra
    assert {item.category for item in scene.objects} <= {*CATALOGUE, *extra}
    assert scene.view == "ego"
    assert {occluder.kind for occluder in scene.occluders} == {"hand"}
    distance = np.linalg.norm((scene.occluders[0].position - item_reached.centre)[:2])
    assert distance < 0.05 + item_reached.extent[:2].max() / 2  # metres


def test_all_extra_categories_appear() -> None:
    shown = {item.category for seed in range(8) for item in sample_scene(seed, extra=EXTRA).objects}
    assert set(EXTRA) <= shown


def test_scenes_without_them_are_the_same_as_ever() -> None:
    """The digest changes all published data sets if it changes."""
    scenes = [
        content(sample_scene(seed, 2, held_out=held_out))
        for seed in (0, 7, 1234)
        for held_out in (False, True)
    ]
    assert digest(scenes) == "9c7197ff48a31070"


def test_instructions_without_them_are_the_same_as_ever() -> None:
    """The digest changes with the grammar and with the list of things that no scene holds."""
    texts = []
    for path in sorted((DATA / "scenes").glob("*.json")):
        meta = json.loads(path.read_text())
        found = instructions(meta, np.random.default_rng(0), 60, split="heldout")
        texts += [(item.text, item.targets) for item in found]
    assert digest(texts) == "8aa61b02204b608c"
