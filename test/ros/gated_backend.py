"""A model that loads until a file appears: ``backend:=test.ros.gated_backend:load``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from instructsam_ros.backends import fake


def load(model: str, device: str, gate: str) -> Any:
    """The fake model, as soon as there is a file ``gate``."""
    while not Path(gate).exists():
        time.sleep(0.05)
    return fake.load(model, device)
