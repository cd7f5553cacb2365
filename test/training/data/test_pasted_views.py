"""Objects of photographs in rendered views."""

import numpy as np
import pytest

from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.scenes.instructions import instructions
from instructsam_ros.training.data.labelled_pictures import read_picture
from instructsam_ros.training.data.pasted_views import UNCLEAR_KINDS, about_pasted, fits_views, paste_on_view
from instructsam_ros.training.data.picture_changes import cutouts
from test.training.data.pictures import labels, photograph, square


def parts(noun):
    return cutouts(read_picture(photograph(), labels((noun, square(20, 20, 40)))))


@pytest.fixture(params=range(5))
def pasted(request):
    view = load_view(view_paths(DATA / "scenes")[0], depth=False)
    return view, *paste_on_view(view, parts("clock"), np.random.default_rng(request.param))


def test_annotations_follow_what_is_hidden(pasted):
    before, view, (clock,) = pasted
    mask = view.ids == clock.id
    assert mask.any()
    assert np.array_equal(view.ids[~mask], before.ids[~mask])
    known = {entry["id"]: entry for entry in view.meta["objects"]}
    assert known[clock.id]["category"] == "clock"
    for entry in before.meta["objects"]:
        assert known[entry["id"]]["pixels"] == (view.ids == entry["id"]).sum()
        assert known[entry["id"]]["visible"] <= entry["visible"] + 0.01


def test_the_pasted_object_can_be_named(pasted):
    _, view, labelled = pasted
    (item,) = about_pasted(view, labelled, np.random.default_rng(0))
    assert item.phrase == "clock"
    assert item.targets == item.phrase_ids == (labelled[0].id,)


def test_instructions_about_the_view_never_mean_it_nor_all_objects(pasted):
    _, view, (clock,) = pasted
    rng = np.random.default_rng(0)
    found = [item for _ in range(10) for item in instructions(view.meta, rng, 20)]
    assert found
    assert not [item.text for item in found if clock.id in item.targets or "clock" in item.text.split()]
    all_of = ("everything", "rel_all", "color_all")
    assert not [item.text for item in found if item.kind in all_of and item.targets]
    assert "material" in UNCLEAR_KINDS


def test_what_serves_a_purpose_that_views_do_not_know_of_is_not_pasted():
    assert all(map(fits_views, parts("clock") + parts("apple")))
    assert not any(map(fits_views, parts("mango")))
