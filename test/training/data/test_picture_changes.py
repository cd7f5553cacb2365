"""Changes of photographs keep pixels and labels together."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.training.data.labelled_pictures import read_picture
from instructsam_ros.training.data.picture_changes import cutouts, mirrored, paste, random_crop, whole
from test.training.data.pictures import H, W, labels, photograph, square

SIZE = (96, 64)
PICTURE = read_picture(photograph(), labels(("apple", square(10, 20, 30)), ("fork", square(70, 20, 30))))


def test_the_whole_picture_shows_all_of_every_object():
    seen = whole(PICTURE, SIZE)
    assert seen.rgb.shape == (64, 96, 3)
    for item in list(seen.facts().objects.values())[:2]:
        assert item.visible > 0.93
        assert not item.truncated
    red = seen.rgb[..., 0] > 150
    assert red[seen.id_map == 1].all() == (PICTURE.labels[0].noun == "apple")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_crop_keeps_ids_on_their_objects_and_tells_what_is_left_of_them(seed):
    seen = random_crop(PICTURE, SIZE, np.random.default_rng(seed))
    by_noun = {label.noun: label for label in seen.labels}
    for noun, channel in (("apple", 0), ("fork", 2)):
        mask = seen.id_map == by_noun[noun].id
        if mask.sum() > 60:
            assert np.median(seen.rgb[mask][:, channel]) > 150
    for item in seen.facts().objects.values():
        assert 0 <= item.visible <= 1
        edge = item.box[0] == 0 or item.box[1] == 0 or item.box[2] == 1 or item.box[3] == 1
        assert item.visible > 0.8 or edge


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_pasted_objects_own_their_pixels_and_have_new_ids(seed):
    rng = np.random.default_rng(seed)
    seen, parts = whole(PICTURE, SIZE), cutouts(whole(PICTURE, SIZE))
    rgb, id_map, added = paste(seen.rgb, seen.id_map, parts, rng)
    assert {label.id for label in added}.isdisjoint({label.id for label in seen.labels})
    for label in added:
        mask = id_map == label.id
        assert mask.sum() <= label.pixels
        inner = mask.copy()
        inner[1:] &= mask[:-1]
        inner[:-1] &= mask[1:]
        if label is added[-1] and inner.sum() > 30:
            channel = 0 if label.noun == "apple" else 2
            assert np.median(rgb[inner][:, channel]) > 150
    untouched = np.isin(id_map, [0, 1, 2])
    assert np.array_equal(id_map[untouched], seen.id_map[untouched])


def test_only_whole_objects_are_cut_out():
    cut = read_picture(photograph(), labels(("apple", square(0, 20, 30)), ("fork", square(70, 20, 30))))
    assert [part.label.noun for part in cutouts(cut)] == ["fork"]
    hidden = read_picture(photograph(), labels(("bowl", square(20, 20, 50)), ("apple", square(20, 20, 20))))
    assert {part.label.noun for part in cutouts(whole(hidden, SIZE))} == {"bowl", "apple"}


def test_mirroring_twice_changes_nothing():
    again = mirrored(mirrored(PICTURE))
    assert np.array_equal(again.rgb, PICTURE.rgb)
    assert np.array_equal(mirrored(PICTURE).id_map, PICTURE.id_map[:, ::-1])
    assert PICTURE.id_map.shape == (H, W)
