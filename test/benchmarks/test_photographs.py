"""The benchmark file made of outlined photographs reads back as what was outlined."""

import json
import random

import numpy as np
from PIL import Image

from benchmarks.photographs import questions
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import inst2seg

WIDTH, HEIGHT = 60, 40
SQUARE = [0.1, 0.25, 0.5, 0.25, 0.5, 0.75, 0.1, 0.75]
LABELLED = {"cup", "mug", "glass", "fork", "bowl", "bottle", "orange", "giraffe"}
CORNER = [0.7, 0.0, 1.0, 0.0, 1.0, 0.3]


def entry(*instances):
    named = [{"category": category, "polygon": polygon} for category, polygon in instances]
    return {"image": "images/a.png", "width": WIDTH, "height": HEIGHT, "instances": named}


def test_questions_read_back_with_their_masks(tmp_path):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(tmp_path / "images" / "a.png")
    shown = entry(("cup", SQUARE), ("cup", CORNER), ("fork", SQUARE))
    asked = questions(shown, LABELLED, random.Random(0))
    (tmp_path / "file.json").write_text(json.dumps([asked]))
    settings = inst2seg.Settings(tmp_path / "file.json", tmp_path)
    cups, forks, *absent = inst2seg.read(settings, BrokenRecords())
    assert (cups.instruction, forks.instruction) == ("the cups", "the forks")
    masks = cups.masks()
    assert masks.shape == (2, HEIGHT, WIDTH)
    assert abs(masks[0].sum() - 24 * 20) < 50, "the square"
    assert [item.masks().shape[0] for item in (forks, *absent)] == [1, 0, 0]


def test_what_might_be_there_under_another_name_is_not_asked_for_as_absent():
    rng = random.Random(0)
    for _ in range(50):
        asked = questions(entry(("cup", SQUARE)), LABELLED, rng)
        names = {item["kind"] for item in asked["annotation"] if item["mask"] is None}
        assert names
        assert not names & {"cup", "mug", "glass"}
        assert names <= LABELLED - {"giraffe"}, "of others the data set does not say where they are not"


def test_a_picture_without_known_things_is_left_out():
    assert questions(entry(("giraffe", SQUARE)), LABELLED, random.Random(0)) is None
