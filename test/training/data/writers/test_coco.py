import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.conversion import convert
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.readers import coco
from instructsam_ros.training.data.sample import Phrase, Sample

H, W = 12, 16
NONE = np.zeros((0, H, W), bool)
CUPS = np.zeros((2, H, W), bool)
CUPS[0, 2:5, 3:9] = CUPS[1, 8:, 10:] = True


@pytest.fixture
def written(tmp_path):
    """A function that converts (instruction, phrase, masks, kind, boxes_only) and loads the result."""
    Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(tmp_path / "a.png")
    image = ImageFile(tmp_path / "a.png")

    def write(*items):
        samples = [
            Sample("a.png", image.read, text, (Phrase(phrase, lambda m=masks: m),), boxes, labels=labels)
            for text, phrase, masks, kind, boxes in items
            for labels in [{"kind": kind}]
        ]

        class MemorySet:
            format = "memory"

            def read(self, broken):
                return broken.count(iter(samples))

        values, broken = convert([MemorySet()], tmp_path / "out", "coco")
        assert not broken.problems
        assert values["format"] == "coco"
        assert (tmp_path / "out" / "images" / "a.png").is_file()
        return COCO(values["annotations"]), json.loads((tmp_path / "out" / "annotations.json").read_text())

    return write


def test_pycocotools_reads_the_masks(written):
    api, content = written(("all cups", "cup", CUPS, "all", False))
    annotations = api.loadAnns(api.getAnnIds(catIds=api.getCatIds(catNms=["cup"])))
    assert np.array_equal([api.annToMask(annotation) for annotation in annotations], CUPS)
    assert [annotation["bbox"] for annotation in annotations] == [[3, 2, 6, 3], [10, 8, 6, 4]]
    assert [annotation["area"] for annotation in annotations] == [18, 24]
    (image,) = content["images"]
    assert (image["file_name"], image["height"], image["width"]) == ("a.png", H, W)
    assert image["not_exhaustive_category_ids"] == []


def test_an_instance_of_several_instructions_is_written_once(written):
    _, content = written(
        ("the upper cup", "cup", CUPS[:1], "place", False),
        ("find the cup", "cup", CUPS[:1], "place", False),
        ("the lower thing", "mug", CUPS[1:], "place", False),
    )
    assert [category["name"] for category in content["categories"]] == ["cup", "mug"]
    assert [annotation["category_id"] for annotation in content["annotations"]] == [1, 2]
    assert content["images"][0]["not_exhaustive_category_ids"] == [1, 2]


def test_only_a_whole_instruction_without_a_target_makes_a_category_absent(written):
    _, content = written(
        ("fork", "fork", NONE, "none", False),
        ("the blue spoon", "spoon", NONE, "none", False),
        ("cup", "cup", NONE, "none", False),
        ("the cup", "cup", CUPS, "place", False),
    )
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert [names[number] for number in content["images"][0]["neg_category_ids"]] == ["fork"]


def test_boxes_have_no_segmentation(written):
    _, content = written(("the cups", "cup", CUPS, "all", True))
    assert [annotation["bbox"] for annotation in content["annotations"]] == [[3, 2, 6, 3], [10, 8, 6, 4]]
    assert not any("segmentation" in annotation for annotation in content["annotations"])


def test_the_reader_finds_instances_and_absent_nouns_again(written, tmp_path):
    written(("cup", "cup", CUPS, "concept", False), ("fork", "fork", NONE, "concept", False))
    settings = coco.Settings(
        tmp_path / "out" / "annotations.json", tmp_path / "out" / "images", instructions=50
    )
    broken = BrokenRecords()
    samples = [s for seed in range(8) for s in coco.read(replace(settings, seed=seed), broken)]
    assert not broken.problems
    for sample in samples:
        if sample.labels["kind"] in ("all", "count"):
            expected = CUPS if sample.phrases[0].text == "cup" else NONE
            assert np.array_equal(sample.masks(), expected)
    assert {sample.phrases[0].text for sample in samples} == {"cup", "fork"}


def test_what_is_not_known_to_be_all_or_absent_is_not_read_as_such(written, tmp_path):
    written(
        ("cup", "cup", CUPS, "concept", False),
        ("the upper mug", "mug", CUPS[:1], "place", False),
        ("the blue spoon", "spoon", NONE, "none", False),
    )
    settings = coco.Settings(
        tmp_path / "out" / "annotations.json", tmp_path / "out" / "images", instructions=50
    )
    samples = [s for seed in range(8) for s in coco.read(replace(settings, seed=seed), BrokenRecords())]
    assert {sample.phrases[0].text for sample in samples} == {"cup"}
