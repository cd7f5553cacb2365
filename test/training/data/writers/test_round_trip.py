"""Reading, converting and reading again gives the same samples."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.conversion import convert
from instructsam_ros.training.data.registry import parse_data_set
from instructsam_ros.training.data.sample import Phrase
from test.training.data.writers.memory_set import H, MemorySet, W, image_file, random_masks, sample

FORMS = ("inst2seg", "inst2seg_train", "shards")


def converted(samples, target, form):
    values, broken = convert([MemorySet(samples)], target, form)
    assert not broken.problems
    again = BrokenRecords()
    found = list(parse_data_set(values, "test").read(again))
    assert not again.problems
    return found


def assert_same(before, after):
    assert [s.instruction for s in after] == [s.instruction for s in before]
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(new.read(), old.read())
        assert [phrase.text for phrase in new.phrases] == [phrase.text for phrase in old.phrases]
        for one, other in zip(old.phrases, new.phrases, strict=True):
            assert np.array_equal(one.masks(), other.masks())
        assert new.boxes_only == old.boxes_only


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
def test_samples_are_the_same_whatever_the_orientation_of_the_image(tmp_path, form, orientation):
    image = image_file(tmp_path, orientation)
    size = image.size()
    samples = [
        sample(image, random_masks(size)),
        sample(image, np.zeros((0, *size), bool), text="the fork", phrase="fork"),
    ]
    assert_same(samples, converted(samples, tmp_path / "out", form))


@pytest.mark.parametrize("form", FORMS)
@given(seed=st.integers(0, 1 << 32), density=st.floats(0, 1), count=st.integers(0, 3))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_masks_are_kept(tmp_path_factory, form, seed, density, count):
    folder = tmp_path_factory.mktemp("any")
    image = image_file(folder)
    masks = np.random.default_rng(seed).random((count, H, W)) < density
    masks = masks[masks.any((1, 2))]
    samples = [sample(image, masks)]
    assert_same(samples, converted(samples, folder / "out", form))


@pytest.mark.parametrize("form", FORMS)
def test_images_are_copied_byte_by_byte(tmp_path, form):
    image = image_file(tmp_path, 6)
    (found,) = converted([sample(image, random_masks(image.size()))], tmp_path / "out", form)
    with found.read.__self__.open() as file:
        assert file.read() == image.path.read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_computed_images_are_written_without_loss(tmp_path, form):
    pixels = np.random.default_rng(0).integers(0, 255, (H, W, 3), dtype=np.uint8)
    samples = [
        replace(sample(image_file(tmp_path), random_masks((H, W))), read=lambda: pixels, image="view/3")
    ]
    assert_same(samples, converted(samples, tmp_path / "out", form))


@pytest.mark.parametrize("form", ["inst2seg_train", "shards"])
def test_boxes_stay_boxes(tmp_path, form):
    image = image_file(tmp_path)
    masks = np.zeros((2, H, W), bool)
    masks[0, 2:5, 3:9] = masks[1, 0:12, 15:] = True
    samples = [sample(image, masks, boxes_only=True)]
    assert_same(samples, converted(samples, tmp_path / "out", form))


@pytest.mark.parametrize("form", FORMS)
def test_labels_are_kept(tmp_path, form):
    labels = {"level": "complex", "cardinality": "one", "kind": "place"}
    image = image_file(tmp_path)
    (found,) = converted([sample(image, random_masks((H, W)), labels=labels)], tmp_path / "out", form)
    assert found.labels.items() >= labels.items()


def test_shards_keep_everything(tmp_path):
    image = image_file(tmp_path, 6)
    size = image.size()
    ignore = random_masks(size, 1, seed=2)
    before = replace(
        sample(image, random_masks(size), split="val", labels={"category": "7"}),
        phrases=tuple(Phrase(f"p{n}", lambda n=n: random_masks(size, n, seed=n)) for n in range(3)),
        ignore=lambda: ignore,
    )
    (after,) = converted([before], tmp_path / "out", "shards")
    assert_same([before], [after])
    assert np.array_equal(after.ignore(), ignore)
    for name in ("image", "record", "source", "split", "labels"):
        assert getattr(after, name) == getattr(before, name)


@pytest.mark.parametrize("form", ["inst2seg", "inst2seg_train"])
def test_several_phrases_become_one_answer(tmp_path, form):
    image = image_file(tmp_path)
    masks = random_masks((H, W), 3)
    phrases = (Phrase("cup", lambda: masks[:2]), Phrase("plate", lambda: masks[2:]))
    before = replace(sample(image, masks, text="Cups and plates"), phrases=phrases)
    (after,) = converted([before], tmp_path / "out", form)
    assert [phrase.text for phrase in after.phrases] == ["cups and plates"]
    assert np.array_equal(after.masks(), masks)
