"""The benchmark file of annotated photographs reads back with the same masks."""

import json
import random

import numpy as np
import pytest
from PIL import Image

from benchmarks.kitchen_photographs import convert, read_photographs
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import inst2seg

WIDTH, HEIGHT = 60, 40
SQUARE = [0.1, 0.25, 0.5, 0.25, 0.5, 0.75, 0.1, 0.75]
CORNER = [0.7, 0.0, 1.0, 0.0, 1.0, 0.3]


def entry(*instances):
    named = [{"category": category, "polygon": polygon} for category, polygon in instances]
    return {"image": "images/a.png", "width": WIDTH, "height": HEIGHT, "instances": named}


def test_instructions_read_back_with_their_masks(tmp_path):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(tmp_path / "images" / "a.png")
    (tmp_path / "instances.json").write_text(
        json.dumps([entry(("cup", SQUARE), ("cup", CORNER), ("fork", SQUARE), ("giraffe", CORNER))])
    )
    (tmp_path / "file.json").write_text(json.dumps(read_photographs(tmp_path / "instances.json")))
    settings = inst2seg.Settings(tmp_path / "file.json", tmp_path)
    cups, forks, *absent = inst2seg.read(settings, BrokenRecords())
    assert (cups.instruction, forks.instruction) == ("all the cups", "the fork")
    masks = cups.masks()
    assert masks.shape == (2, HEIGHT, WIDTH)
    assert abs(masks[0].sum() - 24 * 20) < 50, "the square"
    assert [item.masks().shape[0] for item in (forks, *absent)] == [1, 0, 0]


def test_categories_annotated_under_another_name_do_not_count_as_absent():
    rng = random.Random(0)
    for _ in range(50):
        converted = convert(entry(("cup", SQUARE)), rng)
        names = {item["kind"] for item in converted["annotation"] if item["mask"] is None}
        assert names
        assert not names & {"cup", "wine glass"}


def test_an_image_without_kitchen_categories_is_left_out():
    assert convert(entry(("giraffe", SQUARE)), random.Random(0)) is None


def test_another_form_of_annotations_is_named(tmp_path):
    (tmp_path / "instances.json").write_text(json.dumps([{"image": "a.png"}]))
    with pytest.raises(InvalidInputError, match=r"instances.json is not a list of images with polygon"):
        read_photographs(tmp_path / "instances.json")
