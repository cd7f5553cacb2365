"""Samples of rendered views: the same at every reading, with hands where they were recorded."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from instructsam_ros.scenes.dataset import load_view, save_view, view_paths
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.conversion import convert
from instructsam_ros.training.data.readers import scenes
from instructsam_ros.training.data.registry import parse_data_sets
from instructsam_ros.training.data.view_samples import (
    hand_samples,
    instruction_samples,
    noun_samples,
    spread_views,
)
from test.scenes.scene_metadata import entry, meta

LEFT, RIGHT = 200, 201


def test_views_are_spread_over_a_folder_and_damage_is_reported(scene_root, tmp_path):
    views = list(spread_views(scene_root, 2, BrokenRecords()))
    assert len({path for path, _ in views}) == 2
    assert len(list(spread_views(scene_root, 0, BrokenRecords()))) == len(view_paths(scene_root))
    (tmp_path / "000000.jpg").write_bytes(b"")
    broken = BrokenRecords()
    assert list(spread_views(tmp_path, 1, broken)) == []
    assert "000000.jpg: cannot read" in broken.problems[0]


def test_instructions_follow_from_the_generator_and_nouns_name_all(scene_root):
    ((path, view),) = spread_views(scene_root, 1, BrokenRecords())
    first, second = (
        [s.instruction for s in instruction_samples(path, view, 3, np.random.default_rng(5))]
        for _ in range(2)
    )
    assert first == second
    assert {sample.instruction for sample in noun_samples(path, view)} <= {
        item["category"] for item in view.meta["objects"]
    }


def hand(i, side, touches=(), holds=(), near=()):
    return {
        "id": i, "kind": "hand", "side": side,
        "touches": list(touches), "holds": list(holds), "near": list(near),
    }  # fmt: skip


def saved(folder, *hands, small=False):
    """A view of a mug (1), a second one (2) and a bowl (3), and of the hands."""
    about = meta(
        entry(1, "red", "mug", -0.2, 0.0),
        entry(2, "blue", "mug", 0.2, 0.0),
        entry(3, "red", "bowl", 0.0, 0.1),
    )
    about["hands"] = list(hands)
    view = load_view(view_paths_of_sample()[0])
    width, height = 512, 288
    about["K"] = about["K"] | {"width": width, "height": height}
    ids = np.zeros((height, width), np.uint8)
    for column, i in enumerate((1, 2, 3, LEFT, RIGHT)):
        size = 4 if small and i >= LEFT else 60
        ids[100 : 100 + size, 80 * column : 80 * column + size] = i
    rgb, depth = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.float32)
    save_view(replace(view, rgb=rgb, ids=ids, depth=depth, meta=about), folder / "000000")
    return folder / "000000.jpg"


def view_paths_of_sample():
    from instructsam_ros.paths import DATA

    return view_paths(DATA / "scenes")


def found(path, runs=40):
    """All wordings by what they mean: {text: ids of the targets}."""
    view = load_view(path, depth=False)
    samples = [sample for seed in range(runs) for sample in hand_samples(path, view, seed)]
    return {
        s.instruction: tuple(int(np.unique(view.ids[mask]).item()) for mask in s.masks()) for s in samples
    }


def test_what_hands_hold_touch_and_leave_alone(tmp_path):
    path = saved(tmp_path, hand(LEFT, "left", [1], [1]), hand(RIGHT, "right", [3], near=[2]))
    answers = found(path)
    assert answers["left hand"] == (LEFT,)
    assert answers["the hands"] == (LEFT, RIGHT)
    assert answers["the object in the left hand"] == (1,)
    assert answers["what my right hand is touching"] == (3,)
    assert answers["everything that is being touched"] == (1, 3)
    assert not any("right hand" in text and ("hold" in text or "in my" in text) for text in answers)
    assert answers["the bowl that neither hand touches"] == ()
    assert "the mug that neither hand touches" not in answers  # the other mug is too near


def test_a_mug_out_of_reach_and_a_hand_that_touches_nothing(tmp_path):
    answers = found(saved(tmp_path, hand(LEFT, "left", [1]), hand(RIGHT, "right")))
    assert answers["the mug that neither hand touches"] == (2,)
    assert answers["the object in the right hand"] == ()
    assert answers["everything that is being touched"] == (1,)


@pytest.mark.parametrize(
    "about", [{"near": [1]}, {"touches": [1, 3]}, {"touches": [202]}, {"touches": [1], "side": ""}]
)
def test_what_is_uncertain_is_not_asked(tmp_path, about):
    """Something is close by, two things are touched, a thing without a name, or a gripper."""
    answers = found(saved(tmp_path, hand(LEFT, "left") | about))
    assert set(answers) == ({"left hand"} if "side" not in about else set())


def test_views_without_a_record_of_hands_and_hands_at_the_edge_of_the_picture_give_nothing(tmp_path):
    path = saved(tmp_path, hand(LEFT, "left", [1]), small=True)
    assert found(path) == {}
    about = json.loads(path.with_suffix(".json").read_text())
    del about["hands"]
    path.with_suffix(".json").write_text(json.dumps(about))
    assert found(path) == {}


def test_hands_and_contacts_reach_the_visor_form(tmp_path):
    (tmp_path / "views").mkdir()
    saved(tmp_path / "views", hand(LEFT, "left", [1], [1]), hand(RIGHT, "right"))
    sets = [{"format": "scenes", "root": str(tmp_path / "views"), "nouns": True, "hands": True}]
    convert(parse_data_sets(sets, "sets"), tmp_path / "visor", "visor")
    (file,) = (tmp_path / "visor" / "annotations").iterdir()
    (frame,) = json.loads(file.read_text())["video_annotations"]
    named = {}
    for each in frame["annotations"]:
        named.setdefault(each["name"], []).append(each)
    (left,), (right,) = named["left hand"], named["right hand"]
    assert left["in_contact_object"] in {mug["id"] for mug in named["mug"]}
    assert right["in_contact_object"] == "hand-not-in-contact"
    settings = scenes.Settings(tmp_path / "views", nouns=True)
    kinds = {sample.labels["kind"] for sample in scenes.read(settings, BrokenRecords())}
    assert kinds == {"noun"}  # hands are asked for
