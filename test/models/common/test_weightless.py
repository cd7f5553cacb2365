"""Modules without memory for their weights."""

import torch
from torch import nn

from instructsam_ros.models.common.weightless import Weightless


def test_weights_are_without_memory_and_computed_buffers_are_real():
    class WithBuffer(nn.Linear):
        def __init__(self):
            super().__init__(3, 2)
            self.register_buffer("steps", torch.arange(4), persistent=False)

    with Weightless():
        module = WithBuffer()
    assert module.weight.is_meta
    assert module.steps.tolist() == [0, 1, 2, 3]
    assert not nn.Linear(3, 2).weight.is_meta


def test_initializing_fills_what_has_memory():
    with Weightless():
        filled = nn.init.constant_(torch.zeros(2), 7.0)
        assert nn.init.normal_(nn.Embedding(3, 2).weight).is_meta
    assert filled.tolist() == [7.0, 7.0]
