"""Real pictures: nouns of instructions, groups of known nouns, and a whole run on a few pixels."""

import dataclasses
import json
import sys

import numpy as np
import pytest
from PIL import Image

import instructsam_ros
from benchmarks import real_pictures
from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.errors import InvalidInputError

RED_SQUARE = [[0.25, 0.25, 0.5, 0.25, 0.5, 0.5, 0.25, 0.5]]
SIDE = 40


@pytest.mark.parametrize(
    ("text", "kind", "noun"),
    [
        ("the white bowl", "", "bowl"),
        ("all the bowls", "", "bowl"),
        ("pick up both bowls", "", "bowl"),
        ("the bowl closest to the box", "", "bowl"),
        ("the mug left of the laptop", "", "mug"),
        ("the wine glass", "absent", "wine glass"),
        ("the orange", "", "orange"),
        ("the white cup", "white cup", "white cup"),
        ("something to drink from", "", real_pictures.NO_NOUN),
        ("something to drink from", "drink", real_pictures.NO_NOUN),
    ],
)
def test_noun_of_an_instruction(text, kind, noun):
    assert real_pictures.noun_of(text, kind, ("bowl", "mug")) == noun


@pytest.fixture
def folders(tmp_path):
    """A table and a kitchen, both with one red square of SIDE / 4 pixels that is called a cup."""
    rgb = np.zeros((SIDE, SIDE, 3), np.uint8)
    rgb[10:20, 10:20] = (255, 0, 0)
    for name in ("table", "kitchen"):
        (tmp_path / name).mkdir()
        Image.fromarray(rgb).save(tmp_path / name / "a.png")
    polygon = [SIDE * value for value in RED_SQUARE[0]]
    items = [
        {"text": "the cup", "mask": [[polygon]]},
        {"text": "the gizmo", "mask": [[polygon]]},
        {"text": "the fork", "mask": None},
    ]
    entry = {"image": "a.png", "height": SIDE, "width": SIDE, "annotation": items}
    (tmp_path / "table" / "annotations.json").write_text(json.dumps([entry]))
    instances = [{"category": "cup", "polygon": RED_SQUARE[0]}]
    photograph = {"image": "a.png", "height": SIDE, "width": SIDE, "instances": instances}
    (tmp_path / "kitchen" / "instances.json").write_text(json.dumps([photograph]))
    return tmp_path


class Vocabulary:
    def unknown_words(self, text):
        return tuple(word for word in text.split() if word == "gizmo")


class KnowsCups(FakeSegmenter):
    """Finds the red square for "the cup" only."""

    prompts = Vocabulary()

    def segment(self, features, instruction, **further):
        is_cup = instruction == "the cup"
        return super().segment(features, "the red thing" if is_cup else "the blue thing", **further)


def test_table_of_all_sets_and_their_known_nouns(folders, monkeypatch, capsys):
    monkeypatch.setattr(instructsam_ros, "load", lambda *_, **__: KnowsCups())
    out = folders / "out"
    argv = ["--rgbd", folders / "table", "--coco", folders / "kitchen", "--out", out]
    monkeypatch.setattr(sys, "argv", ["real_pictures", *map(str, argv)])
    real_pictures.main()
    found = json.loads((out / "real_pictures.json").read_text())
    assert found["sets"].keys() == {"table", "table, known nouns", "kitchen"}
    table, known, kitchen = found["sets"].values()
    assert (table["instructions"], known["instructions"], kitchen["instructions"]) == (3, 2, 2)
    assert (table["ap50"], known["ap50"]) == (0.5, 1.0)
    assert table["giou"] == pytest.approx(known["giou"] / 2), "over the two with a target"
    assert table["no_target_accuracy"] == kitchen["no_target_accuracy"] == 1.0
    assert found["nouns"]["table"].keys() == {"cup", "[gizmo]"}
    assert "| table, known nouns | 2 | 100.0" in capsys.readouterr().out


def test_refined_answers_are_measured_beside_the_plain_ones(folders, monkeypatch):
    monkeypatch.setattr(instructsam_ros, "load", lambda *_, **__: KnowsCups())
    seen = []

    def forget(frame, answer, refinement):
        seen.append((float(frame.depth[0, 0]), frame.intrinsics.fx))
        return dataclasses.replace(answer, instances=())

    monkeypatch.setattr("instructsam_ros.training.evaluation.evaluator.refine_with_depth", forget)
    table = folders / "table"
    (table / "a.png").rename(table / "a-color.png")
    annotations = (table / "annotations.json").read_text().replace("a.png", "a-color.png")
    (table / "annotations.json").write_text(annotations)
    Image.fromarray(np.full((SIDE, SIDE), 800, np.uint16)).save(table / "a-depth.png")
    (folders / "camera.yaml").write_text(f"{{fx: 50, fy: 50, cx: 20, cy: 20, width: {SIDE}, height: {SIDE}}}")
    argv = ["--rgbd", table, "--camera", folders / "camera.yaml", "--out", folders / "out"]
    monkeypatch.setattr(sys, "argv", ["real_pictures", *map(str, argv)])
    real_pictures.main()
    sets = json.loads((folders / "out" / "real_pictures.json").read_text())["sets"]
    assert (sets["table"]["recall"], sets["table, refined with depth"]["recall"]) == (0.5, 0.0)
    assert seen == [(pytest.approx(0.8), 50.0)] * 3


def test_a_run_without_a_set_says_so(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["real_pictures"])
    with pytest.raises(InvalidInputError, match="give --rgbd, --bin or --coco"):
        real_pictures.main()
