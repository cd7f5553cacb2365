"""The pyramid halves its input five times."""

import pytest

from instructsam_ros.models.common.pyramid_config import PyramidConfig


def test_sides_are_multiples_of_32():
    assert PyramidConfig(96, 128).width == 128
    for size in ((96, 100), (0, 96), (-32, 96)):
        with pytest.raises(ValueError, match="multiples of 32"):
            PyramidConfig(*size)
