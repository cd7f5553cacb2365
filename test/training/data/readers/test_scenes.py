"""Reader of rendered views: instructions, or the names of what they show."""

from __future__ import annotations

import numpy as np

from instructsam_ros.scenes.dataset import load_view
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers.scenes import Settings, read


def test_nouns_name_every_category_and_all_its_objects(scene_root):
    found = list(read(Settings(scene_root, nouns=True), BrokenRecords()))
    assert found
    for sample in found:
        view = load_view(sample.image, depth=False)
        ids = [
            o["id"] for o in view.meta["objects"] if o["category"] == sample.instruction and o["pixels"] >= 8
        ]
        truth = np.isin(view.ids, ids)
        assert np.array_equal(sample.masks().any(0), truth)
        assert sample.phrases[0].text == sample.instruction
    assert len({(sample.image, sample.instruction) for sample in found}) == len(found)


def test_instructions_can_be_limited_to_some_categories(scene_root):
    every = list(read(Settings(scene_root, instructions=30), BrokenRecords()))
    name = next(s.phrases[0].text for s in every if s.labels["kind"] == "name")
    some = list(read(Settings(scene_root, instructions=30, categories=(name,)), BrokenRecords()))
    assert 0 < len(some) < len(every)
    assert [s.instruction for s in some] == [
        s.instruction for s in every if s.phrases[0].text == name or s.phrases[0].text.endswith(f" {name}")
    ]
