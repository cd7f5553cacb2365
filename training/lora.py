"""LoRA adapters (arXiv:2106.09685) on the attention of the language model, by peft."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import save
from torch import Tensor

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.models.instructsam.checkpoint import released_name
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.yaml_config import check_range

_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj"]
_PART, _ADAPTER = "language.model.", "default"


@dataclass(frozen=True)
class LoraSettings:
    """r: rank of the adapters. alpha: their output is scaled by alpha / r."""

    r: int = 64
    alpha: int = 16

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "r", "alpha")


def add_lora(model: InstructSam, settings: LoraSettings) -> None:
    """Add adapters to the attention of the language model, in place, and freeze its own weights.

    Outputs stay the same until the adapters are trained. Other parts of the model stay as trainable as
    they are.
    """
    config = LoraConfig(r=settings.r, lora_alpha=settings.alpha, target_modules=_TARGETS)
    inject_adapter_in_model(config, model.get_submodule(_PART[:-1]), _ADAPTER)


def merged_state_dict(model: InstructSam) -> dict[str, Tensor]:
    """State of the same model without adapters, their products added to the weights in float32."""
    state = {
        name.replace(".base_layer.", "."): tensor
        for name, tensor in model.state_dict().items()
        if ".lora_" not in name
    }
    for name, layer in model.named_modules():
        if isinstance(layer, LoraLayer):
            base = state[f"{name}.weight"]
            delta = layer.get_delta_weight(_ADAPTER).detach()
            state[f"{name}.weight"] = (base.float() + delta.float()).to(base.dtype)
    return state


def adapter_state_dict(model: InstructSam) -> dict[str, Tensor]:
    """The adapters' tensors under the names that peft gives them in a model of the released layout."""
    own = get_peft_model_state_dict(model.get_submodule(_PART[:-1]), adapter_name=_ADAPTER)
    return {f"base_model.model.{released_name(_PART + name)}": tensor for name, tensor in own.items()}


def save_adapter(model: InstructSam, folder: Path) -> None:
    """Write adapter_config.json and adapter_model.safetensors, the input of ``instructsam weights merge``."""
    folder.mkdir(parents=True, exist_ok=True)
    adapters: Any = model.get_submodule(_PART[:-1])
    config = adapters.peft_config[_ADAPTER].to_dict()
    write_atomic(folder / "adapter_config.json", json.dumps(config, indent=2, default=sorted).encode())
    tensors = {name: tensor.cpu().contiguous() for name, tensor in adapter_state_dict(model).items()}
    write_atomic(folder / "adapter_model.safetensors", save(tensors, metadata={"format": "pt"}))
