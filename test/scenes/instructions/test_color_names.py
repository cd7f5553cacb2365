"""Plausible names of rendered colours."""

from __future__ import annotations

from instructsam_ros.scenes.assets.parts import PALETTE
from instructsam_ros.scenes.instructions.color_names import plausible_names
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
