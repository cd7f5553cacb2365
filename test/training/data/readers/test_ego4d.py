import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import ego4d

H, W = 48, 64
CUP = {
    "object_type": "object_of_change",
    "structured_noun": "cup",
    "bbox": {"x": 8, "y": 8, "width": 16, "height": 20},
}
HAND = {
    "object_type": "left_hand",
    "structured_noun": None,
    "bbox": {"x": 30, "y": 8, "width": 4, "height": 5},
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "u1").mkdir()
    for number in (31, 40):
        Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(tmp_path / "u1" / f"{number:07d}.jpg")
    return tmp_path


def frame(*boxes, number=31, kind="pnr_frame"):
    return {"frame_type": kind, "frame_number": number, "boxes": list(boxes)}


def action(*frames, **changes):
    return {"structured_verb": "pick", "frames": list(frames), **changes}


def fho(*actions, **changes):
    video = {"video_uid": "u1", "annotated_intervals": [{"narrated_actions": list(actions)}], **changes}
    return {"version": "1", "videos": [video]}


def read(folder, content, broken=None, **options):
    path = folder / "fho.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return list(ego4d.read(ego4d.Settings(path, folder, **options), broken or BrokenRecords()))


def nouns(samples):
    return {sample.phrases[0].text for sample in samples}


def test_boxes_are_filled_and_marked_as_boxes(folder):
    samples = read(folder, fho(action(frame(CUP, HAND))), instructions=10)
    assert nouns(samples) == {"cup", "left hand"}
    for sample in samples:
        rows, columns = np.nonzero(sample.masks()[0])
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert box == ([8, 8, 24, 28] if sample.phrases[0].text == "cup" else [30, 8, 34, 13])
        assert sample.masks().shape == (1, H, W)
        assert sample.boxes_only
        assert (sample.image, sample.source) == ("u1/0000031.jpg", "ego4d")


@given(*[st.floats(-80, 80) for _ in range(2)], *[st.floats(0.6, 100) for _ in range(2)])
def test_boxes_are_cut_at_the_edge_and_those_outside_are_broken(tmp_path_factory, x, y, width, height):
    folder = tmp_path_factory.mktemp("ego4d")
    (folder / "u1").mkdir()
    Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(folder / "u1" / "0000031.jpg")
    box = {**CUP, "bbox": {"x": x, "y": y, "width": width, "height": height}}
    broken = BrokenRecords()
    samples = read(folder, fho(action(frame(box))), broken)
    expected = np.zeros((H, W), bool)
    left, top, right, bottom = (max(round(side), 0) for side in (x, y, x + width, y + height))
    expected[top:bottom, left:right] = True
    assert bool(broken.problems) != bool(samples)
    assert bool(samples) == bool(expected.any())
    for sample in samples:
        assert np.array_equal(sample.masks()[0], expected)


def test_null_frames_and_nouns_are_no_errors(folder):
    broken = BrokenRecords()
    unnamed = {**CUP, "structured_noun": None}
    content = fho(action(frames=None), action(frame(unnamed, HAND)), action({**frame(), "boxes": None}))
    assert nouns(read(folder, content, broken)) == {"left hand"}
    assert not broken.problems


@pytest.mark.parametrize(
    ("changes", "used"),
    [({"is_rejected": True}, False), ({"is_valid_action": False}, False), ({"is_rejected": False}, True),
     ({"is_valid_action": True}, True), ({"is_partial": True}, True), ({"is_valid_action": None}, True)],
)  # fmt: skip
def test_rejected_and_invalid_actions_are_not_read(folder, changes, used):
    broken = BrokenRecords()
    assert bool(read(folder, fho(action(frame(CUP), **changes)), broken)) == used
    assert not broken.problems


def test_tools_are_objects_too_and_names_are_readable(folder):
    knife = {**CUP, "object_type": "tool", "structured_noun": "knife_(knife,_machete)"}
    board = {**HAND, "object_type": "object_of_change", "structured_noun": "chopping_board"}
    assert nouns(read(folder, fho(action(frame(knife, board))), instructions=10)) == {
        "knife",
        "chopping board",
    }


def test_what_is_being_done_is_said_of_the_frames_that_show_it(folder):
    def instructions(kind, **changes):
        content = fho(action(frame(CUP, kind=kind), structured_verb="wash_(wash,_clean)", **changes))
        found = [read(folder, content, instructions=10, seed=seed) for seed in range(8)]
        return {
            sample.instruction for samples in found for sample in samples if "washed" in sample.instruction
        }

    assert "what is being washed" in instructions("pnr_frame")
    assert not instructions("pre_frame")
    assert not instructions("pnr_frame", is_partial=True)


def test_boxes_of_several_actions_on_one_frame_come_together_in_the_order_of_frames(folder):
    plate = {**HAND, "object_type": "object_of_change", "structured_noun": "plate"}
    content = fho(action(frame(CUP, number=40)), action(frame(CUP)), action(frame(CUP, plate)))
    samples = read(folder, content, instructions=10)
    images = [sample.image for sample in samples]
    assert images == sorted(images)
    first = [sample for sample in samples if sample.image == "u1/0000031.jpg"]
    assert nouns(first) == {"cup", "plate"}  # with the cup twice, "the cup" would be none


def test_state_change_files(folder):
    clip = {"video_uid": "u1", "pre_frame": {"frame_number": 31, "bbox": [CUP]},
            "pnr_frame": {"frame_number": 40, "bbox": [HAND]}, "post_frame": None}  # fmt: skip
    samples = read(folder, {"clips": [clip]})
    assert {(sample.image, sample.phrases[0].text) for sample in samples} == {
        ("u1/0000031.jpg", "cup"),
        ("u1/0000040.jpg", "left hand"),
    }


def test_images_that_exif_turns_turn_their_boxes(folder):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(folder / "u1" / "0000031.jpg", exif=exif)
    (sample, *_) = read(folder, fho(action(frame(CUP))))
    rows, columns = np.nonzero(sample.masks()[0])
    assert [rows.min(), rows.max() + 1, columns.min(), columns.max() + 1] == [8, 24, H - 28, H - 8]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (action(frame({**CUP, "bbox": None})), "box 0: no object_type, noun or box"),
        (action(frame({**CUP, "bbox": {"x": 1}})), "box 0"),
        (action(frame({**CUP, "bbox": {**CUP["bbox"], "x": "8"}})), "box 0"),
        (action(frame({**CUP, "bbox": {**CUP["bbox"], "x": 1e9}})), "far beyond the image"),
        (action(frame({**CUP, "structured_noun": 3})), "box 0"),
        (action(frame(3)), "box 0"),
        (action({"frame_type": "pnr_frame", "boxes": []}), "expected a frame_number"),
        (action({**frame(), "frame_number": "31"}), "expected a frame_number"),
        (action(frame(CUP, number=32)), "frame 32: there is no image"),
    ],
)
def test_broken_records_are_named_and_the_others_are_read(folder, bad, message):
    broken = BrokenRecords()
    assert nouns(read(folder, fho(bad, action(frame(HAND, number=40))), broken)) == {"left hand"}
    (problem,) = broken.problems
    assert message in problem


@pytest.mark.parametrize("video", [3, {}, {"video_uid": "u1", "annotated_intervals": [3]}, {"video_uid": 3}])
def test_a_broken_video_is_named(folder, video):
    broken = BrokenRecords()
    content = fho(action(frame(CUP)))
    content["videos"].insert(0, video)
    assert read(folder, content, broken)
    assert "videos, item 1: no entry of a video" in broken.problems[0]


@pytest.mark.parametrize(
    ("content", "message"), [("[]", "an object"), ("{}", "neither videos"), ("{", "JSON")]
)
def test_another_file_is_refused(folder, content, message):
    with pytest.raises(InvalidInputError, match=message):
        read(folder, content)


def test_frame_names_must_tell_frames_apart(folder):
    for name in ("{video}.jpg", "{nothing}.jpg", "{frame:x"):
        with pytest.raises(ValueError, match="frame_name must contain"):
            ego4d.Settings(folder, folder, frame_name=name)


def test_a_noun_with_a_box_outside_of_the_image_is_not_named(folder):
    broken = BrokenRecords()
    outside = {**CUP, "bbox": {"x": -30, "y": 8, "width": 16, "height": 20}}
    assert nouns(read(folder, fho(action(frame(CUP, outside, HAND))), broken)) == {"left hand"}
    assert "covers no pixel" in broken.problems[0]
