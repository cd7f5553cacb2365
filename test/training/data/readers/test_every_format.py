"""What the samples of every reader have in common."""

from itertools import groupby

import numpy as np
import pytest

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.image_files import EncodedImage
from instructsam_ros.training.data.registry import FORMATS, parse_data_set
from test.training.data.readers.small_sets import SETS


@pytest.fixture(params=FORMATS)
def data_set(request, tmp_path):
    """Writes a set of the format and returns it."""

    def write(orientation=1):
        settings = SETS[request.param](tmp_path, orientation)
        values = {key: value if isinstance(value, int) else str(value) for key, value in settings.items()}
        return parse_data_set({"format": request.param, **values}, "set")

    return write


def samples_of(data_set):
    broken = BrokenRecords()
    samples = list(data_set.read(broken))
    assert samples
    assert not broken.problems
    assert broken.usable == len(samples)
    return samples


@pytest.mark.parametrize("orientation", [1, 6])
def test_masks_have_the_size_of_the_image_and_turn_with_it(data_set, orientation):
    assert set(SETS) == set(FORMATS)
    for sample in samples_of(data_set(orientation)):
        rgb, masks = sample.read(), sample.masks()
        assert (rgb.dtype, masks.dtype) == (np.uint8, bool)
        assert rgb.ndim == masks.ndim == 3
        assert masks.shape[1:] == rgb.shape[:2]
        assert sample.ignore is None or sample.ignore().shape == (1, *rgb.shape[:2])
        if sample.source != "scenes":
            assert (rgb.shape[0] > rgb.shape[1]) == (orientation == 6)


def test_samples_are_labelled_named_and_those_of_an_image_together(data_set):
    samples = samples_of(data_set())
    images = [image for image, _ in groupby(sample.image for sample in samples)]
    assert len(images) == len(set(images))
    for sample in samples:
        assert sample.instruction
        assert sample.record
        assert sample.source
        assert all(phrase.text for phrase in sample.phrases)
        if sample.source == "reasonseg":  # targets of a question are one mask
            assert sample.labels == {"form": "sentence"}
        else:
            kind = ("none", "one", "many")[min(len(sample.masks()), 2)]
            assert sample.labels["cardinality"] in (kind, *["all"] * (kind == "many"))


def test_a_set_reads_the_same_twice(data_set):
    chosen = data_set()
    first, second = samples_of(chosen), samples_of(chosen)
    for one, other in zip(first, second, strict=True):
        assert (one.image, one.instruction, one.labels) == (other.image, other.instruction, other.labels)
        assert np.array_equal(one.masks(), other.masks())


# the colours of HOI4D's masks tell what the objects are
@pytest.mark.parametrize("data_set", [name for name in FORMATS if name != "hoi4d"], indirect=True)
def test_images_are_not_decoded_before_they_are_used(data_set, monkeypatch):
    chosen = data_set()
    monkeypatch.setattr(EncodedImage, "read", lambda self: pytest.fail(f"{self} was decoded"))
    assert samples_of(chosen)
