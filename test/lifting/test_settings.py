"""Ranges of the lifting's settings."""

from __future__ import annotations

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.lifting import LiftSettings


@pytest.mark.parametrize(
    "change",
    [
        {"min_depth": 2.0, "max_depth": 1.0},
        {"min_depth": -1.0},
        {"min_valid_ratio": 1.5},
        {"min_cluster_share": float("nan")},
        {"relative_jump": 0.0},
        {"plane_tolerance": -0.1},
        {"rim_px": -1},
    ],
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        LiftSettings(**change)
