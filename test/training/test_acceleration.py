"""A run computes where its machine can, in the precision of its training file."""

import dataclasses

import pytest
import torch

from instructsam_ros.models.common import device
from instructsam_ros.training.acceleration import mixed_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(("able", "expected"), [(True, "bf16"), (False, "no")])
def test_precision_follows_the_processor_unless_it_is_set(monkeypatch, compact_settings, able, expected):
    monkeypatch.setattr(device, "computes_bfloat16", lambda device: able)
    assert mixed_precision(compact_settings, CPU) == expected
    assert mixed_precision(compact_settings, torch.device("cuda")) == "bf16"
    for precision in ("bf16", "no"):
        settings = dataclasses.replace(compact_settings, precision=precision)
        assert mixed_precision(settings, CPU) == precision
