"""Textures: types, seeds, and dominant colours."""

from __future__ import annotations

import numpy as np
import pytest

from instructsam_ros.scenes.assets import textures
from instructsam_ros.scenes.assets.textures import SURFACES, decoration, font, label, noise, skin, to_bytes


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("name", SURFACES)
def test_a_surface_is_an_image_that_follows_from_the_seed(name: str) -> None:
    image = SURFACES[name](rng(), 64)
    assert (image.shape, image.dtype) == ((64, 64, 3), np.uint8)
    assert image.std() > 0
    assert np.array_equal(image, SURFACES[name](rng(), 64))


def test_noise_covers_zero_to_one() -> None:
    values = noise(rng(), 64)
    assert (values.min(), values.max()) == pytest.approx((0, 1), abs=1e-4)


def test_bytes_are_clipped() -> None:
    assert to_bytes(np.array([[[-5.0, 100.4, 300.0]]], np.float32)).tolist() == [[[0, 100, 255]]]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("draw", [label, decoration, skin])
def test_the_given_color_stays_dominant(draw, seed: int) -> None:
    red = (186, 24, 24)
    median = np.median(draw(np.random.default_rng(seed), red), axis=(0, 1))
    assert median[0] - median[1:].max() > 80


def test_the_number_of_random_draws_does_not_depend_on_the_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for faces in (textures._fonts(), ()):
        monkeypatch.setattr(textures, "_fonts", lambda faces=faces: faces)
        source = rng()
        font(source, 20)
        states.append(source.integers(1 << 30))
    assert states[0] == states[1]
