import json

import cv2
import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.mask_codec import mask_api
from instructsam_ros.training.data.readers import inst2seg
from test.training.data.readers.small_sets import photo

H, W = 48, 64
SQUARE = [8, 8, 24, 8, 24, 28, 8, 28]
BOTTOM = {"size": [H, W], "counts": [0, H, H * W - H]}  # the first column: runs go down columns


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.full((H, W, 3), (10, 20, 200), np.uint8))
    return tmp_path


def write(folder, entries):
    path = folder / "set.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return path


def entry(*annotation, **changes):
    return {"image": "a.png", "height": H, "width": W, "annotation": list(annotation), **changes}


def samples_of(folder, entries, broken=None):
    settings = inst2seg.Settings(write(folder, entries), folder / "images")
    return list(inst2seg.read(settings, broken or BrokenRecords()))


def problem_of(folder, entries):
    broken = BrokenRecords()
    for sample in samples_of(folder, entries, broken):
        sample.read()
        sample.masks()
    (problem,) = broken.problems
    return problem


def masks_of(folder, mask):
    (sample,) = samples_of(folder, [entry({"text": "the cup", "mask": mask})])
    return sample.masks()


@pytest.mark.parametrize(
    ("mask", "pixels"),
    [
        (None, []),
        ([], []),
        (BOTTOM, [H]),
        ([SQUARE], [320]),
        ([SQUARE, [40, 8, 50, 8, 50, 18, 40, 18]], [420]),  # two polygons, one instance
        ([[SQUARE], [[40, 8, 50, 8, 50, 18, 40, 18]]], [320, 100]),  # two instances
        ([BOTTOM, [SQUARE]], [H, 320]),
        ([BOTTOM, BOTTOM], [H, H]),
        ([SQUARE, []], [320]),  # as VISOR writes some
        ([[SQUARE], []], [320]),
        ([[]], []),
    ],
)
def test_every_form_of_mask(folder, mask, pixels):
    masks = masks_of(folder, mask)
    assert masks.dtype == bool
    assert masks.shape == (len(pixels), H, W)
    assert masks.sum((1, 2)).tolist() == pixels


def test_compressed_rle_and_orientation(folder):
    truth = np.zeros((H, W), np.uint8)
    truth[3:7, 40:60] = 1
    rle = mask_api().encode(np.asfortranarray(truth))
    masks = masks_of(folder, {"size": [H, W], "counts": rle["counts"].decode()})
    assert np.array_equal(masks[0], truth.astype(bool))
    assert masks_of(folder, BOTTOM)[0, :, 0].all()


def test_labels_text_and_image(folder):
    items = {"text": " the cup ", "level": "simple", "kind": 3, "comment": "x"}, {"text": "the fork"}
    samples = samples_of(folder, [entry(*items)])
    assert [(s.instruction, s.labels, s.record) for s in samples] == [
        ("the cup", {"level": "simple", "kind": "3", "cardinality": "none"}, "[0].annotation[0]"),
        ("the fork", {"cardinality": "none"}, "[0].annotation[1]"),
    ]
    assert samples[0].read()[0, 0].tolist() == [200, 20, 10]  # RGB


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ({"images": []}, "expected a list"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_file_that_is_no_list_of_images_is_an_error(folder, content, message):
    content = content if isinstance(content, str) else json.dumps(content)
    with pytest.raises(InvalidInputError, match=message):
        samples_of(folder, content)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (entry({"text": "x", "mask": [SQUARE]}, height=10**20), "must be integers in 1..65535"),
        (entry(width=1e20), "must be integers in 1..65535"),
        (7, "[0]: expected an object with image"),
        (entry(height=None), "height None"),
        (entry(height=True), "height True"),
        (entry(image=3), "image must be a path"),
        (entry(image="b.png"), "no image"),
        (entry(image="../a.png"), "leads out of the image folder"),
        (entry(image="/a.png"), "leads out of the image folder"),
        (entry(annotation="[{"), "JSON is not valid JSON"),
        (entry(7), "no object with a text"),
        (entry({"mask": BOTTOM}), "annotation[0]: expected an object with a text"),
        (entry({"text": " "}), "instruction is empty"),
        (entry({"text": "x", "mask": "abc"}), "mask is a str"),
        (entry({"text": "x", "mask": [3]}), "neither an RLE"),
        (entry({"text": "x", "mask": [[1, 2, 3, 4]]}), "neither an RLE"),
        (entry({"text": "x", "mask": {"size": [W, H], "counts": []}}), "RLE has size"),
        (entry({"text": "x", "mask": {"size": [H, W], "counts": [5]}}), "do not add up"),
        (entry({"text": "x", "mask": {"size": [H, W], "counts": [-5, H * W + 5]}}), "do not add up"),
        (entry({"text": "x", "mask": [[[0, 0, 1e12, 1, 1, 1]]]}), "far beyond the image"),
        (entry({"text": "x", "mask": [[[0, 0, 10**400, 1, 1, 1]]]}), "far beyond the image"),
        (entry({"text": "x", "mask": {"size": [H, W], "counts": "PP"}}), "cannot be decoded"),
        (entry({"text": "x", "mask": {"size": [H, W], "counts": "5 5"}}), "contains ' '"),
        (entry({"text": "x", "mask": {"size": [H, W], "counts": ""}}), "do not add up"),
        (entry({"text": "x", "mask": {"size": [H, W], "counts": None}}), "counts of an RLE are a NoneType"),
        (entry({"text": "x", "ann_type": "bbox", "ann": ["[1, 2, 3]"]}), "is no box"),
        (entry({"text": "x", "ann_type": "mask", "ann": ["[["]}), "JSON is not valid JSON"),
        (entry({"text": "x", "ann_type": "mask", "ann": 5}), "ann is a int, not a list or null"),
    ],
)
def test_a_broken_record_is_named_and_skipped(folder, broken, message):
    assert message in problem_of(folder, [broken, entry({"text": "the cup"})])


def test_a_null_byte_in_a_path_is_a_broken_record(folder):
    assert "no image" in problem_of(folder, [entry(image="a\0.png")])


def test_too_many_broken_records_are_an_error(folder):
    with pytest.raises(InvalidInputError, match="11 broken besides 0 usable"):
        samples_of(folder, [entry(image="b.png")] * 30)


def test_missing_file_and_folder_are_named(folder):
    with pytest.raises(InvalidInputError, match=r"nowhere\.json"):
        list(inst2seg.read(inst2seg.Settings(folder / "nowhere.json", folder), BrokenRecords()))
    with pytest.raises(InvalidInputError, match="no image folder"):
        list(inst2seg.read(inst2seg.Settings(write(folder, []), folder / "nowhere"), BrokenRecords()))


def test_instructions_are_samples_with_one_phrase_each(folder):
    items = ({"text": "The cup.", "mask": [SQUARE], "kind": "concept", "split": "val"}, {"text": "A lid"})
    first, second = samples_of(folder, [entry(*items)])
    assert (first.image, first.instruction, first.split) == ("a.png", "The cup.", "val")
    assert first.labels["kind"] == "concept"
    assert first.read().shape == (H, W, 3)
    (phrase,) = first.phrases
    assert (phrase.text, phrase.masks().sum()) == ("the cup", 320)
    assert second.phrases[0].masks().shape == (0, H, W)


def test_the_training_form(folder):
    items = [
        {"type": "sentence", "text": "What to drink from?", "category": "cup", "ann_type": "mask",
         "ann": [json.dumps([SQUARE]), json.dumps(BOTTOM)]},
        {"type": "phrase", "text": "the fork", "ann_type": "mask", "ann": None},
        {"type": "phrase", "text": "the lid", "ann_type": "bbox", "ann": ["[8, 8, 16, 20]"]},
        {"type": "phrase", "text": "the dot", "ann_type": "point", "ann": ["[8, 8]"]},
    ]  # fmt: skip
    found = samples_of(folder, [{**entry(), "type": "instseg", "annotation": json.dumps(items)}])
    assert [sample.phrases[0].text for sample in found] == ["cup", "the fork", "the lid"]
    assert [sample.masks().sum((1, 2)).tolist() for sample in found] == [[320, H], [], [320]]
    assert [sample.boxes_only for sample in found] == [False, False, True]
    assert [sample.labels["level"] for sample in found] == ["sentence", "phrase", "phrase"]


def test_depth_and_camera_beside_an_image(folder):
    cv2.imwrite(str(folder / "images" / "a_depth.png"), np.full((H, W), 800, np.uint16))
    camera = {"fx": 50, "fy": 50, "cx": 32, "cy": 24, "width": W, "height": H}
    (folder / "images" / "camera.json").write_text(json.dumps(camera))
    named = {"depth": "a_depth.png", "camera": "camera.json"}
    cup = {"text": "the cup"}
    (plain,) = samples_of(folder, [entry(cup)])
    (sample,) = samples_of(folder, [entry(cup, **named)])
    depth, intrinsics = sample.depth()
    assert plain.depth is None
    assert depth.shape == (H, W)
    assert depth == pytest.approx(0.8)
    assert intrinsics.fx == 50
    for changes, problem in (
        ({"camera": None}, "belong together"),
        ({"depth": 3}, "belong together"),
        ({"depth": "../a.png"}, "leads out of the image folder"),
        ({"camera": "nowhere.json"}, "there is no image"),
    ):
        assert problem in problem_of(folder, [entry(cup, **{**named, **changes})])
    photo(folder / "images" / "a.png", 6, (H, W))
    assert "would not turn its depth" in problem_of(folder, [entry(cup, **named)])
