"""Plausible names of rendered colours, and the colours of objects in photographs."""

from __future__ import annotations

import numpy as np
import pytest

from instructsam_ros.scenes.assets.catalogue import MIXED
from instructsam_ros.scenes.assets.parts import PALETTE
from instructsam_ros.scenes.instructions.color_names import measured_colors, plausible_names
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts, has_color
from test.scenes.scene_metadata import entry, meta


def test_palette_colors_have_their_names_at_full_and_half_light() -> None:
    for name, rgb in PALETTE.items():
        assert name in plausible_names(rgb)
        if name not in ("white", "black"):
            assert name in plausible_names([v // 2 for v in rgb])


def test_a_color_that_does_not_look_like_its_name_is_ambiguous() -> None:
    dark = meta(entry(1, "blue", "bowl", 0, 0, rgb_median=[10, 10, 12]))
    item = SceneFacts(dark).objects[1]
    assert has_color("blue")(item) is None
    assert has_color("black")(item) is None
    assert has_color("red")(item) == 0


@pytest.mark.parametrize(
    ("rgb", "name"),
    [((200, 30, 30), "red"), ((30, 60, 190), "blue"), ((240, 240, 235), "white"), ((20, 20, 22), "black"),
     ((235, 120, 20), "orange"), ((190, 150, 110), MIXED), ((245, 240, 200), MIXED)],
)  # fmt: skip
def test_the_colour_of_an_object_is_named_where_it_is_clear(rgb: tuple[int, int, int], name: str) -> None:
    noise = np.random.default_rng(0).normal(0, 6, (500, 3))
    assert measured_colors(np.clip(np.array(rgb) + noise, 0, 255).astype(np.uint8))[0] == name


def test_stripes_have_no_clear_colour_and_both_names() -> None:
    for one, other, names in (
        ((200, 30, 30), (30, 60, 190), {"red", "blue"}),
        ((10,) * 3, (245,) * 3, {"white"}),
    ):
        color, named = measured_colors(np.array([one, other] * 100, np.uint8))
        assert color == MIXED
        assert names <= named
    assert measured_colors(np.zeros((0, 3), np.uint8)) == (MIXED, frozenset())
