import io
import json
import re
import tarfile

import numpy as np
import pytest
from PIL import Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import shards

H, W = 6, 8
BOTTOM = {"size": [H, W], "counts": [0, H, H * W - H]}
SAMPLE = {
    "instruction": "the cup", "phrases": [{"text": "cup", "masks": [BOTTOM]}], "boxes_only": False,
    "ignore": [], "record": "7", "source": "coco", "split": "val", "labels": {"level": "simple"},
}  # fmt: skip
ENTRY = {"image": "a.png", "height": H, "width": W, "samples": [SAMPLE]}


def png(value=9):
    file = io.BytesIO()
    Image.fromarray(np.full((H, W, 3), value, np.uint8)).save(file, "png")
    return file.getvalue()


def pair(key, entry=ENTRY, image=None):
    text = entry if isinstance(entry, bytes) else json.dumps(entry).encode()
    return {f"{key}.png": png() if image is None else image, f"{key}.json": text}


def read(tmp_path, contents, broken=None):
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return list(shards.read(shards.Settings(tmp_path), broken or BrokenRecords()))


def test_a_sample_is_what_its_json_holds(tmp_path):
    ignored = {**SAMPLE, "ignore": [BOTTOM], "boxes_only": True, "phrases": [{"text": "cup", "masks": []}]}
    one, two = read(tmp_path, pair("x/0", {**ENTRY, "samples": [SAMPLE, ignored]}))
    assert (one.image, one.instruction, one.record, one.source, one.split) == (
        "a.png",
        "the cup",
        "7",
        "coco",
        "val",
    )
    assert one.labels == {"level": "simple"}
    assert one.phrases[0].text == "cup"
    assert one.read().tolist() == np.full((H, W, 3), 9).tolist()
    assert one.masks()[0, :, 0].all()
    assert one.masks().sum() == H
    assert (one.ignore, one.boxes_only) == (None, False)
    assert two.masks().shape == (0, H, W)
    assert two.ignore().sum() == H
    assert two.boxes_only


def test_the_image_may_follow_its_json_and_images_stay_in_the_archive(tmp_path):
    contents = dict(reversed(pair("0").items()))
    (sample,) = read(tmp_path, contents)
    (tmp_path / "0.tar").unlink()
    with pytest.raises(InvalidInputError, match="no image"):
        sample.read()


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"0.png": png()}, "0: expected one image and one .json"),
        ({"0.json": b"{}"}, "0: expected one image"),
        ({**pair("0"), "0.txt": b""}, "0: expected one image"),
        (pair("0", b"{"), "not valid JSON"),
        (pair("0", b"\xff"), "not valid JSON"),
        (pair("0", [1]), "expected an object"),
        (pair("0", {**ENTRY, "height": True}), "height True"),
        (pair("0", {**ENTRY, "image": 3}), "image must be a name"),
        (pair("0", {**ENTRY, "samples": [3]}), r"samples\[0\]: a sample lacks a key"),
        (pair("0", {**ENTRY, "samples": [{**SAMPLE, "labels": []}]}), "labels an object"),
        (pair("0", {**ENTRY, "samples": [{**SAMPLE, "split": None}]}), "must be texts"),
        (pair("0", {**ENTRY, "samples": [{**SAMPLE, "phrases": []}]}), "must not be empty"),
        (pair("0", {**ENTRY, "samples": [{**SAMPLE, "instruction": " "}]}), "empty"),
        (pair("0", {**ENTRY, "height": H + 1}), "an RLE has size"),
    ],
)
def test_broken_records_are_named_and_the_next_is_read(tmp_path, contents, message):
    broken = BrokenRecords()
    found = read(tmp_path, {**contents, **pair("1")}, broken)
    assert len(found) == 1
    (problem,) = broken.problems
    assert re.search(message, problem)


def test_a_damaged_image_is_an_error_when_it_is_read(tmp_path):
    (sample,) = read(tmp_path, pair("0", image=png()[:40]))
    with pytest.raises(InvalidInputError, match=r"cannot decode the image .*0\.tar/0\.png"):
        sample.read()
