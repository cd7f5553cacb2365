"""Presets of the adapters."""

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.sam3i.configuration import PAPER, RELEASED, read_adapter_config


def test_presets_and_changes_of_them():
    assert read_adapter_config("released") == RELEASED
    assert read_adapter_config({"preset": "paper"}) == PAPER
    changed = read_adapter_config({"preset": "paper", "bottleneck": 8})
    assert (changed.bottleneck, changed.pixels) == (8, True)


@pytest.mark.parametrize("value", [3, "other", {"preset": "other"}, {"wings": 2}, {"bottleneck": 0}])
def test_anything_else_is_refused(value):
    with pytest.raises(ConfigError, match=r"adapters"):
        read_adapter_config(value)
