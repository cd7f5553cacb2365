"""Models and image features shared by the tests of this folder, which must not change them."""

from __future__ import annotations

import pytest
import torch

from instructsam_ros.models.instructsam.configuration import InstructSamConfig, TokenIds
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.two_tower_encoder import TwoTowerInputs


@pytest.fixture(scope="session", params=["released", "paper"])
def model(request: pytest.FixtureRequest, tiny_model: InstructSam, paper_model: InstructSam) -> InstructSam:
    return tiny_model if request.param == "released" else paper_model


@pytest.fixture(scope="session")
def features(tiny_model: InstructSam) -> ImageFeatures:
    generator = torch.Generator().manual_seed(3)
    inputs = TwoTowerInputs(
        torch.randn(24, 1536, generator=generator),
        torch.tensor([[1, 4, 6]]),
        torch.randn(1, 3, 112, 112, generator=generator),
    )
    with torch.inference_mode():
        return tiny_model.encode_image(inputs)


@pytest.fixture(scope="session")
def compact_model() -> InstructSam:
    """The compact architecture with random weights and a small image, and no cell selected."""
    language = {
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2]},
    }
    detr = {"hidden_size": 32, "num_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    torch.manual_seed(0)
    config = InstructSamConfig(
        language=language,
        vision={"height": 64, "width": 96},
        sam={
            "detr_encoder_config": detr,
            "detr_decoder_config": detr,
            "mask_decoder_config": {"hidden_size": 32, "num_attention_heads": 2},
        },
        tokens=TokenIds(image=1, vision_start=2, vision_end=3, seg=5, mask_start=6, mask_end=7,
                        ref_start=8, ref_end=9, eos=(10,)),
        image_encoder="pyramid",
        detector="pointer",
        out_dim=32,
    )  # fmt: skip
    model = InstructSam(config).eval()
    # Selection logits differ although all are far below zero, as with trained weights.
    torch.nn.init.normal_(model.get_parameter("detector.pointer.choice_proj.2.weight"), std=2.0)
    torch.nn.init.constant_(model.get_parameter("detector.pointer.choice_bias"), -30.0)
    return model
