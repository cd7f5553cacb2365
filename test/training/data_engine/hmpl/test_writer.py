"""HMPL files."""

import json

import numpy as np

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.mask_codec import encode_masks, json_rle
from instructsam_ros.training.data.registry import parse_data_sets
from instructsam_ros.training.data_engine.hmpl.writer import Group, write_groups


def test_groups_of_an_image_share_its_file(tmp_path):
    masks = np.zeros((2, 10, 20), bool)
    masks[0, 2:4, 3:8] = masks[1, 5:9, 10:15] = True
    rles = [json_rle(rle) for rle in encode_masks(masks)]
    texts = {"concept": [], "simple_query": ["the mugs"], "complex_query": ["for coffee"]}

    def read():
        return np.zeros((10, 20, 3), np.uint8)

    groups = [
        Group("a.jpg", read, rles, texts, "mug", {"person": "ann"}),
        Group("a.jpg", read, rles[:1], texts, "mug", {}),
    ]
    settings = write_groups(tmp_path / "HMPL-Instruct_1toN", groups)
    samples = list(parse_data_sets([settings], "sets")[0].read(BrokenRecords()))
    assert [len(sample.masks()) for sample in samples] == [2, 2, 1, 1]
    assert (samples[0].masks() == masks).all()
    content = json.loads((tmp_path / "HMPL-Instruct_1toN" / "sam3i_train.json").read_text())
    assert content["annotations"][0]["bbox"] == [3, 2, 5, 2]
    assert content["images"][0]["provenance"] == {"source": "a.jpg", "person": "ann"}
    assert len(list((tmp_path / "HMPL-Instruct_1toN" / "images").iterdir())) == 1
