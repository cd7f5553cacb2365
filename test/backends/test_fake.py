import subprocess
import sys

import cv2
import numpy as np
import pytest

from instructsam_ros.backends.fake import load
from instructsam_ros.errors import CancelledError, ConfigError, InstructSamError, InvalidInputError
from instructsam_ros.types import Status

RED, GREEN, BLUE = (200, 20, 30), (20, 180, 40), (20, 40, 220)


@pytest.fixture
def rgb():
    image = np.full((60, 80, 3), 128, np.uint8)
    image[5:15, 10:30] = RED
    image[40:50, 10:20] = RED
    image[20:30, 40:60] = BLUE
    return image


def test_named_colour_gives_one_exact_mask_per_patch_largest_first(rgb):
    result = load("fake", "cpu").segment_image(rgb, "the red things")
    assert result.status == Status.OK
    assert [i.phrase for i in result.instances] == ["red", "red"]
    assert [i.box.tolist() for i in result.instances] == [[10, 5, 30, 15], [10, 40, 20, 50]]
    assert np.array_equal(sum(i.mask for i in result.instances), (rgb == RED).all(2))


def test_absent_colour_is_no_target(rgb):
    result = load("fake", "cpu").segment_image(rgb, "the green thing")
    assert (result.status, result.instances) == (Status.NO_TARGET, ())


@pytest.mark.parametrize("instruction", ["all objects", "Everything!"])
def test_everything_is_all_coloured_patches(rgb, instruction):
    found = load("fake", "cpu").segment_image(rgb, instruction).instances
    assert sorted(i.phrase for i in found) == ["blue", "red", "red"]


def test_a_colour_inside_another_word_is_not_named(rgb):
    assert load("fake", "cpu").segment_image(rgb, "the incredible bluebird").status == Status.NO_TARGET


def test_touching_colours_are_separate_regions():
    image = np.full((20, 20, 3), RED, np.uint8)
    image[:, 10:] = GREEN
    found = load("fake", "cpu").segment_image(image, "the green part").instances
    assert [i.box.tolist() for i in found] == [[10, 0, 20, 20]]


def test_ids_select_by_phrase_and_plural(tmp_path):
    ids = np.zeros((30, 40), np.uint16)
    ids[2:5, 3:9], ids[10:20, 10:20], ids[25:28, 30:39] = 300, 7, 8
    cv2.imwrite(str(tmp_path / "ids.png"), ids)
    segmenter = load(
        "fake", "cpu", ids=tmp_path / "ids.png", names={300: "red mug", 7: "red mug", 8: "spoon"}
    )
    found = segmenter.segment_image(np.zeros((30, 40, 3), np.uint8), "pick up both red mugs").instances
    assert [(i.phrase, int(i.mask.sum())) for i in found] == [("red mug", 100), ("red mug", 18)]
    with pytest.raises(InvalidInputError, match="ids"):
        segmenter.encode(np.zeros((31, 40, 3), np.uint8))


def test_unusable_options_are_named(tmp_path):
    with pytest.raises(ConfigError, match="both"):
        load("fake", "cpu", names={1: "mug"})
    with pytest.raises(ConfigError, match="nowhere"):
        load("fake", "cpu", ids=tmp_path / "nowhere.png", names={1: "mug"})
    with pytest.raises(ConfigError, match="float64"):
        load("fake", "cpu", ids=np.zeros((3, 3)), names={1: "mug"})


def test_slow_call_stops_soon_after_it_is_cancelled(rgb):
    segmenter = load("fake", "cpu", slow=3600)
    polls = iter([False, False, True])
    with pytest.raises(CancelledError):
        segmenter.segment(segmenter.encode(rgb), "red", cancel=lambda: next(polls))


def test_fail_raises_a_typed_error(rgb):
    with pytest.raises(InstructSamError, match="option 'fail' is set"):
        load("fake", "cpu", fail=True).segment_image(rgb, "red")


def test_works_without_torch():
    code = "import sys, instructsam_ros; instructsam_ros.load('fake'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_named_colour_is_answered_for_itself(rgb):
    result = load("fake", "cpu").segment_image(rgb, "the red things and the green one")
    assert [(p.text, p.status) for p in result.phrases] == [("red", Status.OK), ("green", Status.NO_TARGET)]
