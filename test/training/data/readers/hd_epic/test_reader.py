import json

import numpy as np
import pytest
from PIL import Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import hd_epic

VIDEO = "P01-20240202-110250"
H, W = 40, 60


def association(name, *tracks):
    return {"name": name, "tracks": [*tracks]}


def track(*masks, start=1.0, stop=2.5, key="masks"):
    return {"track_id": "t", "time_segment": [start, stop], key: [*masks]}


def info(frame=31, **changes):
    return {
        "frame_number": frame,
        "3d_location": [0, 0, 0],
        "bbox": [10, 5, 20, 15],
        "fixture": "Null",
        **changes,
    }


@pytest.fixture
def folder(tmp_path):
    for name in ("images/" + VIDEO, "masks/" + VIDEO):
        (tmp_path / name).mkdir(parents=True)
    for frame in (30, 31, 75):
        Image.new("RGB", (W, H)).save(tmp_path / "images" / VIDEO / f"{frame:06d}.jpg")
    for place in ("f1", "f2", f"{VIDEO}/f3"):
        mask = np.zeros((H, W), np.uint8)
        mask[5:15, 10:20] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{place}.png")
    return tmp_path


def samples_of(folder, associations, infos, broken=None, **options):
    (folder / "assoc.json").write_text(json.dumps({VIDEO: associations}))
    (folder / "info.json").write_text(json.dumps({VIDEO: infos}))
    options = {"instructions": 20, **options}
    settings = hd_epic.Settings(
        folder / "assoc.json", folder / "info.json", folder / "masks", folder / "images", **options
    )
    return list(hd_epic.read(settings, broken or BrokenRecords()))


def test_an_object_that_is_picked_up_and_put_down(folder):
    movement = {"as1": association("plate2", track("f1", "f3"))}
    samples = samples_of(folder, movement, {"f1": info(30), "f3": info(75, fixture="P01_counter.001")})
    assert {sample.phrases[0].text for sample in samples} == {"plate"}
    assert [s.image for s in samples] == sorted(s.image for s in samples)
    assert {(s.image, s.labels.get("fixture")) for s in samples} == {
        (f"{VIDEO}/000030.jpg", None),
        (f"{VIDEO}/000075.jpg", "counter"),
    }
    assert {s.labels["kind"] for s in samples} == {"noun", "action"}
    assert all("moved" in s.instruction for s in samples if s.labels["kind"] == "action")
    for sample in samples:
        assert sample.masks().shape == (1, H, W)
        assert sample.masks().sum() == 100
        assert sample.read().shape == (H, W, 3)
    assert samples[0].record == f"{VIDEO}, frame 30"


def test_the_earlier_release(folder):
    movement = {"as1": association("plate", track("f1", key="all_frames"))}
    assert samples_of(folder, movement, {"f1": info()})


def test_a_noun_that_another_object_of_the_video_has_is_not_enough(folder):
    movement = {
        "as1": association("plate", track("f1")),
        "as2": association("plate2", track(start=50, stop=60)),
        "as3": association("pan", track(start=70, stop=80)),
    }
    samples = samples_of(folder, movement, {"f1": info()})
    assert {sample.labels["kind"] for sample in samples} == {"action"}
    del movement["as2"]
    assert len(samples_of(folder, movement, {"f1": info()})) > len(samples)


def test_of_two_objects_that_move_neither_is_what_is_being_moved(folder):
    movement = {"as1": association("plate", track("f1")), "as2": association("Track 7 (skipped)", track())}
    samples = samples_of(folder, movement, {"f1": info()})
    assert {sample.labels["kind"] for sample in samples} == {"noun"}


def test_tracks_without_masks_and_names_without_a_noun_give_nothing_and_are_not_broken(folder):
    broken = BrokenRecords()
    movement = {"as1": association("mug", track()), "as2": association("Track 31 (skipped)", track("f1"))}
    assert samples_of(folder, movement, {"f1": info()}, broken) == []
    assert broken.problems == []


def test_two_objects_in_a_frame(folder):
    movement = {"as1": association("plate", track("f1")), "as2": association("mug", track("f2"))}
    samples = samples_of(folder, movement, {"f1": info(), "f2": info()})
    assert {sample.phrases[0].text for sample in samples} == {"plate", "mug"}
    assert len({sample.image for sample in samples}) == 1


def test_typing_errors_are_broken_records_where_nouns_are_known(folder):
    (folder / "nouns.csv").write_text(
        "id,key,instances,category\n0,plate,\"['plate', 'plate:white']\",crockery\n"
    )
    broken = BrokenRecords()
    movement = {
        "as1": association("white palte3", track("f1")),
        "as2": association("white plate", track("f2")),
    }
    samples = samples_of(
        folder, movement, {"f1": info(), "f2": info(31)}, broken, noun_classes=folder / "nouns.csv"
    )
    assert {sample.phrases[0].text for sample in samples} == {"white plate"}
    (problem,) = broken.problems
    assert "as1: 'white palte3': no known noun contains 'palte'" in problem


def test_narrated_actions(folder):
    (folder / "narrations.csv").write_text(
        "video_id,start_timestamp,end_timestamp,pairs\n"
        f"{VIDEO},0.9,1.1,\"[('wash', 'plate'), ('hold', 'tap')]\"\n"
    )
    movement = {"as1": association("plate", track("f1"))}
    side = {"narrations": folder / "narrations.csv"}
    instructions = [s.instruction for s in samples_of(folder, movement, {"f1": info()}, **side)]
    assert any("washed" in text for text in instructions)
    later = samples_of(folder, movement, {"f1": info()}, frames_per_second=10, **side)
    assert not any("washed" in sample.instruction for sample in later)


def test_boxes_that_disagree_with_their_mask_are_marked(folder):
    movement = {"as1": association("plate", track("f1", "f3"))}
    infos = {"f1": info(30), "f3": info(75, bbox=[40, 20, 50, 30])}
    samples = samples_of(folder, movement, infos, check_boxes=True)
    assert {(sample.image[-6:], sample.labels["box"]) for sample in samples} == {
        ("30.jpg", "agrees"),
        ("75.jpg", "disagrees"),
    }
    assert all("box" not in sample.labels for sample in samples_of(folder, movement, infos))


@pytest.mark.parametrize(
    ("movement", "infos", "message"),
    [
        ({"as1": 7}, {}, "as1: no association of a name and tracks"),
        (7, {}, "the movements of the video are not listed"),
        ({"as1": association("mug", track("f1"))}, 7, "the masks of the video are not described"),
        ({"as1": association("mug", track("f1"))}, {}, "f1: no description of a mask"),
        ({"as1": association("mug", track("f1"))}, {"f1": info(-3)}, "f1: frame_number -3"),
        ({"as1": association("mug", track("f1"))}, {"f1": info(32)}, "f1: there is no image"),
        ({"as1": association("mug", track("f9"))}, {"f9": info()}, "f9: there is no image"),
        ({"as1": association("mug", track("../f1"))}, {"../f1": info()}, "leads out of the image folder"),
    ],
)
def test_a_broken_record_is_named_and_skipped(folder, movement, infos, message):
    broken = BrokenRecords()
    assert samples_of(folder, movement, infos, broken) == []
    (problem,) = broken.problems
    assert message in problem


def test_a_damaged_mask_is_a_broken_record_where_boxes_are_checked(folder):
    (folder / "masks" / "f1.png").write_bytes(b"nothing")
    broken = BrokenRecords()
    movement = {"as1": association("mug", track("f1"))}
    assert samples_of(folder, movement, {"f1": info()}, broken, check_boxes=True) == []
    assert "cannot decode" in broken.problems[0]


def test_videos_can_be_chosen(folder):
    movement = {"as1": association("mug", track("f1"))}
    assert samples_of(folder, movement, {"f1": info()}, videos=(VIDEO,))
    broken = BrokenRecords()
    assert samples_of(folder, movement, {"f1": info()}, broken, videos=("P02-1",)) == []
    assert "P02-1: the movements of the video are not listed" in broken.problems[0]


def test_missing_files_are_named(folder):
    (folder / "assoc.json").write_text("{}")
    (folder / "info.json").write_text("[]")
    for assoc, info_name, masks, message in [
        ("none.json", "info.json", "masks", r"none\.json"),
        ("assoc.json", "none.json", "masks", r"none\.json, which describes the masks"),
        ("assoc.json", "info.json", "masks", r"info\.json is no JSON object"),
        ("assoc.json", "info.json", "none", "no image folder"),
    ]:
        files = folder / assoc, folder / info_name, folder / masks
        settings = hd_epic.Settings(*files, folder / "images")
        with pytest.raises(InvalidInputError, match=message):
            list(hd_epic.read(settings, BrokenRecords()))


@pytest.mark.parametrize("name", ["{video}.jpg", "frame.jpg", "{video}/{number}.jpg", "{frame:q}"])
def test_names_of_frames_that_are_not_distinct_are_refused(folder, name):
    with pytest.raises(ValueError, match="must contain"):
        hd_epic.Settings(folder, folder, folder, folder, frame_name=name)
