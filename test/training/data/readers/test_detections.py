"""Boxes of a detector as labels."""

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import parse_data_set
from test.training.data.coco_files import H, W, write
from test.training.data.readers.small_sets import photo

CUP, DOUBLE, FORK, DOUBTFUL, APPLE = (
    ["cup", 0.9, [4, 4, 20, 20]],
    ["cup", 0.6, [6, 6, 20, 20]],
    ["fork", 0.8, [30, 4, 50, 10]],
    ["fork", 0.4, [30, 20, 50, 30]],
    ["apple", 0.7, [30, 30, 40, 40]],
)


def read(folder, boxes, others=(["vase", 0.9, [4, 4, 20, 20]],), **options):
    photo(folder / "images" / "a.jpg", 1)
    photo(folder / "images" / "b.jpg", 1)
    entries = [
        {"file": name, "width": W, "height": H, "everything": list(found)}
        for name, found in (("a.jpg", boxes), ("b.jpg", others))
    ]
    values = {"annotations": str(write(folder / "boxes.json", entries)), "images": str(folder / "images")}
    broken = BrokenRecords()
    samples = list(parse_data_set({"format": "detections", **values, **options}, "x").read(broken))
    return [sample for sample in samples if sample.image == "a.jpg"], broken


def test_sure_boxes_are_objects_and_other_classes_absent(tmp_path):
    samples, _ = read(tmp_path, [CUP])
    labels = samples[0].nouns
    assert samples[0].boxes_only
    assert [entity.noun for entity in labels.entities] == ["cup"]
    assert (labels.exhaustive, labels.absent) == ({"cup"}, {"vase"})
    assert labels.entities[0].masks().sum() == 16 * 16


@pytest.mark.parametrize("boxes", [[CUP, DOUBLE, FORK], [APPLE, FORK, DOUBTFUL, CUP, DOUBLE]])
def test_classes_with_a_doubtful_or_double_box_are_not_named(tmp_path, boxes):
    samples, _ = read(tmp_path, boxes)
    labels = samples[0].nouns
    assert "cup" in labels.ambiguous
    assert "cup" not in labels.exhaustive | labels.absent
    assert [entity.noun for entity in labels.others].count("cup") == 1
    assert ("fork" in labels.ambiguous) == (DOUBTFUL in boxes)


@pytest.mark.parametrize("box", [["cup", 0.9], ["cup", "high", [0, 0, 1, 1]], ["cup", 0.9, [0, 0, 1]], 3])
def test_a_damaged_image_is_reported(tmp_path, box):
    samples, broken = read(tmp_path, [box])
    assert samples == []
    assert "boxes.json: [0]" in broken.problems[0]


def test_another_key_and_least_score(tmp_path):
    samples, _ = read(tmp_path, [FORK, DOUBTFUL], sure=0.3)
    assert samples[0].nouns.exhaustive == {"fork"}
    with pytest.raises(ConfigError, match="sure must be"):
        read(tmp_path, [CUP], sure=2)
