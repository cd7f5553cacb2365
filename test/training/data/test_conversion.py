import numpy as np
import pytest
from PIL import Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.conversion import annotated_images, convert
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.sample import Phrase, Sample

H, W = 6, 8


class MemorySet:
    format = "memory"

    def __init__(self, *samples):
        self.samples = samples

    def read(self, broken):
        return broken.count(iter(self.samples))


def sample(path, name=None, mask=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(path)
    mask = np.ones((1, H, W), bool) if mask is None else mask
    return Sample(name or path.name, ImageFile(path).read, "the cup", (Phrase("cup", lambda: mask),))


@pytest.mark.parametrize("form", ["coco", "inst2seg", "inst2seg_train", "shards"])
def test_a_target_appears_whole_or_not_at_all(tmp_path, form):
    class BreaksOff(MemorySet):
        def read(self, broken):
            yield sample(tmp_path / "a.png")
            yield sample(tmp_path / "b.png")
            raise InvalidInputError("the rest is missing")

    with pytest.raises(InvalidInputError, match="the rest is missing"):
        convert([BreaksOff()], tmp_path / "out", form)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_target_that_exists_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InvalidInputError, match="exists; convert into a new folder"):
        convert([MemorySet(sample(tmp_path / "a.png"))], tmp_path / "out", "coco")
    assert not list((tmp_path / "out").iterdir())


def test_an_unknown_form_and_a_set_without_samples_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="the forms are coco, hmpl, inst2seg"):
        convert([MemorySet(sample(tmp_path / "a.png"))], tmp_path / "out", "cocoa")
    with pytest.raises(InvalidInputError, match="no usable sample"):
        convert([MemorySet()], tmp_path / "out", "coco")


def test_samples_that_cannot_be_read_are_named_and_left_out(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    wrong = np.ones((1, W, H), bool)
    samples = [
        sample(tmp_path / "a.png"), sample(tmp_path / "a.png", mask=wrong), sample(tmp_path / "bad.png"),
    ]  # fmt: skip
    broken = BrokenRecords()
    (found,) = annotated_images([MemorySet(*samples)], broken)
    assert (found.name, len(found.samples), broken.usable) == ("a.png", 1, 1)
    assert len(broken.problems) == 2
    assert "do not fit" in broken.problems[0]
    assert "not a readable image" in broken.problems[1]


def test_images_of_equal_names_stay_apart_and_names_stay_inside_the_target(tmp_path):
    one, two = tmp_path / "one" / "a.png", tmp_path / "two" / "a.png"
    sets = [MemorySet(sample(one), sample(one)), MemorySet(sample(two)), MemorySet(sample(one))]
    found = list(annotated_images(sets, BrokenRecords()))
    assert [(image.name, len(image.samples)) for image in found] == [
        ("a.png", 2),
        ("a-2.png", 1),
        ("a.png", 1),
    ]
    odd = [sample(one, name) for name in ("/etc/x", "../../b.png", "c\\..\\d.png", "..")]
    names = [image.name for image in annotated_images([MemorySet(each) for each in odd], BrokenRecords())]
    assert names == ["etc/x.png"] * 4  # one file, one name
    for number, each in enumerate(odd):
        (image,) = annotated_images([MemorySet(each)], BrokenRecords())
        assert image.name == ["etc/x.png", "b.png", "c/d.png", "image.png"][number]
