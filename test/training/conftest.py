"""A compact model small enough to train in a test, and scenes to train it on."""

import cv2
import numpy as np
import pytest
import torch
import yaml
from tokenizers import Tokenizer

from instructsam_ros.models.instructsam.compact.tokenizer import build_tokenizer
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.paths import DATA, share
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.scenes.instructions import instructions
from instructsam_ros.training.config import TrainSettings
from instructsam_ros.training.initialization import compact_config, initialise
from instructsam_ros.training.metric_logger import MetricLogger
from instructsam_ros.yaml_config import build

HEIGHT, WIDTH = 96, 128


@pytest.fixture(autouse=True)
def plots_without_drawing(request, monkeypatch):
    """Write a plot's title alone in tests of other things: drawing takes longer than a run."""
    if "plot" not in request.node.name:
        stub = lambda self, title: self.path.with_suffix(".png").write_text(title)  # noqa: E731
        monkeypatch.setattr(MetricLogger, "plot", stub)


@pytest.fixture(scope="session")
def scene_root(tmp_path_factory):
    """The sample scenes of the package, shrunk to the size of the small model."""
    root = tmp_path_factory.mktemp("scenes")
    for path in view_paths(DATA / "scenes"):
        image = cv2.imread(str(path))
        ids = cv2.imread(str(path.with_name(f"{path.stem}_ids.png")), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(root / path.name), cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
        small = cv2.resize(ids, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(root / f"{path.stem}_ids.png"), small)
        (root / f"{path.stem}.json").write_text(path.with_suffix(".json").read_text())
    return root


@pytest.fixture(scope="session")
def tokenizer(scene_root) -> Tokenizer:
    rng = np.random.default_rng(0)
    texts = []
    for path in view_paths(scene_root):
        for item in instructions(load_view(path, depth=False).meta, rng, 20, split="train"):
            texts += [item.text, item.phrase]
    return build_tokenizer(texts)


@pytest.fixture(scope="session")
def small_model_file(tmp_path_factory):
    """config/models/compact.yaml with everything made smaller."""
    config = yaml.safe_load(share("config", "models", "compact.yaml").read_text())
    config["vision"] = {"height": HEIGHT, "width": WIDTH}
    config["out_dim"] = 32
    config["language"] |= {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "head_dim": 32}
    config["language"]["rope_parameters"] |= {"mrope_section": [6, 5, 5]}
    for part in ("detr_encoder_config", "detr_decoder_config", "mask_decoder_config"):
        config["sam"][part] |= {"hidden_size": 32, "num_attention_heads": 2}
    config["sam"]["vision_config"] |= {"fpn_hidden_size": 32}
    path = tmp_path_factory.mktemp("model") / "small.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def small_model(small_model_file, tokenizer) -> InstructSam:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = InstructSam(compact_config(str(small_model_file), tokenizer))
    initialise(model)
    return model.eval()


def settings_of(model: str, root, out, **changes) -> TrainSettings:
    """A short run of a compact model on the views of a folder."""
    evaluation = {"sets": [{"format": "scenes", "root": str(root), "views": 1}]}
    values = {"model": model, "init": "compact", "out": str(out), "steps": 2, "evaluation": evaluation}
    data = {"roots": [str(root)], "images": 2, "instructions": 2}
    return build(TrainSettings, values | {"data": data} | changes)


@pytest.fixture
def compact_settings(small_model_file, scene_root, tmp_path) -> TrainSettings:
    """A run of the small model."""
    return settings_of(str(small_model_file), scene_root, tmp_path / "run")
