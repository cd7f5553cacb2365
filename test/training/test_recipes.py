"""The training files of the package are valid, and train what they are meant to."""

import pytest
import yaml

from instructsam_ros.paths import share
from instructsam_ros.training.config import InstructSamTrainSettings, read_settings
from instructsam_ros.training.data.registry import FORMATS

PARAMETERS = {
    "adapters": "language.model.layers.0.self_attn.q_proj.lora_A.default.weight",
    "language": "language.model.layers.0.self_attn.q_proj.base_layer.weight",
    "embeddings": "language.model.embed_tokens.weight",
    "merger": "image_encoder.vision_tower.merger.norm.weight",
    "detector": "detector.detr_encoder.layers.0.weight",
    "projections": "text_hidden_fcs.0.0.weight",
    "queries": "mask_queries",
    "vision_tower": "image_encoder.vision_tower.blocks.0.norm1.weight",
    "pixel_tower": "image_encoder.pixel_tower.backbone.weight",
}
STAND_IN = {"format": "inst2seg", "annotations": "a.json", "images": "images"}
ABSENT = {"visor", "hd_epic"} - set(FORMATS)
"""Formats whose readers are not in this version."""


def recipe(name, tmp_path):
    """Settings of a file; a stand-in takes the place of sets whose reader is absent."""
    values = yaml.safe_load(share("config", "training", name).read_text())
    for block in (values["data"], values["evaluation"]):
        block["sets"] = [STAND_IN if each["format"] in ABSENT else each for each in block["sets"]]
    file = tmp_path / name
    file.write_text(yaml.safe_dump(values))
    settings = read_settings(file)
    assert isinstance(settings, InstructSamTrainSettings)
    return settings


@pytest.mark.parametrize(
    ("name", "glue", "language"),
    [
        ("inst2seg_stage1.yaml", 1e-5, 5e-6),
        ("inst2seg_stage2.yaml", 5e-6, 2e-6),
        ("epic_kitchens.yaml", 5e-6, 2e-6),
    ],
)
def test_rates_and_frozen_parts_are_those_of_the_release(tmp_path, name, glue, language):
    settings = recipe(name, tmp_path)
    rates = {n: settings.optimizer.learning_rate * settings.part(p).rate for n, p in PARAMETERS.items()}
    frozen = dict.fromkeys(("language", "vision_tower", "pixel_tower"), 0)
    expected = frozen | dict.fromkeys(("detector", "projections", "queries"), glue)
    expected |= dict.fromkeys(("adapters", "embeddings", "merger"), language)
    assert rates == pytest.approx(expected)
    assert settings.lora
    assert (settings.lora.r, settings.lora.alpha, settings.lora.dropout) == (64, 16, 0.05)
    assert settings.optimizer.warmup_steps == pytest.approx(0.03 * settings.steps)
    assert settings.optimizer.weight_decay == settings.optimizer.final == 0
    assert settings.gradient_checkpointing


def test_weights_of_data_sets_are_those_of_the_release(tmp_path):
    one, two = (recipe(f"inst2seg_stage{stage}.yaml", tmp_path).data.data_sets() for stage in (1, 2))
    weighted = {each.settings.annotations.stem: each.weight for each in one if each.weight != 1}
    assert weighted == {"refclef": 10, "roborefit": 10}
    assert [each.weight for each in two] == [10, 1, 2, 2, 2, 2, 1]


@pytest.mark.parametrize("name", sorted(path.name for path in share("config", "training").glob("*.yaml")))
def test_every_training_file_is_read(name):
    settings = read_settings(share("config", "training", name))
    assert isinstance(settings, InstructSamTrainSettings) == name.startswith(("inst2seg", "epic_kitchens"))
