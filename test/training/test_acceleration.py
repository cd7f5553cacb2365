"""A run computes where its machine can, in the precision of its training file."""

import dataclasses

import pytest
import torch

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common import device
from instructsam_ros.training.acceleration import make_accelerator, mixed_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(("able", "expected"), [(True, "bf16"), (False, "no")])
def test_precision_follows_the_processor_unless_it_is_set(monkeypatch, compact_settings, able, expected):
    monkeypatch.setattr(device, "computes_bfloat16", lambda device: able)
    assert mixed_precision(compact_settings, CPU) == expected
    assert mixed_precision(compact_settings, torch.device("cuda")) == "bf16"
    for precision in ("bf16", "no"):
        settings = dataclasses.replace(compact_settings, precision=precision)
        assert mixed_precision(settings, CPU) == precision


def test_deepspeed_is_refused_with_what_takes_its_place(monkeypatch, compact_settings):
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(ConfigError, match=r"DeepSpeed .* is not supported; launch with .*fsdp\.yaml"):
        make_accelerator(compact_settings)
