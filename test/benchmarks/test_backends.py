"""The table of backends: what it measures, and which rows it has."""

import argparse

import numpy as np
import pytest

from benchmarks import backends
from instructsam_ros.segmenter import Segmenter, load
from instructsam_ros.training.data.sample import Sample

NONE = {"model": "compact", "seg_token": None, "sam3": None, "sam3i": None}


def test_rows_follow_the_folders_that_are_given() -> None:
    assert list(backends.backends(argparse.Namespace(**NONE))) == [
        "instructsam, compact",
        "agent over it",
        "fake",
    ]
    found = backends.backends(argparse.Namespace(**NONE | {"sam3": "weights"}))
    assert found["sam3"] == ("weights", {"backend": "sam3", "threads": 1})


def test_measuring_changes_no_answer() -> None:
    rgb = np.full((40, 60, 3), 160, np.uint8)
    rgb[5:20, 10:30] = (220, 20, 20)
    plain = load("fake")
    measured = backends.measured(plain)
    assert isinstance(measured, Segmenter)
    answer, expected = (each.segment_image(rgb, "the red thing") for each in (measured, plain))
    assert np.array_equal(answer.instances[0].mask, expected.instances[0].mask)
    assert (len(measured.encoded), len(measured.answered), measured.calls()) == (1, 1, None)


@pytest.mark.parametrize(("backend", "folder"), [("seg_token", "seg_token_folder"), ("sam3", "sam3_folder")])
def test_passes_of_what_reads_the_instruction_are_counted(request, backend: str, folder: str) -> None:
    segmenter = load(str(request.getfixturevalue(folder)), backend=backend, device="cpu", threads=1)
    measured = backends.measured(segmenter)
    features = measured.encode(np.zeros((40, 60, 3), np.uint8))
    assert measured.calls() is None
    for _ in range(2):
        measured.segment(features, "red mug")
    calls = measured.calls()
    assert calls is not None
    assert calls >= 1


def test_views_are_taken_from_the_whole_set() -> None:
    def sample(image: int, number: int) -> Sample:
        return Sample(str(image), lambda: np.zeros((1, 1, 3), np.uint8), str(number), ())

    samples = [sample(image, number) for image in range(10) for number in range(2)]
    kept = list(backends.scattered(samples, 3))
    assert [(each.image, each.instruction) for each in kept] == [
        (image, number) for image in ("0", "3", "6") for number in ("0", "1")
    ]
    assert list(backends.scattered(samples, 99)) == samples
