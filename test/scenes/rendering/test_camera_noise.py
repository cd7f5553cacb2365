"""Camera noise: same size and content, another exposure, the same from the same generator."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.scenes.rendering.camera_noise import photograph


def picture(height: int = 48, width: int = 64) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * 255 // width, y * 255 // height, (x // 8 + y // 8) % 2 * 120 + 60], -1)
    return image.astype(np.uint8)


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 61), st.integers(8, 61), st.integers(0, 1000))
def test_size_and_type_stay_and_the_input_is_not_changed(height: int, width: int, seed: int) -> None:
    image = picture(height, width)
    before = image.copy()
    taken = photograph(image, np.random.default_rng(seed))
    assert (taken.shape, taken.dtype) == (image.shape, np.uint8)
    assert np.array_equal(image, before)


def test_a_seed_gives_the_same_photograph_and_another_seed_another() -> None:
    first, same, other = (photograph(picture(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_content_stays_recognizable() -> None:
    for seed in range(20):
        taken = photograph(picture(96, 128), np.random.default_rng(seed))
        assert np.corrcoef(taken.mean(-1).ravel(), picture(96, 128).mean(-1).ravel())[0, 1] > 0.75


def test_dark_and_bright_pictures_come_closer_in_exposure() -> None:
    base = picture().astype(float)
    dark, bright = (np.clip(base * gain, 0, 255).astype(np.uint8) for gain in (0.3, 1.0))
    gap = np.mean(
        [
            photograph(bright, np.random.default_rng(s)).mean()
            - photograph(dark, np.random.default_rng(s)).mean()
            for s in range(8)
        ]
    )
    assert abs(gap) < 0.5 * (bright.mean() - dark.mean())


def test_without_strength_there_is_neither_noise_nor_blur() -> None:
    flat = np.full((32, 32, 3), 128, np.uint8)
    clean, noisy = (photograph(flat, np.random.default_rng(3), strength) for strength in (0.0, 1.0))
    assert clean.astype(float).std(axis=(0, 1)).max() < 1.5
    assert noisy.astype(float).std(axis=(0, 1)).max() > clean.astype(float).std(axis=(0, 1)).max()
