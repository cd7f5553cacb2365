"""Samples from photographs."""

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.labelled_pictures import read_picture
from instructsam_ros.training.data.photographs import PictureSettings, masks_of, picture_samples
from instructsam_ros.training.data.picture_changes import cutouts
from test.training.data.pictures import labels, photograph, square

SIZE = (96, 64)
NOUNS = labels(("apple", square(10, 20, 30)), ("fork", square(70, 20, 30)), absent=("knife", "clock"))
PICTURE = read_picture(photograph(), NOUNS)


def none(count, rng):
    return []


def draw(settings, seed=0, picture=PICTURE, parts=none):
    return picture_samples(picture, photograph(), settings, parts, np.random.default_rng(seed))


def test_instructions_are_new_at_every_visit_and_the_same_for_the_same_seed():
    settings = PictureSettings(SIZE, 6, mirror=0.5, reframe=0.5)
    texts = [[sample.instruction for sample in draw(settings, seed)] for seed in (0, 1, 0)]
    assert texts[0] == texts[2] != texts[1]
    assert all(len(found) == 6 for found in texts)


@pytest.mark.parametrize("seed", range(8))
def test_answers_are_objects_of_their_nouns(seed):
    settings = PictureSettings(SIZE, 8, mirror=0.5, reframe=0.7, paste=0.5)
    for sample in draw(settings, seed, parts=lambda count, rng: cutouts(PICTURE)[:count]):
        about = sample.grounding
        assert not about.is_complete
        assert set(about.targets) <= set(about.phrase_ids) <= {each.id for each in about.objects}
        assert len(sample.masks()) == len(about.targets)
        if sample.phrases[0].text in ("apple", "fork"):
            categories = {each.id: each.category for each in about.objects}
            assert {categories[number] for number in about.phrase_ids} <= {sample.phrases[0].text}
        if sample.phrases[0].text in ("knife", "clock"):
            assert about.targets == ()
            assert about.has_absent_referent


def test_left_and_right_are_those_of_the_mirrored_picture():
    for mirror, noun in ((0.0, "apple"), (1.0, "fork")):
        found = draw(PictureSettings(SIZE, 60, mirror=mirror), 3)
        left = [
            each
            for each in found
            if " left of the " in each.instruction and each.labels["kind"] == "rel" and each.grounding.targets
        ]
        assert {each.phrases[0].text for each in left} <= {noun, f"red {noun}", f"blue {noun}"}


def test_a_picture_without_a_clear_object_is_refused():
    tiny = read_picture(photograph(), labels(("apple", square(10, 20, 2))))
    with pytest.raises(InvalidInputError, match="no instruction fits"):
        draw(PictureSettings(SIZE, 2), picture=tiny)


def test_masks_of_no_id_are_none():
    assert masks_of(np.zeros((4, 5), np.uint8), ()).shape == (0, 4, 5)
