"""Training files of SAM3-I on the tiny golden model and generated pictures."""

import json

import cv2
import numpy as np
import pytest
import yaml

STEPS = 4


def rectangle(left, top):
    corners = [left, top, left + 24, top, left + 24, top + 16, left, top + 16]
    return {
        "bbox": [left, top, 24, 16],
        "segmentation": [corners],
        "category_id": 1,
        "iscrowd": 0,
        "area": 384,
    }


@pytest.fixture
def data(tmp_path):
    """Three pictures with a bright rectangle each, in the form of HMPL-Instruct."""
    images, annotations = [], []
    texts = {"concept": "red mug", "simple_query": "the mug left", "complex_query": "something to drink from"}
    for number, (left, top) in enumerate(((8, 8), (40, 24), (16, 40))):
        picture = np.full((64, 80, 3), 40, np.uint8)
        picture[top : top + 16, left : left + 24] = 220
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
        concept = ("red mug", "blue bowl", "Red Mug")[number]
        own = {key: [concept if key == "concept" else text] for key, text in texts.items()}
        image = {"id": number + 1, "file_name": f"{number}.png", "height": 64, "width": 80}
        images.append({**image, "text_inst_input": own})
        annotations.append({"id": number + 1, "image_id": number + 1, **rectangle(left, top)})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "object"}]}
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    for part in ("train", "test"):
        (tmp_path / part / "a.json").write_text(json.dumps(content))
    return {
        part: {"format": "hmpl", "annotations": str(tmp_path / part / "a.json"), "images": str(tmp_path)}
        for part in ("train", "test")
    }


@pytest.fixture
def file(data, sam3_folder, tmp_path):
    """A function that writes the training file of a stage."""

    def write(stage=1, model=sam3_folder, **changes):
        config = {
            "objective": "sam3i",
            "stage": stage,
            "model": str(model),
            "adapters": {"preset": "released", "bottleneck": 8},
            "data": {"sets": [data["train"]], "batch": 2},
            "evaluation": {"sets": [data["test"]], "every": 100},
            "out": str(tmp_path / f"run{stage}"),
            "steps": STEPS,
            "checkpoint_every": 2,
            "log_every": 1,
            "threads": 1,
            "workers": 0,
            "precision": "no",
            "report_to": [],
            "optimizer": {"learning_rate": 1e-3, "warmup_steps": 1, "clip_norm": 0.1, "ema": 0.0},
            **changes,
        }
        path = tmp_path / f"stage{stage}.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    return write
