"""Merging a LoRA adapter (arXiv:2106.09685) of the peft layout into a checkpoint's tensors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from instructsam_ros.errors import CheckpointError

_PREFIX = "base_model.model."
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"
# Variants of LoRA whose merge is another formula; each has this value when it is off.
_UNSUPPORTED_UNLESS = {
    "use_dora": (False, None),
    "fan_in_fan_out": (False, None),
    "rank_pattern": ({}, None),
    "alpha_pattern": ({}, None),
    "bias": ("none", None),
}


def merge_lora(tensors: dict[str, Tensor], adapter: Path) -> dict[str, Tensor]:
    """``tensors`` (released names) with a peft adapter folder merged in; the input stays as it is.

    W becomes W + B A * alpha / r, summed in float32 and stored in the precision of W. Tensors that
    the adapter holds whole (peft's modules_to_save) replace the checkpoint's. Raises CheckpointError
    for an adapter that is damaged, of another kind or for another model.
    """
    config, deltas = _read(adapter)
    scale = _scale(config, adapter)
    merged, misfits = dict(tensors), []
    for name, tensor in deltas.items():
        if name.endswith(_UP):
            continue
        target = name.removesuffix(_DOWN) + ".weight" if name.endswith(_DOWN) else name
        base = tensors.get(target)
        value: Tensor | None = tensor
        if name.endswith(_DOWN):
            up = deltas.get(name.removesuffix(_DOWN) + _UP)
            value = None if up is None or up.shape[1] != len(tensor) else up.float() @ tensor.float() * scale
        if base is None or value is None or value.shape != base.shape:
            misfits.append(name)
        elif name.endswith(_DOWN):
            merged[target] = (base.float() + value).to(base.dtype)
        else:
            merged[target] = value.to(base.dtype)
    if misfits:
        raise CheckpointError(f"{adapter} does not fit these weights:\n  " + "\n  ".join(misfits))
    return merged


def _read(adapter: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        config: dict[str, Any] = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
        tensors = load_file(adapter / "adapter_model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"{adapter} is not a usable adapter (adapter_config.json, adapter_model.safetensors): {error}"
        ) from None
    return config, {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}


def _scale(config: dict[str, Any], adapter: Path) -> float:
    odd = [key for key, off in _UNSUPPORTED_UNLESS.items() if config.get(key) not in off]
    if config.get("peft_type") != "LORA" or odd:
        raise CheckpointError(f"{adapter} is not plain LoRA ({', '.join(odd) or config.get('peft_type')})")
    rank, alpha = config["r"], config["lora_alpha"]
    return float(alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank)
