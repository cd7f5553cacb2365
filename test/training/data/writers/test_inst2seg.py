import json

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.conversion import convert
from test.training.data.writers.memory_set import H, MemorySet, W, image_file, random_masks, sample


def test_the_file_is_that_of_the_benchmark(tmp_path):
    labels = {"level": "simple", "kind": "place", "other": "x"}
    image = image_file(tmp_path)
    samples = [
        sample(image, random_masks((H, W)), labels=labels, split="val"),
        sample(image, random_masks((H, W), 0), text="the lid"),
    ]
    convert([MemorySet(samples)], tmp_path / "out", "inst2seg")
    (entry,) = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert (entry["image"], entry["height"], entry["width"]) == (image.path.name, H, W)
    first, second = entry["annotation"]
    assert [rle["size"] for rle in first.pop("mask")] == [[H, W]] * 2
    assert first == {
        "text": "segment the cup",
        "category": "cup",
        "split": "val",
        "level": "simple",
        "kind": "place",
    }
    assert (second["text"], second["mask"]) == ("the lid", None)


def test_boxes_are_not_written_as_masks(tmp_path):
    image = image_file(tmp_path)
    with pytest.raises(InvalidInputError, match="holds masks, not boxes"):
        convert(
            [MemorySet([sample(image, random_masks((H, W)), boxes_only=True)])], tmp_path / "o", "inst2seg"
        )
    assert [path.name for path in tmp_path.iterdir()] == [image.path.name]
