"""Both image branches equal the upstream processors, without torchvision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.instructsam.preprocess import smart_size, square_pixels, vision_patches

TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def image(golden_file: Callable[[str], Path]) -> np.ndarray:
    return cv2.imread(str(golden_file("preproc_image.png")))[..., ::-1]


@pytest.fixture(scope="module")
def golden(golden_file: Callable[[str], Path]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(a) for name, a in np.load(golden_file("preproc.npz")).items()}


def test_segmentation_branch(image: np.ndarray, golden: dict[str, torch.Tensor]) -> None:
    torch.testing.assert_close(square_pixels(image, 112), golden["sam_112"], atol=TOLERANCE, rtol=0)
    large = square_pixels(image, 1008)[..., ::9, ::9]
    torch.testing.assert_close(large, golden["sam_1008_strided"], atol=TOLERANCE, rtol=0)


def test_language_branch(image: np.ndarray, golden: dict[str, torch.Tensor]) -> None:
    patches, grid = vision_patches(image, patch=16, merge=2, temporal=2)
    torch.testing.assert_close(grid, golden["qwen_grid"])
    torch.testing.assert_close(patches, golden["qwen_pixel_values"], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(480, 640, (480, 640)), (10, 10, (256, 256)), (97, 143, (224, 320)), (9000, 12000, (3520, 4704))],
)
def test_size_keeps_the_aspect_within_limits(height: int, width: int, expected: tuple[int, int]) -> None:
    assert smart_size(height, width, 32, 256 * 256, 4096 * 4096) == expected


def test_gray_image_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="RGB"):
        vision_patches(np.zeros((10, 10), np.uint8), 16, 2, 2)
