"""Shapes without a name lie between the objects."""

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.assets.objects import make_object
from instructsam_ros.scenes.instructions.scene_facts import DISTRACTOR
from instructsam_ros.scenes.sampling.distractors import KIND, sample_distractors
from instructsam_ros.scenes.sampling.layout import footprint, overlap


def test_some_scenes_have_distractors_and_none_overlaps_an_object() -> None:
    rng = np.random.default_rng(0)
    item = make_object(rng, "plate", "red")
    taken = footprint(item.extent, item.position[:2], item.yaw, 0.0)
    counts = []
    for seed in range(60):
        found = sample_distractors(np.random.default_rng(seed), [item], (0.3, 0.25))
        counts.append(len(found))
        for thing in found:
            vertices = thing.parts[0].mesh.vertices
            assert thing.kind == KIND == DISTRACTOR
            assert vertices[:, 2].min() >= -1e-9
            extent = np.ptp(vertices, axis=0)
            assert not overlap(footprint(extent, thing.position[:2], thing.yaw, 0.0), taken)
    assert 10 < sum(count > 0 for count in counts) < 35
