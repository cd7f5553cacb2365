"""Annotated images as samples of the compact objective."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.annotated_images import AnnotatedImages, ground
from instructsam_ros.training.data.photographs import PictureSettings
from instructsam_ros.training.data.registry import parse_data_set
from instructsam_ros.training.data.sample import Phrase, Sample
from test.training.data.readers.small_sets import IMAGE, OBJECTS, coco

SIZE = (32, 24)  # width, height


def mask(x0, y0, x1, y1, height=48, width=64):
    found = np.zeros((height, width), bool)
    found[y0:y1, x0:x1] = True
    return found


def sample(instruction, phrase, *masks):
    stacked = np.stack(masks) if masks else np.zeros((0, 48, 64), bool)
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[:, :32] = 200
    return Sample("a.png", lambda: rgb, instruction, (Phrase(phrase, lambda: stacked),), record="[0]")


LEFT, RIGHT, INNER = mask(4, 8, 24, 40), mask(40, 8, 60, 40), mask(10, 14, 18, 30)


def test_instances_are_shared_by_the_samples_of_an_image():
    group = [
        sample("the mugs", "mug", LEFT, RIGHT),
        sample("the mug on the left", "mug", LEFT),
        sample("the giraffe", "giraffe"),
    ]
    found = ground(group, SIZE)
    assert found.rgb.shape == (24, 32, 3)
    assert [labelled.category for labelled in found.objects] == ["mug", "mug"]
    assert [len(ids) for ids in found.ids] == [2, 1, 0]
    assert set(found.ids[1]) < set(found.ids[0])
    (left,) = found.ids[1]
    columns = np.flatnonzero((found.id_map == left).any(0))
    assert (columns.min(), columns.max()) == (2, 11)


def test_of_overlapping_instances_the_smaller_owns_the_pixels():
    found = ground([sample("the bowl", "bowl", LEFT), sample("the apple", "apple", INNER)], SIZE)
    (bowl,), (apple,) = found.ids
    assert found.id_map[11, 7] == apple
    assert found.id_map[5, 3] == bowl


@pytest.fixture
def data_set(tmp_path):
    """Two images in the Inst2Seg form, with an instruction about a side."""
    import json

    entries = []
    for number in range(2):
        image = np.full((48, 64, 3), 60, np.uint8)
        image[8:40, 4:24] = 220
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
        square = [[[4, 8, 24, 8, 24, 40, 4, 40]]]
        items = [{"text": "the box on the left", "mask": square}, {"text": "the fork", "mask": None}]
        entries.append({"image": f"{number}.png", "height": 48, "width": 64, "annotation": items})
    (tmp_path / "set.json").write_text(json.dumps(entries))
    values = {"format": "inst2seg", "annotations": str(tmp_path / "set.json"), "images": str(tmp_path)}
    return parse_data_set(values, "test")


def test_an_epoch_visits_every_image_and_mirroring_turns_words_and_pixels(data_set):
    plain, mirrored = (
        AnnotatedImages([data_set], PictureSettings(SIZE, 4, mirror), 3) for mirror in (0.0, 1.0)
    )
    views = plain.draw(0, 2, np.random.default_rng(0))
    assert {view[0].image for view in views} == {"0.png", "1.png"}
    assert [len(view) for view in views] == [4, 4]
    turned = mirrored.draw(0, 2, np.random.default_rng(0))
    texts = {s.instruction for view in turned for s in view}
    assert texts == {"the box on the right", "the fork"}
    for one, other in zip(views, turned, strict=True):
        assert np.array_equal(one[0].read(), other[0].read()[:, ::-1])
        assert np.array_equal(one[0].grounding.id_map, other[0].grounding.id_map[:, ::-1])


def test_absent_nouns_have_no_referent(data_set):
    (view,) = AnnotatedImages([data_set], PictureSettings(SIZE, 20), 3).draw(0, 1, np.random.default_rng(0))
    for item in view:
        absent = item.instruction == "the fork"
        assert item.grounding.has_absent_referent == absent == (not item.grounding.targets)


def test_the_next_image_takes_the_place_of_an_unreadable_one(data_set, tmp_path, caplog):
    images = AnnotatedImages([data_set], PictureSettings(SIZE, 2), 3)
    (tmp_path / "0.png").write_bytes(b"damaged")
    views = images.draw(0, 4, np.random.default_rng(0))
    assert {view[0].image for view in views} == {"1.png"}
    assert "0.png" in images.broken.problems[0]
    (tmp_path / "1.png").unlink()
    with pytest.raises(InvalidInputError, match=r"no image of data\.sets can be read"):
        AnnotatedImages([data_set], PictureSettings(SIZE, 2), 3).draw(0, 1, np.random.default_rng(0))


@pytest.fixture
def photographs(tmp_path):
    """Two sets of one photograph each, in the COCO form: two cups; the second weighs 3."""
    sets = []
    for number, weight in enumerate((1.0, 3.0)):
        values = coco(tmp_path / str(number), 1, {**IMAGE, "file_name": "a.jpg"}, OBJECTS[:2])
        settings = {key: str(value) for key, value in values.items()}
        sets.append(parse_data_set({"format": "coco", "weight": weight, **settings}, "test"))
    return sets


def test_photographs_get_new_instructions_that_depend_on_the_seed_alone(photographs):
    settings = PictureSettings((96, 64), 5, mirror=0.5, reframe=0.5, paste=0.5)
    one, other = (AnnotatedImages(photographs, settings, 3) for _ in range(2))
    drawn = [images.draw(2, 3, np.random.default_rng(7)) for images in (one, other)]
    texts = [[sample.instruction for view in views for sample in view] for views in drawn]
    assert texts[0] == texts[1]
    for mine, theirs in zip(*drawn, strict=True):
        assert np.array_equal(mine[0].grounding.id_map, theirs[0].grounding.id_map)
        assert np.array_equal(mine[0].read(), theirs[0].read())
    later = [sample.instruction for view in one.draw(2, 3, np.random.default_rng(8)) for sample in view]
    assert later != texts[0]


def test_a_set_is_visited_as_often_as_it_weighs(photographs):
    images = AnnotatedImages(photographs, PictureSettings((96, 64), 2), 3)
    visited = [images.order[place] for place in range(8)]
    assert images.order.size == 4
    assert (visited.count(0), visited.count(1)) == (2, 6)
