"""LoRA adapters (arXiv:2106.09685) on the attention of the language model, by peft."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from peft import LoraConfig, inject_adapter_in_model
from safetensors.torch import save
from torch import Tensor

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.models.instructsam.checkpoint import released_name
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.training.objective_settings import LoraSettings

_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj"]
_PART, _ADAPTER = "language.model", "default"
_DOWN, _UP, _BASE = f".lora_A.{_ADAPTER}.weight", f".lora_B.{_ADAPTER}.weight", ".base_layer."


def add_lora(model: InstructSam, settings: LoraSettings) -> None:
    """Add adapters to the attention of the language model, in place, and freeze the weights of its layers.

    Outputs stay the same until the adapters are trained. The embedding and other parts of the model stay as
    trainable as they are.
    """
    embedding = model.language.model.embed_tokens.weight
    trainable = embedding.requires_grad
    inject_adapter_in_model(_config(settings), model.get_submodule(_PART), _ADAPTER)
    embedding.requires_grad_(trainable)


def merge_state(state: Mapping[str, Tensor], settings: LoraSettings) -> dict[str, Tensor]:
    """Merge the adapters in the state of a model: the state of the same model without adapters.

    Products are added to the weights in float32.
    """
    merged = {name.replace(_BASE, "."): t for name, t in state.items() if ".lora_" not in name}
    for name, down in state.items():
        if name.endswith(_DOWN):
            layer = name.removesuffix(_DOWN)
            base = merged[f"{layer}.weight"]
            delta = state[layer + _UP].float() @ down.float() * (settings.alpha / settings.r)
            merged[f"{layer}.weight"] = (base.float() + delta).to(base.dtype)
    return merged


def save_adapter(
    state: Mapping[str, Tensor], settings: LoraSettings, whole: Mapping[str, Tensor], folder: Path
) -> dict[str, Tensor]:
    """Write an adapter folder, the input of ``instructsam weights merge``, and return its tensors.

    adapter_model.safetensors holds the adapters of ``state`` under the names that peft gives them in a model
    of the released layout, non_lora_trainables.safetensors the tensors of ``whole``, which were trained
    whole, by their released names.
    """
    adapters = {
        f"base_model.model.{released_name(name)}".replace(f".{_ADAPTER}.", "."): tensor
        for name, tensor in state.items()
        if ".lora_" in name
    }
    trained = {released_name(name): tensor for name, tensor in whole.items()}
    folder.mkdir(parents=True, exist_ok=True)
    config = _config(settings).to_dict()
    write_atomic(folder / "adapter_config.json", json.dumps(config, indent=2, default=sorted).encode())
    for file, tensors in (("non_lora_trainables", trained), ("adapter_model", adapters)):
        data = save({name: t.cpu().contiguous() for name, t in tensors.items()}, metadata={"format": "pt"})
        write_atomic(folder / f"{file}.safetensors", data)
    return adapters | trained


def _config(settings: LoraSettings) -> LoraConfig:
    """The settings for peft."""
    return LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(_TARGETS),
    )
