"""LoRA adapters as peft writes them, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

LAYER = "model.language_model.layers.0.self_attn.q_proj"
HEAD = "base_model.model."


def write_adapter(folder: Path, tensors: dict[str, Tensor], **changes: Any) -> Path:
    """Write an adapter into ``folder``; ``changes`` go into its settings."""
    folder.mkdir(exist_ok=True)
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 16, "bias": "none", **changes}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder
