import json

import cv2
import numpy as np
import pytest

from instructsam_ros.training.data.inspection import Inspection, inspect
from instructsam_ros.training.data.registry import parse_data_set
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.training.data.sample_sheet import SampleSheet

H, W = 48, 64
SQUARE = [8, 8, 24, 8, 24, 28, 8, 28]
SMALL = [40, 8, 50, 8, 50, 18, 40, 18]


@pytest.fixture
def data_set(tmp_path):
    """A function from entries to an Inst2Seg set with images a.png and its copy b.png, c.png and bad.jpg."""
    (tmp_path / "images").mkdir()
    for name, value in (("a", 40), ("b", 40), ("c", 90)):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), np.full((H, W, 3), value, np.uint8))
    (tmp_path / "images" / "bad.jpg").write_bytes(b"no image")

    def make(*entries):
        (tmp_path / "set.json").write_text(json.dumps(entries))
        values = {"format": "inst2seg", "annotations": tmp_path / "set.json", "images": tmp_path / "images"}
        return parse_data_set(values, "test")

    return make


def entry(image, *annotation):
    return {"image": image, "height": H, "width": W, "annotation": list(annotation)}


def test_usable_samples_are_counted_by_what_they_are(data_set):
    cups = {"text": "both cups", "mask": [[SQUARE], [SMALL]], "level": "simple", "split": "val"}
    found = inspect([data_set(entry("a.png", cups), entry("c.png", {"text": "the fork"}))])
    assert (found.usable, found.no_target, found.boxes_only, found.broken) == (2, 1, 0, [])
    assert found.instances == {2: 1, 0: 1}
    assert found.labels["split"] == {"val": 1, "(none)": 1}
    assert found.labels["level"] == {"simple": 1}
    assert found.sizes == {(W, H): 2}
    assert list(found.areas) == [320, 100]
    assert list(found.shares) == pytest.approx([320 / H / W, 100 / H / W])
    report = found.report()
    assert "instructions  2 usable, 0 records broken" in report
    assert "1.00 per instruction; 0: 1, 2: 1" in report
    assert "repeated" not in report


def test_broken_images_and_masks_are_named_and_the_rest_is_used(data_set):
    good = {"text": "the cup", "mask": [SQUARE]}
    damaged = {"text": "the cup", "mask": {"size": [H, W], "counts": [1, 2]}}
    wrong_size = {**entry("c.png", good), "height": 2 * H}
    found = inspect(
        [data_set(entry("bad.jpg", good, good), entry("gone.png"), entry("a.png", damaged, good), wrong_size)]
    )
    assert found.usable == 1
    assert len(found.broken) == 5
    for part in (
        "bad.jpg: [0].annotation[1]: cannot decode",
        "[1]: there is no image",
        "[2].annotation[0]: the runs",
        "c.png: [3].annotation[0]",
    ):
        assert any(part in line for line in found.broken), part
        assert part in found.report()


def test_a_set_that_breaks_off_is_a_broken_record(data_set, tmp_path):
    made = data_set(entry("a.png", {"text": "the cup", "mask": [SQUARE]}))
    (tmp_path / "set.json").write_text((tmp_path / "set.json").read_text()[:-1] + ",")
    found = inspect([made])
    assert found.usable == 1
    assert "the rest of the data set" in found.broken[0]


def test_repetitions_are_found_by_name_and_by_pixels(data_set):
    cup = {"text": "the cup", "mask": [SQUARE]}
    again = {"text": " The  cup", "mask": [SQUARE]}
    found = inspect([data_set(entry("a.png", cup, again), entry("b.png", cup), entry("c.png", cup))])
    assert [line.split(":")[0] for line in found.repeated] == ["a.png"]
    assert [line.split(":")[0] for line in found.copied] == ["b.png"]
    assert "repeated on an image with the same pixels: 1" in found.report()


def test_masks_of_another_size_than_the_image_and_samples_without_phrases_are_broken():
    class Odd:
        format = "odd"

        def read(self, broken):
            image = np.zeros((H, W, 3), np.uint8)
            fitting = Phrase("cup", lambda: np.ones((1, H, W), bool))
            turned = Phrase("cup", lambda: np.ones((1, W, H), bool))
            yield Sample("a", lambda: image, "the cup", (fitting, turned), record="1")
            yield Sample("a", lambda: image, "the cup", (fitting,), record="2", ignore=turned.masks)
            yield Sample("a", lambda: image, "the cup", (), record="3")
            yield Sample("a", lambda: image, "the cup", (fitting,), record="4")

    found = inspect([Odd()])
    assert found.usable == 1
    assert [line.split(": ", 1)[1] for line in found.broken] == [
        "1: the image is 64x48, a mask 48x64",
        "2: the image is 64x48, a mask 48x64",
        "3: a sample without a phrase",
    ]


def test_a_report_of_nothing_says_so():
    assert Inspection().report() == "instructions  0 usable, 0 records broken"


def test_the_sheet_receives_the_usable_samples(data_set):
    sheet = SampleSheet(4, seed=0)
    items = [{"text": f"cup {number}", "mask": [SQUARE]} for number in range(3)]
    inspect([data_set(entry("a.png", *items), entry("bad.jpg", *items))], sheet)
    assert len(sheet.tiles) == 3
