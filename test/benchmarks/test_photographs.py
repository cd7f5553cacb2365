"""The benchmark file of annotated photographs reads back with the same masks."""

import json
import random

import numpy as np
from PIL import Image

from benchmarks.photographs import convert
from instructsam_ros.training.data.inst2seg import load_inst2seg

WIDTH, HEIGHT = 60, 40
SQUARE = [0.1, 0.25, 0.5, 0.25, 0.5, 0.75, 0.1, 0.75]
LABELLED = {"cup", "mug", "glass", "fork", "bowl", "bottle", "orange", "giraffe"}
CORNER = [0.7, 0.0, 1.0, 0.0, 1.0, 0.3]


def entry(*instances):
    named = [{"category": category, "polygon": polygon} for category, polygon in instances]
    return {"image": "images/a.png", "width": WIDTH, "height": HEIGHT, "instances": named}


def test_instructions_read_back_with_their_masks(tmp_path):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(tmp_path / "images" / "a.png")
    shown = entry(("cup", SQUARE), ("cup", CORNER), ("fork", SQUARE))
    converted = convert(shown, LABELLED, random.Random(0))
    (tmp_path / "file.json").write_text(json.dumps([converted]))
    (image,) = load_inst2seg(tmp_path / "file.json", tmp_path)
    cups, forks, *absent = image.items
    assert (cups.text, forks.text) == ("the cups", "the forks")
    masks = image.masks(cups)
    assert masks.shape == (2, HEIGHT, WIDTH)
    assert abs(masks[0].sum() - 24 * 20) < 50, "the square"
    assert [image.masks(item).shape[0] for item in (forks, *absent)] == [1, 0, 0]


def test_categories_annotated_under_another_name_do_not_count_as_absent():
    rng = random.Random(0)
    for _ in range(50):
        converted = convert(entry(("cup", SQUARE)), LABELLED, rng)
        names = {item["kind"] for item in converted["annotation"] if item["mask"] is None}
        assert names
        assert not names & {"cup", "mug", "glass"}
        assert names <= LABELLED - {"giraffe"}, "others may be present without an annotation"


def test_an_image_without_known_categories_is_left_out():
    assert convert(entry(("giraffe", SQUARE)), LABELLED, random.Random(0)) is None
