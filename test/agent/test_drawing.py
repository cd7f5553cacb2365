import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.agent.drawing import CLOSE_FILL, SIDE, _window, numbered, outlined, zoomed
from instructsam_ros.types import tight_box


def scene(height=48, width=64):
    rgb = np.full((height, width, 3), 128, np.uint8)
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = True
    return rgb, mask


@pytest.mark.parametrize("size", [(48, 64), (1, 1), (1, 200), (900, 700)])
def test_pictures_of_any_size_are_drawn(size):
    rgb, mask = scene(*size)
    before = rgb.copy()
    for picture in (numbered(rgb, [mask, ~mask | mask]), outlined(rgb, mask), zoomed(rgb, mask)):
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert max(picture.shape) >= SIDE
    assert np.array_equal(rgb, before)


def test_every_mask_gets_a_number_and_a_colour():
    rgb, mask = scene()
    other = np.zeros_like(mask)
    other[-10:, -10:] = True
    pictures = [numbered(rgb, masks) for masks in ([], [mask], [mask, other], [other, mask])]
    for index, picture in enumerate(pictures):
        assert not any(np.array_equal(picture, later) for later in pictures[index + 1 :])
    assert (pictures[1][-60:, -60:] == 128).all()
    assert (pictures[2][-60:, -60:] != 128).any()


def test_the_outline_shows_on_any_background():
    _, mask = scene()
    for colour in ((0, 0, 0), (255, 255, 255), (255, 60, 60), (60, 220, 60)):
        rgb = np.broadcast_to(np.array(colour, np.uint8), (*mask.shape, 3)).copy()
        drawn = outlined(rgb, mask).astype(int)
        assert (np.abs(drawn - colour).max(-1) > 150).sum() > 500


def test_the_zoom_shows_the_mask_larger():
    rgb, mask = scene(480, 640)
    mask[:], rgb[100:160, 200:260] = False, (255, 0, 0)
    mask[100:160, 200:260] = True
    panels = zoomed(rgb, mask)
    red = panels[..., 0].astype(int) - panels[..., 1] > 100
    assert red[:, :SIDE].sum() > 60 * 60
    assert red[:, SIDE:].sum() > 2 * red[:, :SIDE].sum()


@given(st.integers(1, 60), st.integers(1, 60), st.data())
@settings(max_examples=50)
def test_a_window_holds_its_mask_and_is_not_full_of_it(height, width, data):
    mask = np.zeros((height, width), bool)
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    mask[y : y + data.draw(st.integers(1, 30)), x : x + data.draw(st.integers(1, 30))] = True
    rows, columns = _window(mask, CLOSE_FILL)
    assert mask[rows, columns].sum() == mask.sum()
    x0, y0, x1, y1 = tight_box(mask)
    inside = min(y0, x0, height - y1, width - x1) > 60
    assert not inside or mask[rows, columns].mean() <= CLOSE_FILL
