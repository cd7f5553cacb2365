"""A tiny tracker of SAM 3 with random weights, and a folder of it as the hub has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from test.sam3_models import tiny_config

if TYPE_CHECKING:
    from transformers import Sam3TrackerVideoConfig, Sam3TrackerVideoModel


def tiny_tracker_config() -> Sam3TrackerVideoConfig:
    from transformers import Sam3TrackerVideoConfig

    backbone = tiny_config().vision_config.backbone_config.to_dict()
    return Sam3TrackerVideoConfig(
        vision_config={
            "model_type": "sam3_vision_model",
            "backbone_config": backbone,
            "fpn_hidden_size": 128,
        },
        prompt_encoder_config={"hidden_size": 128, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 128, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 32,
        },
        image_size=112,
        memory_attention_hidden_size=128,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=32,
        memory_encoder_hidden_size=128,
        mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=32,
    )  # fmt: skip


def tiny_tracker() -> Sam3TrackerVideoModel:
    import torch
    from transformers import Sam3TrackerVideoModel

    torch.manual_seed(0)
    return Sam3TrackerVideoModel(tiny_tracker_config()).eval()


def write_tracker_folder(folder: Path) -> Path:
    """Write the video model's configuration, and the tracker's tensors under the names of facebook/sam3."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "sam3_video",
        "detector_config": tiny_config().to_dict(),
        "tracker_config": tiny_tracker_config().to_dict(),
    }
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {}
    for name, tensor in tiny_tracker().state_dict().items():
        if name == "prompt_encoder.shared_embedding.positional_embedding":  # stored once
            continue
        if name.startswith("vision_encoder.backbone."):
            stored = f"detector_model.{name}"
        elif name.startswith("vision_encoder.neck."):
            stored = name.replace("vision_encoder.neck.", "tracker_neck.", 1)
        else:
            stored = f"tracker_model.{name}"
        tensors[stored] = tensor.clone().contiguous()
    save_file(tensors, folder / "model.safetensors")
    return folder
