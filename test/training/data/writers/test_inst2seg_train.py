import json

import numpy as np

from instructsam_ros.training.data.conversion import convert
from test.training.data.writers.memory_set import H, MemorySet, W, image_file, random_masks, sample


def test_the_training_form_is_that_of_the_released_loader(tmp_path):
    image = image_file(tmp_path)
    samples = [
        sample(image, random_masks((H, W)), labels={"level": "concept"}),
        sample(image, np.zeros((0, H, W), bool), labels={"level": "complex"}),
    ]
    convert([MemorySet(samples)], tmp_path / "out", "inst2seg_train")
    (entry,) = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert (entry["type"], entry["height"], entry["width"]) == ("instseg", H, W)
    phrase, sentence = entry["annotation"]
    assert (phrase["type"], phrase["ann_type"]) == ("phrase", "mask")
    assert json.loads(phrase["ann"][0])["size"] == [H, W]
    assert (sentence["type"], sentence["ann"]) == ("sentence", None)


def test_boxes_are_written_as_boxes(tmp_path):
    masks = np.zeros((1, H, W), bool)
    masks[0, 2:5, 3:9] = True
    samples = [sample(image_file(tmp_path), masks, boxes_only=True)]
    convert([MemorySet(samples)], tmp_path / "out", "inst2seg_train")
    (entry,) = json.loads((tmp_path / "out" / "annotations.json").read_text())
    (item,) = entry["annotation"]
    assert item["ann_type"] == "bbox"
    assert [json.loads(box) for box in item["ann"]] == [[3, 2, 6, 3]]
