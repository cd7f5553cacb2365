"""Both image branches equal the upstream processors, without torchvision."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.two_tower_encoder import smart_size, square_pixels, vision_patches

TOLERANCE = 1e-6


LIMITS = InstructSamConfig.min_pixels, InstructSamConfig.max_pixels


@pytest.fixture
def image(pixels_golden: Path) -> np.ndarray:
    """preproc.npz is about preproc_image.png, and so on."""
    return cv2.imread(str(pixels_golden.with_name(f"{pixels_golden.stem}_image.png")))[..., ::-1]


@pytest.fixture
def golden(pixels_golden: Path) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in np.load(pixels_golden).items()}


def test_segmentation_branch(image: np.ndarray, golden: dict[str, torch.Tensor]) -> None:
    names = [name for name in golden if name.startswith("sam_")]
    assert names
    for name in names:
        size, _, strided = name.removeprefix("sam_").partition("_")
        step = 9 if strided else 1
        pixels = square_pixels(image, int(size))[..., ::step, ::step]
        torch.testing.assert_close(pixels, golden[name], atol=TOLERANCE, rtol=0)


def test_language_branch(image: np.ndarray, golden: dict[str, torch.Tensor]) -> None:
    patches, grid = vision_patches(image, 16, 2, 2, *LIMITS)
    torch.testing.assert_close(grid, golden["qwen_grid"])
    torch.testing.assert_close(patches, golden["qwen_pixel_values"], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(480, 640, (480, 640)), (10, 10, (256, 256)), (97, 143, (224, 320)), (9000, 12000, (3520, 4704))],
)
def test_size_keeps_the_aspect_within_limits(height: int, width: int, expected: tuple[int, int]) -> None:
    assert smart_size(height, width, 32, *LIMITS) == expected


def test_gray_image_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="RGB"):
        vision_patches(np.zeros((10, 10), np.uint8), 16, 2, 2, *LIMITS)
