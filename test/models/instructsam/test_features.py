"""Inputs and features of images: types, rows, and fields added by a detector."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from instructsam_ros.models.instructsam.features import ImageFeatures, ImageInputs


@dataclass(frozen=True)
class Inputs(ImageInputs):
    pixels: Tensor
    grid: Tensor
    name: str


@dataclass(frozen=True, kw_only=True)
class WithMemory(ImageFeatures):
    memory: Tensor


@pytest.fixture
def three_images() -> ImageFeatures:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return ImageFeatures(
        tokens=random(3, 4, 8),
        grid=(2, 2),
        deepstack=(random(12, 8),),
        fpn=(random(3, 5, 8, 8), random(3, 5, 4, 4)),
        fpn_position=random(1, 5, 4, 4),
    )


def test_inputs_change_the_type_of_floating_point_tensors_alone() -> None:
    moved = Inputs(torch.ones(2), torch.tensor([1, 2]), "one").to("cpu", torch.bfloat16)
    assert (moved.pixels.dtype, moved.grid.dtype, moved.name) == (torch.bfloat16, torch.int64, "one")


def test_rows_are_the_features_of_the_named_images(three_images: ImageFeatures) -> None:
    rows = three_images.rows(torch.tensor([2, 0, 2, 1]))
    assert torch.equal(rows.tokens[0], three_images.tokens[2])
    assert torch.equal(rows.deepstack[0][4:8], three_images.deepstack[0][:4])
    assert torch.equal(rows.fpn[1][3], three_images.fpn[1][1])
    assert torch.equal(rows.fpn_position, three_images.fpn_position), "one encoding for all images"
    assert rows.grid == (2, 2)


def test_the_pyramid_keeps_its_type_beside_a_language_model_of_another(three_images: ImageFeatures) -> None:
    half = three_images.readable(torch.bfloat16)
    assert {half.tokens.dtype, half.deepstack[0].dtype} == {torch.bfloat16}
    assert half.fpn is three_images.fpn


def test_prepared_features_hold_all_fields_and_the_added_one(three_images: ImageFeatures) -> None:
    memory = torch.zeros(1)
    prepared = three_images.prepared(WithMemory, memory=memory)
    assert vars(prepared) == {**vars(three_images), "memory": memory}
    assert type(prepared.rows(torch.tensor([1]))) is ImageFeatures, "of another image it would be wrong"


def test_features_of_a_single_stream_are_joined(three_images: ImageFeatures) -> None:
    assert three_images.joined() is three_images
