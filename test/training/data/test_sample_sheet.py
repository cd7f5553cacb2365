from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.data.sample_sheet import CAPTION, HEIGHT, WIDTH, SampleSheet, tile

SAMPLE = Sample("a", lambda: np.zeros((1, 1, 3), np.uint8), "the cup", ())
NONE = np.zeros((0, 480, 640), bool)


def gray(value=100, height=480, width=640):
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize("size", [(480, 640), (1000, 30), (1, 2000)])
def test_an_instance_is_tinted_where_it_is_even_if_it_is_one_pixel(size):
    mask = np.zeros((1, *size), bool)
    mask[0, size[0] // 2, size[1] // 2] = True
    plain, tinted = (tile(SAMPLE, gray(100, *size), masks) for masks in (mask[:0], mask))
    assert plain.shape == tinted.shape == (CAPTION + HEIGHT, WIDTH, 3)
    scale = min(WIDTH / size[1], HEIGHT / size[0])
    changed = np.argwhere((plain != tinted).any(-1)[CAPTION:])
    assert len(changed)
    assert np.abs(changed - [size[0] / 2 * scale, size[1] / 2 * scale]).max() <= 3


def test_instruction_and_marks_are_written_above():
    mask = np.ones((1, 480, 640), bool)
    captions = [
        tile(SAMPLE, gray(), NONE),
        tile(SAMPLE, gray(), mask),
        tile(replace(SAMPLE, boxes_only=True), gray(), mask),
        tile(replace(SAMPLE, instruction="the bowl"), gray(), mask),
        tile(replace(SAMPLE, instruction="the bowl " * 100), gray(), mask),
    ]
    assert len({caption[:CAPTION].tobytes() for caption in captions}) == len(captions)


def test_every_sample_is_as_likely_and_the_seed_decides():
    def chosen(seed):
        sheet = SampleSheet(3, seed)
        for value in range(10):
            sheet.add(SAMPLE, gray(value * 20, 24, 32), NONE[:, :24, :32])
        return tuple(int(shown[-1, -1, 0]) // 20 for shown in sheet.tiles)

    assert chosen(1) == chosen(1)
    counts = Counter(value for seed in range(100) for value in chosen(seed))
    assert len(counts) == 10
    assert all(12 < count < 48 for count in counts.values())  # 30 expected, deviation 4.6


def test_a_sheet_of_no_samples_is_refused():
    with pytest.raises(InvalidInputError, match="at least one image"):
        SampleSheet(3, 0).draw()
