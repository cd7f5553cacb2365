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


@pytest.mark.parametrize("name", ["tight", "default", "whole"])
def test_named_settings_take_other_limits(name):
    assert LiftSettings.named(name, max_depth=3.0).max_depth == 3.0


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'loose'; known: tight, default, whole"):
        LiftSettings.named("loose")
