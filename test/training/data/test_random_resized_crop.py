"""Another framing of a view: picture, ids and annotations still agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.scenes.instructions import instructions
from instructsam_ros.training.data.random_resized_crop import SCALES, random_frame, reframe


@pytest.fixture(scope="module")
def view():
    return load_view(view_paths(DATA / "scenes")[0], depth=False)


def rng():
    return np.random.default_rng(0)


def test_scale_one_in_place_changes_nothing_but_what_cannot_be_kept(view):
    same = reframe(view, 1.0, np.zeros(2), rng())
    assert np.array_equal(same.rgb, view.rgb)
    assert np.array_equal(same.ids, view.ids)
    assert same.meta["K"] == pytest.approx(view.meta["K"])
    for before, after in zip(view.meta["objects"], same.meta["objects"], strict=True):
        assert after["visible"] == pytest.approx(before["visible"], abs=0.01)
        assert {k: after[k] for k in ("pixels", "bbox", "centroid", "pos_cam")} == {
            k: before[k] for k in ("pixels", "bbox", "centroid", "pos_cam")
        }


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_annotations_describe_the_new_picture(seed):
    original = load_view(view_paths(DATA / "scenes")[seed % 6], depth=False)
    framed = random_frame(original, np.random.default_rng(seed))
    assert framed.rgb.shape == original.rgb.shape
    assert framed.rgb.dtype == np.uint8
    for before, after in zip(original.meta["objects"], framed.meta["objects"], strict=True):
        mask = framed.ids == after["id"]
        assert after["pixels"] == mask.sum()
        assert 0 <= after["visible"] <= before["visible"] + 0.06, "nothing comes to light"
        if mask.any():
            rows, columns = np.nonzero(mask)
            assert after["bbox"] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        else:
            assert after["bbox"] is None
            assert after["rgb_median"] is None
    for said in instructions(framed.meta, np.random.default_rng(seed), 8, split="train"):
        assert all((framed.ids == target).any() for target in said.targets)


def test_from_further_away_everything_stays_in_view(view):
    height, width = view.ids.shape
    framed = reframe(view, SCALES[0], np.array([width, height]) * (1 - SCALES[0]) / 2, rng())
    for before, after in zip(view.meta["objects"], framed.meta["objects"], strict=True):
        assert after["truncated"] == before["truncated"]
        if before["pixels"] > 400:
            assert after["pixels"] == pytest.approx(before["pixels"] * SCALES[0] ** 2, rel=0.1)
    assert not np.array_equal(framed.rgb[:5], view.rgb[:5]), "a pattern fills the rest"


def test_points_project_to_where_they_are_seen(view):
    """A pinhole camera whose intrinsics were changed along with the picture."""
    framed = reframe(view, 1.5, np.array([-60.0, -30.0]), rng())
    old, new = view.meta["K"], framed.meta["K"]
    for column, row in ((100.0, 80.0), (200.0, 150.0)):
        x, y = (column - old["cx"]) / old["fx"], (row - old["cy"]) / old["fy"]
        assert new["fx"] * x + new["cx"] == pytest.approx(1.5 * column - 60 + 0.25)
        assert new["fy"] * y + new["cy"] == pytest.approx(1.5 * row - 30 + 0.25)


def test_an_object_cut_by_the_frame_is_truncated(view):
    entry = max(view.meta["objects"], key=lambda o: o["pixels"])
    x0, y0, x1, y1 = entry["bbox"]
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    framed = reframe(view, 1.8, -1.8 * middle, rng())  # its middle is now the upper left corner
    after = next(o for o in framed.meta["objects"] if o["id"] == entry["id"])
    assert after["truncated"]
    assert after["visible"] < entry["visible"]
