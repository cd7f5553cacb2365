"""The tiny SAM 3 and SAM3-I that test/golden/sam3i was made with, and folders of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Sam3Config, Sam3TrackerModel

    from instructsam_ros.models.sam3i.modeling import Sam3I

GOLDEN = Path(__file__).parent / "golden" / "sam3i"
START, END, VOCABULARY = 60, 61, 64


def tiny_config() -> Sam3Config:
    from transformers import Sam3Config

    layers = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}
    backbone = {
        "model_type": "sam3_vit_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "image_size": 112, "patch_size": 14, "window_size": 4,
        "layer_norm_eps": 1e-5,
        "global_attn_indexes": [1], "pretrain_image_size": 56,
    }  # fmt: skip
    text = {
        "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 128, "projection_dim": 512,
        "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 32, "hidden_act": "gelu",
        "eos_token_id": END, "bos_token_id": START, "pad_token_id": 0,
    }  # fmt: skip
    sizes = [[32, 32], [16, 16], [8, 8]]
    return Sam3Config(
        vision_config={
            "backbone_config": backbone,
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": sizes,
        },
        text_config=text,
        geometry_encoder_config={"num_layers": 3, **layers},
        detr_encoder_config={"num_layers": 2, **layers},
        detr_decoder_config={"num_layers": 2, "num_queries": 6, **layers},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 4},
    )


def tiny_tracker(levels: int = 4) -> Sam3TrackerModel:
    """transformers' own click model of that size, random, with the image tower of the tiny SAM 3.

    levels: of its neck; it reads three.
    """
    import torch
    from transformers import Sam3TrackerConfig, Sam3TrackerModel

    from instructsam_ros.models.sam3.meta_names import upstream_tensors

    vision = tiny_config().vision_config.to_dict()
    vision["scale_factors"] = vision["scale_factors"][:levels]
    config = Sam3TrackerConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 32, "image_size": 112, "patch_size": 14},
        mask_decoder_config={
            "hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 4, "iou_head_hidden_dim": 32,
        },
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Sam3TrackerModel(config).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        model.no_memory_embedding.data.normal_()
    model.prompt_encoder.shared_embedding.positional_embedding = (
        model.shared_image_embedding.positional_embedding.clone()
    )
    tensors, _ = upstream_tensors(meta_weights())
    prefix = "vision_encoder.backbone."
    tower = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    model.vision_encoder.backbone.load_state_dict(tower)
    return model


def golden_weights(folder: Path = GOLDEN) -> dict[str, Tensor]:
    """The tensors of the tiny SAM3-I under the authors' names."""
    from safetensors.torch import load_file

    return load_file(folder / "tiny_weights.safetensors")


def meta_weights() -> dict[str, Tensor]:
    """The tensors of the tiny SAM 3 under the names of Meta's sam3.pt."""
    added = ("adapter1", "adapter12", "adapter2", "query_proj", "concept_proj", "mask_predictor_adapter")
    return {
        f"detector.{name}": tensor
        for name, tensor in golden_weights().items()
        if not any(part in name for part in added)
    }


def tiny_sam3i() -> Sam3I:
    """A model of its own for every caller."""
    from instructsam_ros.models.sam3i.checkpoint import authors_tensors, build_sam3i

    tensors, config = authors_tensors(golden_weights(), "golden weights")
    return build_sam3i(tiny_config(), config, {n: t.clone() for n, t in tensors.items()}, "golden weights")


def write_tokenizer(folder: Path) -> None:
    """Write a tokenizer.json of words that has the markers of CLIP."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<unk>", "red", "mug", "bowl", "the", "left", "of", "blue", "box", "purple", "elephant"]
    vocabulary = {word: index + 1 for index, word in enumerate(words)}
    vocabulary |= {"<|startoftext|>": START, "<|endoftext|>": END}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    (folder / "tokenizer.json").write_text(tokenizer.to_str())


def write_sam3_folder(folder: Path) -> Path:
    """Write a folder as the hub has it: the video model's configuration, and its tensors by their prefix."""
    import torch
    from safetensors.torch import save_file

    from instructsam_ros.models.sam3.meta_names import upstream_tensors

    folder.mkdir(parents=True, exist_ok=True)
    tracker = tiny_tracker()
    config = {
        "model_type": "sam3_video",
        "detector_config": tiny_config().to_dict(),
        "tracker_config": tracker.config.to_dict(),
    }
    (folder / "config.json").write_text(json.dumps(config))
    tensors, _ = upstream_tensors(meta_weights())
    named = {f"detector_model.{name}": tensor.contiguous() for name, tensor in tensors.items()}
    clicks = {
        name.replace("vision_encoder.neck.", "tracker_neck.", 1)
        if name.startswith("vision_encoder.")
        else f"tracker_model.{name}": tensor.contiguous()
        for name, tensor in tracker.state_dict().items()
        if not name.startswith("vision_encoder.backbone.")
    }
    memory = {"tracker_model.memory_encoder.weight": torch.zeros(3)}
    save_file({**named, **clicks, **memory}, folder / "model.safetensors")
    write_tokenizer(folder)
    return folder


def write_meta_file(folder: Path, name: str = "sam3.pt") -> Path:
    """Write a file as Meta's, with a tokenizer and, as the model is tiny, a configuration beside it."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(tiny_config().to_dict()))
    torch.save({**meta_weights(), "tracker.memory": torch.zeros(3)}, folder / name)
    write_tokenizer(folder)
    return folder / name


def write_sam3i_folder(folder: Path) -> Path:
    """Write a folder of this package."""
    from instructsam_ros.models.sam3i.checkpoint import save_folder

    save_folder(tiny_sam3i(), folder)
    write_tokenizer(folder)
    return folder


COMPACT = """
image_side: compact
pyramid: {height: 64, width: 96}
sam:
  vision_config:
    fpn_hidden_size: 128
    backbone_config:
      {model_type: sam3_vit_model, hidden_size: 16, num_hidden_layers: 0, num_attention_heads: 1}
  text_config:
    {hidden_size: 32, intermediate_size: 32, projection_dim: 16, num_hidden_layers: 1, num_attention_heads: 2,
     max_position_embeddings: 32, hidden_act: gelu}
  geometry_encoder_config: {hidden_size: 128, num_layers: 1, num_attention_heads: 4, intermediate_size: 16}
  detr_encoder_config:
    {hidden_size: 128, num_layers: 1, num_attention_heads: 4, intermediate_size: 256, hidden_act: gelu}
  detr_decoder_config:
    {hidden_size: 128, num_layers: 1, num_queries: 6, num_attention_heads: 4, intermediate_size: 384,
     hidden_act: gelu}
  mask_decoder_config: {hidden_size: 128, num_upsampling_stages: 2, num_attention_heads: 4}
"""
"""A compact SAM 3 that is quick to build, as a file of config/models."""


def write_compact_sam3(folder: Path) -> Path:
    """Write a folder of a fresh compact SAM 3, and the file that it was built from."""
    import torch

    from instructsam_ros.models.instructsam.compact.tokenizer import save_tokenizer
    from instructsam_ros.models.sam3i.checkpoint import save_folder
    from instructsam_ros.training.objectives.sam3i.compact_start import fresh_sam3, fresh_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.yaml"
    file.write_text(COMPACT)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_folder(fresh_sam3(str(file)), folder)
    save_tokenizer(fresh_tokenizer(str(file)), folder / "tokenizer.json")
    return folder


def write_compact_sam3i(folder: Path) -> Path:
    """Write a folder of a compact SAM3-I whose adapters are random."""
    import torch

    from instructsam_ros.models.sam3i.checkpoint import add_adapters, save_folder
    from instructsam_ros.models.sam3i.configuration import read_adapter_config

    base = write_compact_sam3(folder / "sam3")
    model = add_adapters(base, read_adapter_config({"bottleneck": 8}))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in model.adapters.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
    save_folder(model, folder, like=base)
    return folder
