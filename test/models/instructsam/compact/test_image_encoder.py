"""The compact model's image encoder: input sizes, strides of its levels, and folding of cells to tokens."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.compact.image_encoder import (
    FINE_CHANNELS,
    PyramidEncoder,
    PyramidInputs,
    fold2x2,
    sine_position,
)
from instructsam_ros.models.instructsam.modeling import InstructSam

torch.set_num_threads(1)


@pytest.mark.parametrize("size", [(64, 96), (10, 300), (1, 1)])
def test_images_of_any_size_become_the_fixed_size(compact_model: InstructSam, size: tuple[int, int]) -> None:
    white = compact_model.image_encoder.preprocess(np.full((*size, 3), 255, np.uint8)).pixels
    assert white.shape == (1, 3, 64, 96)
    assert white.unique().tolist() == [1.0]


@pytest.mark.parametrize(("height", "width"), [(64, 96), (96, 160)])
def test_levels_have_their_strides_at_every_input_size(
    compact_model: InstructSam, height: int, width: int
) -> None:
    pixels = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = compact_model.image_encoder(PyramidInputs(pixels))
    for level, stride in zip(features.fpn, (2, 4, 8, 16), strict=True):
        assert level.shape[-2:] == (height // stride, width // stride)
    assert [level.shape[1] for level in features.fpn] == [FINE_CHANNELS, 32, 32, 32]
    assert features.fpn_position.shape == features.fpn[-1].shape
    assert features.grid == (height // 32, (width // 16 + 1) // 2)
    assert features.tokens.shape == (2, features.grid[0] * features.grid[1], 32)
    assert features.deepstack == ()


def test_images_of_a_batch_do_not_mix(compact_model: InstructSam) -> None:
    pixels = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        together = compact_model.image_encoder(PyramidInputs(pixels))
        alone = compact_model.image_encoder(PyramidInputs(pixels[1:]))
    torch.testing.assert_close(together.tokens[1:], alone.tokens, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("vision", [{"height": 60, "width": 96}, {"height": 64, "width": 0}])
def test_sizes_that_are_no_multiple_of_32_are_an_error(
    compact_model: InstructSam, vision: dict[str, int]
) -> None:
    with pytest.raises(ConfigError, match="multiples of 32"):
        PyramidEncoder(dataclasses.replace(compact_model.config, vision=vision))


@given(st.integers(1, 5), st.integers(1, 5))
def test_folding_keeps_every_cell_beside_its_neighbours(rows: int, columns: int) -> None:
    cells = torch.arange(1.0, rows * columns + 1).view(1, 1, rows, columns)
    folded = fold2x2(cells)
    assert folded.shape == (1, 4, (rows + 1) // 2, (columns + 1) // 2)
    assert torch.equal(folded[folded > 0].sort().values, cells.flatten())
    assert folded[0, 0, 0, 0] == cells[0, 0, 0, 0]


def test_positions_of_cells_differ_and_do_not_depend_on_the_resolution() -> None:
    encoding = sine_position(3, 5, 32)
    assert torch.cdist(encoding.flatten(1).T, encoding.flatten(1).T).fill_diagonal_(1).min() > 0.1
    # The centre cell of 3 x 5 lies where that of 9 x 15 does.
    torch.testing.assert_close(encoding[:, 1, 2], sine_position(9, 15, 32)[:, 4, 7])
