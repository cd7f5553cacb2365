"""Run-length codes are those of pycocotools; damage is noticed."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError, MissingDependencyError
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.mask_codec import (
    check_size,
    encode_masks,
    instance_rles,
    is_number,
    mask_api,
    rle_field,
    rle_masks,
)

H, W = 48, 64
BOTTOM = {"size": [H, W], "counts": [0, H, H * W - H]}  # the first column: runs go down columns


@given(st.integers(0, 1 << 32), st.sampled_from([0.0, 1e-3, 0.1, 0.9, 1.0]))
def test_compressed_runs_are_those_of_pycocotools_and_a_cut_is_noticed(seed, flips):
    changes = np.random.default_rng(seed).random((H, W)) < flips
    truth = changes.T.ravel().cumsum().reshape(W, H).T % 2 == 1
    counts = mask_api().encode(np.asfortranarray(truth.astype(np.uint8)))["counts"].decode()
    rles = instance_rles({"size": [H, W], "counts": counts}, H, W)
    assert len(rles) == truth.any()  # a mask without a pixel is no instance
    assert all(np.array_equal(mask_api().decode(rle).astype(bool), truth) for rle in rles)
    for length in {0, len(counts) // 3, len(counts) - 1}:
        with pytest.raises(InvalidInputError):
            instance_rles({"size": [H, W], "counts": counts[:length]}, H, W)


def test_masks_without_a_pixel_mean_that_nothing_is_meant():
    """As some sets write it."""
    nothing = {"size": [H, W], "counts": [H * W]}
    assert instance_rles(nothing, H, W) == ()
    assert len(instance_rles([nothing, BOTTOM], H, W)) == 1


@pytest.mark.parametrize(
    "polygon",
    [[70, 5, 90, 5, 90, 30], [5, 5, 20, 5, 40, 5], [-9, -9, -2, -9, -2, -3]],
    ids=["right", "flat", "left"],
)
def test_polygons_without_a_pixel_are_damaged_not_an_absent_target(polygon):
    square = [4, 4, 20, 4, 20, 20, 4, 20]
    for mask in ([polygon], [[square], [polygon]]):
        with pytest.raises(InvalidInputError, match="cover no pixel of the image of 64x48"):
            instance_rles(mask, H, W)
    assert instance_rles([polygon], H, W, drop_invisible=True) == ()
    assert len(instance_rles([[square], [polygon]], H, W, drop_invisible=True)) == 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_masks_whose_size_only_their_codes_tell_turn_as_the_image(tmp_path_factory, seed, count):
    path = tmp_path_factory.mktemp("images") / "a.png"
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6  # stored lying on its left side
    Image.new("L", (W, H)).save(path, exif=turned)
    masks = np.random.default_rng(seed).random((count, H, W)) > 0.5
    codes = [{**code, "counts": code["counts"].decode()} for code in encode_masks(masks)]
    record = {"several": codes, "one": codes[0]}
    expected = np.rot90(masks, -1, (1, 2))
    assert np.array_equal(rle_masks(*rle_field(record, "several"), ImageFile(path))(), expected)
    assert np.array_equal(rle_masks(*rle_field(record, "one"), ImageFile(path))(), expected[:1])


@pytest.mark.parametrize(
    "value", [None, [], "x", {"counts": []}, {"size": [H, 0]}, {"size": [H, True]}, {"size": H}, [[BOTTOM]]]
)
def test_a_field_without_a_run_length_code_is_an_error(value):
    with pytest.raises(InvalidInputError, match=r"mask is no RLE with a size|must be integers in 1"):
        rle_field({"mask": value}, "mask")


def test_without_pycocotools_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(MissingDependencyError, match=r"\[training\]"):
        instance_rles(BOTTOM, H, W)


@pytest.mark.parametrize("size", [(0, 5), (5, 65536), (True, 5), (5.0, 5), (None, None), ("5", 5)])
def test_sides_of_no_image_are_an_error(size):
    assert check_size(1, 65535) == (1, 65535)
    with pytest.raises(InvalidInputError, match=r"must be integers in 1\.\.65535"):
        check_size(*size)


def test_what_is_a_number():
    values = [1, -2.5, True, None, "1", float("nan"), float("inf")]
    assert [is_number(value) for value in values] == [True, True, False, False, False, False, False]
