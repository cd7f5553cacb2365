from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image

from instructsam_ros.transparency import has_alpha, without_alpha


def test_hidden_colours_are_white():
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, :3] = (200, 0, 0)
    pixels[0, :, 3] = (0, 255, 51)
    assert without_alpha(pixels)[0].tolist() == [[255, 255, 255], [200, 0, 0], [244, 204, 204]]


@given(arrays(np.uint8, (3, 4, 3)))
def test_an_alpha_of_one_value_that_hides_nothing_changes_no_colour(colors):
    """Some drivers leave the fourth byte at 0."""
    for alpha in (0, 255):
        pixels = np.dstack([colors, np.full(colors.shape[:2], alpha, np.uint8)])
        np.testing.assert_array_equal(without_alpha(pixels), colors)


def test_pictures_that_may_be_transparent_are_known():
    palette = Image.new("P", (2, 2))
    assert [has_alpha(Image.new(mode, (2, 2))) for mode in ("RGBA", "LA", "RGB", "L")] == [
        True,
        True,
        False,
        False,
    ]
    assert not has_alpha(palette)
    palette.info["transparency"] = 0
    assert has_alpha(palette)
