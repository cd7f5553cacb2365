"""Run-length codes are those of pycocotools; damage is noticed."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError, MissingDependencyError
from instructsam_ros.training.data.mask_codec import instance_rles, mask_api

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


def test_without_pycocotools_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(MissingDependencyError, match=r"\[training\]"):
        instance_rles(BOTTOM, H, W)
