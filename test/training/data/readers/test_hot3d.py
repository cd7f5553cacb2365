import io
import json
import re
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from instructsam_ros.errors import ConfigError, InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import hot3d
from instructsam_ros.training.data.registry import parse_data_set

H, W = 6, 8
NAMES = {"4": "milk carton", "7": "mug", "9": "bowl"}


def runs(mask):
    """Flat (start, length) pairs of a mask, as HOT3D writes them: rows, from 1 on."""
    values, found, place = mask.ravel().tolist(), [], 0
    while place < len(values):
        if values[place]:
            end = next((i for i in range(place, len(values)) if not values[i]), len(values))
            found += [place + 1, end - place]
            place = end
        place += 1
    return found


def encoded(rle, height=H, width=W):
    return {"height": height, "width": width, "rle": rle}


def item(rle, amodal=None, stream="214-1"):
    return {"masks_modal": {stream: encoded(rle)}, "masks_amodal": {stream: encoded(amodal or rle)}}


def jpg():
    file = io.BytesIO()
    Image.fromarray(np.full((H, W, 3), 90, np.uint8)).save(file, "jpeg")
    return file.getvalue()


def frame(number, objects=None, stream="214-1"):
    contents = {f"{number:06d}.image_{stream}.jpg": jpg(), f"{number:06d}.info.json": b"{}"}
    if objects is not None:
        text = objects if isinstance(objects, bytes) else json.dumps(objects).encode()
        contents[f"{number:06d}.objects.json"] = text
    return contents


def read(folder, contents, broken=None, **options):
    (folder / "names.json").write_text(json.dumps(NAMES))
    with tarfile.open(folder / "clip-001.tar", "w") as tar:
        for name, content in {**contents, "__hand_shapes.json__": b"{}"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    settings = hot3d.Settings(folder, folder / "names.json", **options)
    return list(hot3d.read(settings, broken or BrokenRecords()))


def masks_of(samples, noun):
    return next(sample.masks() for sample in samples if sample.phrases[0].text == noun)


def test_runs_follow_rows_from_1_on(tmp_path):
    samples = read(tmp_path, frame(0, {"7": [item([1, W, W + 3, 2])], "4": [item([H * W, 1])]}))
    mug = masks_of(samples, "mug")[0]
    assert mug[0].all()
    assert np.flatnonzero(mug.ravel()).tolist() == [*range(W), W + 2, W + 3]
    assert np.flatnonzero(masks_of(samples, "milk carton")).tolist() == [H * W - 1]
    assert {sample.image for sample in samples} == {"clip-001/000000.image_214-1.jpg"}
    assert samples[0].read().shape == (H, W, 3)


@given(st.integers(0, 1 << 32), st.floats(0.01, 1))
def test_any_mask_is_read(tmp_path_factory, seed, density):
    mask = np.random.default_rng(seed).random((H, W)) < density
    mask[2, 3] = True
    samples = read(tmp_path_factory.mktemp("hot3d"), frame(0, {"7": [item(runs(mask))]}))
    assert np.array_equal(samples[0].masks(), mask[None])


def test_modal_masks_may_be_empty_and_amodal_ones_are_an_option(tmp_path):
    contents = frame(0, {"7": [item([], amodal=[1, 9])], "4": [item([5, 1])]})
    assert {sample.phrases[0].text for sample in read(tmp_path, contents)} == {"milk carton"}
    assert masks_of(read(tmp_path, contents, masks="amodal"), "mug").sum() == 9


def test_objects_of_other_streams_are_not_in_the_image(tmp_path):
    contents = frame(0, {"7": [item([5, 1], stream="1201-1")], "4": [item([5, 1])]})
    assert {sample.phrases[0].text for sample in read(tmp_path, contents)} == {"milk carton"}
    contents = frame(0, {"7": [item([5, 1], stream="1201-1")]}, stream="1201-1")
    assert read(tmp_path, contents, stream="1201-1")[0].phrases[0].text == "mug"


def test_frames_without_labels_and_between_are_left_out(tmp_path):
    contents = {}
    for number in range(5):
        contents |= frame(number, None if number == 2 else {"7": [item([5, 1])]})
    broken = BrokenRecords()
    samples = read(tmp_path, contents, broken, every=2)
    assert {sample.record for sample in samples} == {"clip-001.tar: 000000", "clip-001.tar: 000004"}
    assert not broken.problems


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (b"{", "no JSON of the objects"),
        ([1], "no JSON of the objects"),
        ({"8": [item([1, 1])]}, "no noun for object 8"),
        ({"9": [{}]}, "there is no masks_modal"),
        ({"9": [3]}, "there is no masks_modal"),
        ({"9": [item([1])]}, "no list of"),
        ({"9": [item([1.5, 2])]}, "no list of"),
        ({"9": [item([0, 2])]}, r"the run \(0, 2\) is outside"),
        ({"9": [item([H * W, 2])]}, "is outside of 8x6"),
        ({"9": [item([1, -2])]}, "is outside"),
        ({"9": [{"masks_modal": {"214-1": encoded([], height=10**12)}}]}, "must be integers"),
    ],
)
def test_broken_objects_are_named_and_the_others_are_read(tmp_path, objects, message):
    broken = BrokenRecords()
    if isinstance(objects, dict):
        objects = {**objects, "7": [item([5, 1])]}
    samples = read(tmp_path, frame(0, objects) | frame(15, {"4": [item([5, 1])]}), broken)
    expected = {"mug", "milk carton"} if isinstance(objects, dict) else {"milk carton"}
    assert {sample.phrases[0].text for sample in samples} == expected
    (problem,) = broken.problems
    assert re.search(message, problem)


def test_a_frame_without_its_image_is_broken_and_masks_must_fit(tmp_path):
    broken = BrokenRecords()
    assert read(tmp_path, frame(0, {"7": [item([5, 1])]}, stream="1201-1"), broken) == []
    assert "no image of stream 214-1" in broken.problems[0]
    wide = {"masks_modal": {"214-1": encoded([1, 1], width=W + 1)}}
    with pytest.raises(InvalidInputError, match="its masks are 9x6"):
        read(tmp_path, frame(0, {"7": [wide]}))[0].masks()


def test_names_must_be_nouns(tmp_path):
    (tmp_path / "bad.json").write_text('{"7": {"name": "mug"}}')
    with pytest.raises(InvalidInputError, match="must map object numbers to nouns"):
        list(hot3d.read(hot3d.Settings(tmp_path, tmp_path / "bad.json"), BrokenRecords()))
    values = {"format": "hot3d", "clips": tmp_path, "names": tmp_path, "masks": "both"}
    with pytest.raises(ConfigError, match="'both' is not one of 'modal', 'amodal'"):
        parse_data_set(values, "test")


def test_a_noun_with_a_damaged_mask_is_not_named(tmp_path):
    broken = BrokenRecords()
    objects = {"7": [item([5, 1]), item([0, 1])], "4": [item([9, 1])]}
    samples = read(tmp_path, frame(0, objects), broken)
    assert {sample.phrases[0].text for sample in samples} == {"milk carton"}
    assert "object 7 (1): the run (0, 1) is outside" in broken.problems[0]
