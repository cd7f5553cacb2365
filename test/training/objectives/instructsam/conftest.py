"""Training files of the InstructSAM objective on the tiny golden model and generated pictures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

STEPS = 6


def inst2seg(folder, name):
    """A data set of a configuration."""
    return {"format": "inst2seg", "annotations": str(folder / name), "images": str(folder)}


@pytest.fixture
def file(tiny_folder, tmp_path) -> Path:
    """A training file; three pictures with a bright rectangle each, and one without a target."""
    entries = []
    for number, (top, left) in enumerate(((8, 8), (24, 40), (40, 16))):
        image = np.full((64, 80, 3), 40, np.uint8)
        image[top : top + 16, left : left + 24] = 220
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
        box = [left, top, left + 24, top, left + 24, top + 16, left, top + 16]
        annotation = [{"text": "red mug.", "mask": [[box]]}, {"text": "blue bowl", "mask": None}]
        entries.append({"image": f"{number}.png", "height": 64, "width": 80, "annotation": annotation})
    (tmp_path / "train.json").write_text(json.dumps(entries))
    (tmp_path / "test.json").write_text(json.dumps(entries[:1]))
    config = {
        "objective": "instructsam",
        "model": str(tiny_folder),
        "data": {"sets": [inst2seg(tmp_path, "train.json")], "batch": 2},
        "evaluation": {"sets": [inst2seg(tmp_path, "test.json")]},
        "out": str(tmp_path / "run"),
        "steps": STEPS,
        "checkpoint_every": 1,
        "log_every": 1,
        "threads": 1,
        "workers": 0,
        "precision": "no",
        "optimizer": {"learning_rate": 2e-3, "warmup_steps": 1},
    }
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(config))
    return path
