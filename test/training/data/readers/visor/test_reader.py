import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import visor
from test.training.data.readers.visor.visor_files import HEIGHT, SCALE, WIDTH, write_visor

NAME = "P01_01_frame_0000000060.jpg"
SIZE = (HEIGHT // SCALE, WIDTH // SCALE)


def box(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def annotation(key, name, *segments, **changes):
    return {"id": key, "name": name, "class_id": 13, "exhaustive": "y", "segments": [*segments], **changes}


MUG = annotation("m", "mug", box(600, 300, 1199, 899))
BOARD = annotation("b", "board:chopping", box(0, 0, 299, 299))


def frame(*annotations, name=NAME, **changes):
    image = {
        "image_path": f"P01_01/{name}",
        "name": name,
        "subsequence": "P01_01_seq_00001",
        "video": "P01_01",
    }
    return {"image": {**image, **changes}, "annotations": [*annotations]}


def draw(folder, path=f"P01_01/{NAME}", size=SIZE, **options):
    place = folder / "images" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], (9, 120, 200)).save(place, **options)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    draw(tmp_path)
    return tmp_path


def samples_of(folder, *frames, file="train/P01_01.json", broken=None, **settings):
    path = folder / "annotations" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"info": {}, "video_annotations": [*frames]}))
    settings = visor.Settings(folder / "annotations", folder / "images", **{"instructions": 30, **settings})
    return list(visor.read(settings, broken or BrokenRecords()))


def about(samples, phrase):
    return [sample for sample in samples if sample.phrases[0].text == phrase]


def test_a_written_tree_is_read_whole(tmp_path):
    broken = BrokenRecords()
    settings = write_visor(tmp_path, frames=6, seed=3)
    samples = list(visor.read(settings, broken))
    assert broken.problems == []
    assert len({sample.image for sample in samples}) == 6
    kinds = {sample.labels["kind"] for sample in samples}
    assert {"noun", "contact", "hands", "action"} <= kinds
    assert {sample.split for sample in samples} == {"train"}
    for sample in samples:
        masks = sample.masks()
        assert sample.read().shape == (*masks.shape[1:], 3) == (*SIZE, 3)
        assert masks.any((1, 2)).all()
        assert (len(masks) == 0) == (sample.labels["cardinality"] == "none")
    assert [s.instruction for s in visor.read(settings, broken)] == [s.instruction for s in samples]


def test_masks_lie_where_the_picture_shows_the_object(tmp_path):
    samples = visor.read(replace(write_visor(tmp_path, frames=4), instructions=40), BrokenRecords())
    mugs = about(samples, "mug")
    assert mugs
    for sample in mugs:
        pixels = sample.read()[sample.masks().any(0)].astype(int)
        if len(pixels):
            assert np.abs(np.median(pixels, 0) - (200, 40, 40)).max() < 25


def test_names_are_readable_and_masks_scaled_to_the_picture(folder):
    samples = samples_of(folder, frame(MUG, BOARD))
    assert {sample.phrases[0].text for sample in samples} == {"mug", "chopping board"}
    (mug, *_) = about(samples, "mug")
    assert mug.masks().shape == (1, *SIZE)
    assert mug.masks().sum() == 100 * 100
    assert (mug.image, mug.record, mug.source) == (f"P01_01/{NAME}", "video_annotations[0]", "visor")


def test_holes_and_empty_polygons(folder):
    mug = annotation("m", "mug", [], box(600, 300, 1199, 899), box(780, 480, 1019, 719), [[1, 1], [5, 5]])
    (sample, *_) = samples_of(folder, frame(mug))
    assert sample.masks().sum() == pytest.approx(100 * 100 - 40 * 40, abs=170)
    assert not sample.masks()[0, 100, 150]


def test_masks_turn_with_the_picture(folder):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    draw(folder, exif=exif)
    (sample, *_) = samples_of(folder, frame(BOARD))
    assert sample.masks()[0, -50:, -50:].all()
    assert sample.masks().sum() == 50 * 50


@pytest.mark.parametrize("exhaustive", ["n", "inconclusive"])
def test_a_noun_that_is_not_exhaustive_is_not_named(folder, exhaustive):
    samples = samples_of(folder, frame(MUG, {**BOARD, "exhaustive": exhaustive}))
    assert {sample.phrases[0].text for sample in samples} == {"mug"}


def test_two_entities_are_all_of_an_exhaustive_noun(folder):
    other = annotation("n", "mug", box(1500, 300, 1799, 599))
    samples = samples_of(folder, frame(MUG, other))
    assert {"all", "count", "place"} == {sample.labels["kind"] for sample in samples}
    (both,) = (sample for sample in samples if sample.labels["kind"] == "count")
    assert len(both.masks()) == 2
    assert samples_of(folder, frame(MUG, {**other, "exhaustive": "n"})) == []


def test_nouns_without_a_label_are_never_taken_to_be_absent(folder):
    samples = samples_of(folder, frame(MUG, BOARD))
    assert all(sample.labels["cardinality"] != "none" for sample in samples)


def test_parts_far_apart_are_marked_and_not_counted(folder):
    pair = annotation("p", "plate", box(0, 0, 99, 99), box(900, 0, 999, 99))
    near = annotation("c", "cloth", box(0, 500, 99, 599), box(120, 500, 200, 599))
    samples = samples_of(folder, frame(pair, near, annotation("q", "plate", box(1500, 0, 1600, 99))))
    assert about(samples, "plate") == []
    samples = samples_of(folder, frame(pair, near))
    assert {sample.labels.get("instances") for sample in about(samples, "plate")} == {"maybe several"}
    assert {sample.labels.get("instances") for sample in about(samples, "cloth")} == {None}


LEFT = annotation("l", "left hand", box(600, 900, 900, 1079), class_id=300, in_contact_object="m")
RIGHT = annotation(
    "r", "right hand", box(1500, 900, 1800, 1079), class_id=301, in_contact_object="hand-not-in-contact"
)


def test_hands_and_contact(folder):
    samples = samples_of(folder, frame(MUG, BOARD, LEFT, RIGHT))
    touched = [sample for sample in samples if sample.labels["kind"] == "contact"]
    left = [sample for sample in touched if "left hand" in sample.instruction]
    right = [sample for sample in touched if "right hand" in sample.instruction]
    assert [sample.phrases[0].text for sample in left] == ["mug"]
    assert [sample.masks().shape for sample in right] == [(0, *SIZE)]
    (board,) = about(touched, "chopping board")
    assert board.masks().sum() == 50 * 50
    (hands,) = (sample for sample in samples if sample.labels["kind"] == "hands")
    assert len(hands.masks()) == 2


def test_what_is_near_a_hand_is_not_certainly_untouched(folder):
    near = annotation("k", "knife", box(1400, 850, 1490, 1000))
    samples = samples_of(folder, frame(near, LEFT, RIGHT, MUG))
    assert not [s for s in about(samples, "knife") if s.labels["kind"] == "contact"]


def test_what_hands_hold_needs_the_noun_classes(folder):
    (folder / "nouns.csv").write_text(
        "id,key,instances,category\n13,cup,['cup'],crockery\n0,tap,['tap'],appliances\n"
    )

    def texts(mug, **settings):
        found = [samples_of(folder, frame(mug, LEFT), seed=seed, **settings) for seed in range(20)]
        return " ".join(sample.instruction for samples in found for sample in samples)

    assert "holds" in texts(MUG, noun_classes=folder / "nouns.csv")
    assert "holds" not in texts({**MUG, "class_id": 0}, noun_classes=folder / "nouns.csv")
    assert "holds" not in texts(MUG)


def test_contact_with_an_unknown_id_is_reported_and_can_be_fixed(folder):
    wrong = {**LEFT, "in_contact_object": "gone"}
    broken = BrokenRecords()
    samples = samples_of(folder, frame(MUG, wrong), broken=broken)
    assert not [sample for sample in samples if sample.labels["kind"] == "contact"]
    (problem,) = broken.problems
    assert "left hand: touches gone, which the frame does not list" in problem
    (folder / "correct.json").write_text(json.dumps({NAME: {"left hand": "m"}}))
    samples = samples_of(folder, frame(MUG, wrong), contact_fixes=folder / "correct.json", broken=broken)
    assert [sample.phrases[0].text for sample in samples if sample.labels["kind"] == "contact"] == ["mug"]
    assert len(broken.problems) == 1


@pytest.mark.parametrize(
    "path", [f"P01_01/P01_01_seq_00001/{NAME}", f"P01_01/{NAME}", f"seq/{NAME}", "elsewhere.jpg"]
)
def test_pictures_are_found_with_and_without_the_folder_of_the_sequence(folder, path):
    (sample, *_) = samples_of(folder, frame(MUG, image_path=path))
    assert sample.image == f"P01_01/{NAME}"


@pytest.mark.parametrize("place", ["P01_01/{}", "P01/rgb_frames/P01_01/{}"])
def test_frames_of_epic_kitchens_are_paired_by_the_mapping(folder, place):
    (folder / "images" / "P01_01" / NAME).unlink()
    draw(folder, place.format("frame_0000000060.jpg"))  # the equal number is another frame
    draw(folder, place.format("frame_0000000075.jpg"), size=(256, 456))
    mapping = folder / "frame_mapping.json"
    mapping.write_text(json.dumps({"P01_01": {NAME: "frame_0000000075.jpg"}}))
    (sample, *_) = samples_of(folder, frame(MUG), frame_mapping=mapping)
    assert sample.image == place.format("frame_0000000075.jpg")
    assert sample.masks().shape == (1, 256, 456)
    broken = BrokenRecords()
    assert samples_of(folder, frame(MUG), broken=broken) == []
    assert "there is no image" in broken.problems[0]


def test_narrated_actions_by_the_frame_number_of_epic_kitchens(folder):
    (folder / "narrations.csv").write_text(
        "video_id,start_frame,stop_frame,verb,noun\nP01_01,70,80,wash,mug\n"
    )
    mapping = folder / "frame_mapping.json"

    def actions(frame_number):
        mapping.write_text(json.dumps({"P01_01": {NAME: f"frame_{frame_number:010d}.jpg"}}))
        side = {"frame_mapping": mapping, "narrations": folder / "narrations.csv"}
        return [s for s in samples_of(folder, frame(MUG), **side) if s.labels["kind"] == "action"]

    (sample,) = actions(75)
    assert "washed" in sample.instruction
    assert actions(60) == []
    with pytest.raises(ValueError, match="need frame_mapping"):
        visor.Settings(folder, folder, narrations=folder / "narrations.csv")


def test_dense_files(folder):
    draw(folder, "P01_01/P01_01_frame_0000000061.jpg", size=(240, 427))
    manual = annotation("m", "mug", box(0, 0, 99, 99), type=1)
    interpolated = annotation("m", "mug", box(0, 0, 99, 99), type=0)
    samples = samples_of(
        folder,
        {**frame(manual, interpolation="i1", name=NAME.replace(".jpg", ".png")), "type": 1},
        frame(interpolated, name="P01_01_frame_0000000061.png"),
        file="P01_01_interpolations.json",
    )
    labels = {(sample.image, sample.labels.get("annotation")) for sample in samples}
    assert labels == {(f"P01_01/{NAME}", None), ("P01_01/P01_01_frame_0000000061.jpg", "interpolated")}
    assert samples[-1].masks().shape == (1, 240, 427)
    assert samples[-1].masks().sum() == pytest.approx(50 * 50, abs=60)
    assert samples[-1].split == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (7, "[0]: expected an image and a list of annotations"),
        ({"image": {}, "annotations": 3}, "a list of annotations"),
        ({"annotations": []}, "with image_path, name and video"),
        (frame(name=3), "must be texts"),
        (frame(name="../../a.jpg"), "leads out of the image folder"),
        (frame(name="none.jpg"), "there is no image"),
        (frame(image_path="a.jpg", name="c.jpg"), "its masks are 1920x1080"),
        (frame(7), "annotations[0]: an annotation is no object"),
        (frame(annotation("m", "mug", [[1, 2], [3, 4], [5, None]])), "annotations[0]: [5, None] is no point"),
    ],
)
def test_a_broken_record_is_named_and_skipped(folder, content, message):
    draw(folder, "a.jpg", size=(100, 100))
    broken = BrokenRecords()
    samples = samples_of(folder, content, frame(MUG), broken=broken)
    (problem,) = broken.problems
    assert message in problem
    assert {sample.record for sample in samples} == {"video_annotations[1]"}


def test_a_noun_with_a_damaged_annotation_is_not_named(folder):
    broken = BrokenRecords()
    samples = samples_of(folder, frame(MUG, BOARD, annotation("x", "mug", [3])), broken=broken)
    assert {sample.phrases[0].text for sample in samples} == {"chopping board"}
    assert len(broken.problems) == 1


def test_too_many_broken_records_are_an_error(folder):
    with pytest.raises(InvalidInputError, match="11 broken besides 0 usable"):
        samples_of(folder, *[frame(name="none.jpg")] * 30)


@pytest.mark.parametrize("content", ["[]", "{", '{"info": {}}', '{"video_annotations": []}'])
def test_another_file_is_an_error(folder, content):
    (folder / "a.json").write_text(content)
    with pytest.raises(InvalidInputError, match=r"a\.json"):
        list(visor.read(visor.Settings(folder / "a.json", folder / "images"), BrokenRecords()))


def test_missing_folders_and_files_are_named(folder):
    (folder / "empty").mkdir()
    for annotations, images, message in [
        (folder / "none.json", folder / "images", "none.json"),
        (folder / "empty", folder / "images", "no JSON file"),
        (folder / "empty", folder / "none", "no image folder"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            list(visor.read(visor.Settings(annotations, images), BrokenRecords()))
