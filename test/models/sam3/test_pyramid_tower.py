"""The compact model's image side in the place of SAM 3's."""

import numpy as np
import pytest
import torch

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidInputs
from instructsam_ros.models.sam3.checkpoint import load_sam3, read_config, weightless_sam3
from instructsam_ros.models.sam3.tracker_checkpoint import load_tracker
from instructsam_ros.paths import SHIPPED_MODELS

PICTURE = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model(compact_sam3_folder):
    return load_sam3(compact_sam3_folder)


@torch.inference_mode()
def test_levels_are_those_of_the_compact_model(model):
    pixels = model.prepare(PICTURE)
    assert pixels.shape == (1, 3, 64, 96)
    image = model.encode_image(pixels)
    features = load_folder(SHIPPED_MODELS["compact"]).image_encoder(PyramidInputs(pixels))
    assert [level.shape[-2:] for level in image.levels] == [(16, 24), (8, 12), (4, 6)]
    expected = (*features.fpn[1:], features.fpn_position)
    for ours, theirs in zip((*image.levels, image.position), expected, strict=True):
        assert torch.equal(ours, theirs)
    assert image.global_token.shape == (1, 1, 128)


@torch.inference_mode()
def test_masks_have_the_size_of_the_finest_level(model):
    prompt, _ = model.encode_text(torch.tensor([[686, 30, 687] + [0] * 29]))
    output = model.detect(model.encode_image(model.prepare(PICTURE)), prompt)
    assert output.mask_logits.shape == (1, 6, 16, 24)


def test_settings_that_are_none_are_named(compact_sam3_folder):
    config = read_config(compact_sam3_folder)
    config.pyramid = {"height": 50, "width": 96}
    with pytest.raises(ConfigError, match="multiples of 32"):
        weightless_sam3(config)


def test_the_tracker_of_another_image_side_is_refused(model, sam3_folder):
    with pytest.raises(CheckpointError, match="another image tower"):
        load_tracker(sam3_folder, model)
