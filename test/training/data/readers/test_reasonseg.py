import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import reasonseg
from test.training.data import coco_files as files

H, W = files.H, files.W


def box(left, top, right, bottom):
    """Corners of a rectangle that covers columns left..right and rows top..bottom, both included."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def shape(label, points):
    return {"label": label, "shape_type": "polygon", "points": points}


def release(folder, *shapes, text=("the thing you drink from",), name="1", **changes):
    files.image(folder, f"{name}.jpg")
    content = {"text": text, "is_sentence": True, "shapes": list(shapes), **changes}
    files.write(folder / "images" / f"{name}.json", content)
    return reasonseg.Settings(folder / "images", folder / "images")


def read(settings):
    return list(reasonseg.read(settings, BrokenRecords()))


def listed(folder, *entries):
    files.image(folder)
    return reasonseg.Settings(files.write(folder / "val.json", list(entries)), folder / "images")


def test_the_release_has_a_sample_per_text(tmp_path):
    settings = release(
        tmp_path,
        shape("target", box(8, 8, 23, 27)),
        shape("ignore", box(30, 8, 35, 13)),
        text=["one", "Two."],
    )
    first, second = read(settings)
    assert [s.instruction for s in (first, second)] == ["one", "Two."]
    assert second.phrases[0].text == "two"
    assert (first.image, first.source, first.labels) == ("1.jpg", "reasonseg", {"form": "sentence"})
    assert (first.record, second.record) == ("1.json text[0]", "1.json text[1]")
    assert first.split == "images"
    assert first.masks().shape == first.ignore().shape == (1, H, W)
    assert (first.masks().sum(), first.ignore().sum()) == (16 * 20, 36)


def test_small_shapes_are_drawn_over_big_ones_whatever_their_order(tmp_path):
    small, big = shape("ignore", box(10, 10, 13, 13)), shape("target", box(8, 8, 23, 27))
    for shapes in ((small, big), (big, small)):
        (sample,) = read(release(tmp_path, *shapes))
        assert sample.masks().sum() == 320 - 16
        assert sample.ignore().sum() == 16
    small, big = shape("target", box(10, 10, 13, 13)), shape("ignore", box(8, 8, 23, 27))
    (sample,) = read(release(tmp_path, small, big))
    assert (sample.masks().sum(), sample.ignore().sum()) == (16, 320 - 16)


def test_targets_are_one_mask_and_flags_are_none(tmp_path):
    shapes = [shape("target", box(0, 0, 3, 3)), shape("target", box(9, 0, 9, 0)), shape("flag", "no points")]
    (sample,) = read(release(tmp_path, *shapes))
    assert sample.masks().shape == (1, H, W)
    assert sample.masks().sum() == 17
    assert sample.ignore is None


def test_a_phrase_is_put_into_the_sentence_of_the_evaluation(tmp_path):
    (sample,) = read(release(tmp_path, shape("target", box(0, 0, 3, 3)), text=["cup"], is_sentence=False))
    assert sample.instruction == "Please segment the 'cup' in the image."
    assert (sample.phrases[0].text, sample.labels) == ("cup", {"form": "phrase"})


def test_a_file_in_windows_1252_is_read(tmp_path):
    settings = release(tmp_path, shape("target", box(0, 0, 3, 3)))
    path = tmp_path / "images" / "1.json"
    content = json.loads(path.read_text()) | {"text": ["the caf\xe9\x92s cup".replace("\x92", "\u2019")]}
    path.write_bytes(json.dumps(content, ensure_ascii=False).encode("cp1252"))
    assert read(settings)[0].instruction == "the caf\u00e9\u2019s cup"


def test_shapes_lie_on_the_upright_image(tmp_path):
    settings = release(tmp_path, shape("target", box(0, 0, W - 1, 0)))
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    pixels = np.zeros((W, H, 3), np.uint8)  # stored lying on its side: upright it is H x W again
    pixels[0, :] = 255
    Image.fromarray(pixels).save(tmp_path / "images" / "1.jpg", exif=turned)
    (sample,) = read(settings)
    assert sample.read().shape[:2] == sample.masks().shape[1:] == (H, W)
    assert sample.masks()[0, 0].all()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["target", "ignore"]), st.integers(0, 40), st.integers(0, 30), st.integers(0, 20)
        ),
        max_size=4,
    )
)
def test_target_and_ignore_never_share_a_pixel_and_cover_all_shapes(tmp_path_factory, boxes):
    folder = tmp_path_factory.mktemp("reasonseg")
    boxes = [("target", 2, 2, 3), *boxes]
    shapes = [shape(label, box(x, y, x + side, y + side)) for label, x, y, side in boxes]
    (sample,) = read(release(folder, *shapes))
    covered = np.zeros((H, W), bool)
    for _, x, y, side in boxes:
        covered[y : y + side + 1, x : x + side + 1] = True
    ignore = sample.ignore()[0] if sample.ignore else np.zeros((H, W), bool)
    assert not (sample.masks()[0] & ignore).any()
    assert np.array_equal(sample.masks()[0] | ignore, covered)


TARGET = shape("target", box(0, 0, 3, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shapes": [shape("cup", box(0, 0, 3, 3))]}, "shapes[0] has no label target, ignore or flag"),
        ({"shapes": [7]}, "shapes[0] has no label"),
        ({"shapes": [shape("ignore", box(0, 0, 3, 3))]}, "no shape is a target"),
        ({"shapes": None}, "no shape is a target"),
        ({"shapes": [shape("target", [[1, 2, 3]])]}, "no list of [x, y]"),
        ({"shapes": [shape("target", [])]}, "no list of [x, y]"),
        ({"shapes": [shape("target", [[1, "a"]])]}, "no list of [x, y]"),
        ({"shapes": [shape("target", [[1, 2], [3]])]}, "no list of [x, y]"),
        ({"shapes": [shape("target", [[1e9, 2]])]}, "far beyond the image"),
        ({"text": []}, "text must be a list"),
        ({"text": "the cup"}, "text must be a list"),
        ({"text": [5]}, "a question is a int"),
        ({"text": [" "]}, "instruction is empty"),
        ({"is_sentence": 1}, "is_sentence must be true or false"),
    ],
)
def test_a_broken_file_of_the_release_is_named_and_skipped(tmp_path, changes, message):
    release(tmp_path, TARGET, name="2", **changes)
    (problem,) = files.problems(reasonseg, release(tmp_path, TARGET))
    assert ": 2.json: " in problem
    assert message in problem


@pytest.mark.parametrize(("content", "message"), [("{", "not valid JSON"), ("[1]", "expected an object")])
def test_a_damaged_file_of_the_release_is_named_and_skipped(tmp_path, content, message):
    settings = release(tmp_path, TARGET)
    files.write(tmp_path / "images" / "2.json", content)
    (problem,) = files.problems(reasonseg, settings)
    assert message in problem
    files.write(tmp_path / "images" / "2.json", json.dumps({"text": ["x"]}))
    assert "no image" in files.problems(reasonseg, settings)[0]


def test_the_list_form(tmp_path):
    ignore = {"size": [H, W], "counts": [H, H, H * W - 2 * H]}
    sentence = {"image": "a.jpg", "question": "what to hold?", "is_sentence": True, "mask": files.COLUMN}
    phrase = {**sentence, "question": "cup", "is_sentence": False, "ignore_mask": ignore}
    first, second, third = read(listed(tmp_path, sentence, phrase, {**phrase, "ignore_mask": None}))
    assert first.instruction == "what to hold?"
    assert first.ignore is None is third.ignore
    assert first.masks()[0, :, 0].all()
    assert first.masks().sum() == H
    assert second.instruction == "Please segment the 'cup' in the image."
    assert second.ignore()[0, :, 1].all()
    assert second.ignore().sum() == H
    assert (second.labels, second.record) == ({"form": "phrase"}, "[1]")


GOOD = {"image": "a.jpg", "question": "x", "is_sentence": True, "mask": files.COLUMN}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": 5}, "expected an object with image"),
        ({"image": "../a.jpg"}, "leads out"),
        ({"image": "b.jpg"}, "no image"),
        ({"question": None}, "a question is a NoneType"),
        ({"is_sentence": None}, "is_sentence must be"),
        ({"mask": None}, "mask is no RLE with a size"),
        ({"mask": {"size": [0, W], "counts": []}}, "height 0 and width 64 must be integers"),
        ({"mask": {"size": [H, W], "counts": [5]}}, "do not add up"),
        ({"ignore_mask": {"size": [H], "counts": []}}, "ignore_mask is no RLE"),
        ({"mask": {"size": [5, 5], "counts": [0, 25]}}, "its masks are 5x5"),
    ],
)
def test_a_broken_record_of_the_list_is_named(tmp_path, changes, message):
    settings = listed(tmp_path, GOOD, {**GOOD, **changes})
    if "its masks" in message:  # found when the masks are read
        with pytest.raises(InvalidInputError, match=message):
            read(settings)[1].masks()
    else:
        (problem,) = files.problems(reasonseg, settings)
        assert "val.json: [1]: " in problem
        assert message in problem


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"no NAME\.json in"):
        read(reasonseg.Settings(tmp_path, tmp_path))
    with pytest.raises(InvalidInputError, match="no image folder"):
        read(reasonseg.Settings(tmp_path, tmp_path / "none"))
    with pytest.raises(InvalidInputError, match=r"none\.json"):
        read(reasonseg.Settings(tmp_path / "none.json", tmp_path))
