"""Import of transformers without compiler and sharding, in processes of their own."""

import os
import subprocess
import sys

import pytest

from instructsam_ros.models.common.lean_imports import import_transformers
from instructsam_ros.process_defaults import LEAN_IMPORTS

LEAN = """
import sys
import numpy as np
from instructsam_ros import load

instances = load("compact").segment_image(np.full((96, 128, 3), 127, np.uint8), "the mug").instances
print([name for name in ("torch._dynamo", "torch.distributed.tensor", "sympy") if name in sys.modules])

import torch
from transformers import masking_utils

assert torch.distributed.is_available()
with masking_utils.TransformGetItemToIndex():  # the compiler's own
    pass
print(torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item())
"""


def test_an_answer_needs_no_compiler_which_can_still_be_used():
    environment = {**os.environ, LEAN_IMPORTS: "lean"}
    done = subprocess.run([sys.executable, "-c", LEAN], env=environment, capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["[]", "2.0"], done.stderr


@pytest.mark.parametrize("environment", [{}, {LEAN_IMPORTS: "lean", "WORLD_SIZE": "2"}])
def test_others_processes_are_left_alone(environment, monkeypatch):
    for name in (LEAN_IMPORTS, "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "modules", {})
    monkeypatch.setattr("importlib.import_module", pytest.fail)
    import_transformers()
