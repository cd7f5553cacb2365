"""Merging a LoRA adapter (arXiv:2106.09685) of the peft layout into a checkpoint's tensors.

Trainers of the LLaVA family save tensors that they train whole in a separate file beside the adapter, which
peft does not read. Without it a model would be wrong silently, so an unknown file with tensors is an error.
"""

from __future__ import annotations

import math
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from instructsam_ros.errors import CheckpointError
from instructsam_ros.git_lfs import explained
from instructsam_ros.models.common.safetensors_folder import EMBEDDING, TIED_HEAD, TensorFiles
from instructsam_ros.models.common.torch_file import read_torch_file
from instructsam_ros.models.instructsam.checkpoint import build_model, dtype_problems
from instructsam_ros.models.instructsam.configuration import InstructSamConfig, read_json
from instructsam_ros.models.instructsam.modeling import InstructSam

WHOLE_TENSORS = ("non_lora_*.bin", "non_lora_*.safetensors")
"""Names of files with tensors that were trained whole."""
_CONFIG, _ADAPTER = "adapter_config.json", "adapter_model.safetensors"
_TENSOR_KINDS = (".bin", ".safetensors", ".pt", ".pth", ".ckpt")
# State of a training, not of the model.
_OF_THE_TRAINER = ("training_args.bin", "optimizer.*", "scheduler.*", "scaler.*", "rng_state*")
_PREFIX = "base_model.model."
# peft stores a module that is trained whole twice, trained and original.
_TRAINED, _ORIGINAL = ".modules_to_save.default.", ".original_module."
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"
# Variants of LoRA whose merge is another formula; each has this value when it is off.
_UNSUPPORTED_UNLESS = {
    "use_dora": (False, None),
    "fan_in_fan_out": (False, None),
    "rank_pattern": ({}, None),
    "alpha_pattern": ({}, None),
    "bias": ("none", None),
}
# Their adapters are relative to a base that they change, too.
_OTHER_BASE = ("pissa", "olora", "corda", "loftq")


def load_merged(
    folder: Path, adapter: Path, dtype: torch.dtype, device: torch.device, config: InstructSamConfig
) -> InstructSam:
    """Load a folder and merge an adapter; see ``load_folder``. Raises CheckpointError for unusable ones."""
    with TensorFiles(folder) as files:
        merged = merge_lora(dict(files), adapter)
        return build_model(config, merged, f"{folder} with {adapter}", dtype, device, files.problems)


def merge_lora(tensors: dict[str, Tensor], adapter: Path) -> dict[str, Tensor]:
    """Merge a peft adapter folder into ``tensors`` (released names); the input is unchanged.

    W becomes W + B A * alpha / r, summed in float32 and stored in the precision of W. Tensors that
    the adapter holds whole (peft's modules_to_save, or ``whole_tensor_files``) replace the checkpoint's,
    or are added to one that was trained from a base model without them. Raises CheckpointError
    for an adapter that is damaged, of another kind or for another model.
    """
    config, deltas = _read(adapter)
    if not deltas:
        raise CheckpointError(f"{adapter} holds no tensors; nothing would change")
    scale = _scale(config, adapter)
    merged, misfits = dict(tensors), list(dtype_problems(deltas))
    for name, tensor in deltas.items():
        if name.endswith(_UP):
            if name.removesuffix(_UP) + _DOWN not in deltas:
                misfits.append(name)
            continue
        target = name.removesuffix(_DOWN) + ".weight" if name.endswith(_DOWN) else name
        base = tensors.get(target)
        if base is None and target == name:
            merged[name] = tensor
            continue
        value: Tensor | None = tensor
        if name.endswith(_DOWN):
            up, rank = deltas.get(name.removesuffix(_DOWN) + _UP), config["r"]
            fits = up is not None and up.ndim == tensor.ndim == 2 and up.shape[1] == len(tensor) == rank
            value = up.float() @ tensor.float() * scale if up is not None and fits else None
        if base is None or value is None or value.shape != base.shape:
            expected = "nothing" if base is None else list(base.shape)
            misfits.append(f"{name} {list(tensor.shape)} for {target} {expected}, r {config['r']}")
        elif name.endswith(_DOWN):
            # peft's merge_and_unload needs a built model, and rounds a bfloat16 adapter's product once more.
            merged[target] = (base.float() + value).to(base.dtype)
        else:
            merged[target] = value.to(base.dtype)
    if misfits:
        raise CheckpointError(f"{adapter} does not fit these weights:\n  " + "\n  ".join(misfits))
    if TIED_HEAD in merged and EMBEDDING in deltas:
        merged[TIED_HEAD] = merged[EMBEDDING].clone()  # safetensors stores no tensor twice
    return merged


def whole_tensor_files(adapter: Path) -> list[Path]:
    """Find files beside an adapter with tensors that were trained whole. Raises CheckpointError that names
    every other file with tensors, whose content is unknown.
    """
    kinds = [path for path in sorted(adapter.iterdir()) if path.suffix in _TENSOR_KINDS]
    found = [path for path in kinds if _matches(path, WHOLE_TENSORS)]
    unknown = [p.name for p in kinds if p not in found and not _matches(p, (_ADAPTER, *_OF_THE_TRAINER))]
    if unknown:
        raise CheckpointError(
            f"{adapter} holds {', '.join(unknown)}, which nothing here reads: call what was trained whole "
            "non_lora_trainables (.bin or .safetensors), and move anything else elsewhere"
        )
    return found


def _matches(path: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in patterns)


def _read(adapter: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    missing = [name for name in (_CONFIG, _ADAPTER) if not (adapter / name).is_file()]
    if missing:
        raise CheckpointError(f"{adapter} is not a usable adapter: it has no {' and no '.join(missing)}")
    config = read_json(adapter / _CONFIG)
    named: dict[str, Tensor] = {}
    for path in (adapter / _ADAPTER, *whole_tensor_files(adapter)):
        named |= {_plain(name): t for name, t in _tensors(path).items() if _ORIGINAL not in name}
    head = named.pop(TIED_HEAD, None)
    if head is not None and not torch.equal(head, named.setdefault(EMBEDDING, head)):
        raise CheckpointError(f"{adapter}: {TIED_HEAD} differs from the embedding; only tied heads exist")
    return config, named


def _plain(name: str) -> str:
    return name.removeprefix(_PREFIX).replace(_TRAINED, ".")


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        tensors: dict[str, Tensor] = read_torch_file(path)
        if not all(isinstance(value, Tensor) for value in tensors.values()):
            raise TypeError("not everything in it is a tensor")
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        reason = explained(path, error)
        raise CheckpointError(f"{path} does not hold tensors by name, or is damaged: {reason}") from None
    return tensors


def _scale(config: dict[str, Any], adapter: Path) -> float:
    odd = [key for key, off in _UNSUPPORTED_UNLESS.items() if config.get(key) not in off]
    if str(config.get("init_lora_weights")).startswith(_OTHER_BASE):
        odd.append(f"init_lora_weights: {config['init_lora_weights']}")
    if config.get("peft_type") != "LORA" or odd:
        raise CheckpointError(f"{adapter} is not plain LoRA ({', '.join(odd) or config.get('peft_type')})")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not (isinstance(rank, int) and rank > 0 and isinstance(alpha, int | float) and math.isfinite(alpha)):
        raise CheckpointError(f"{adapter}: adapter_config.json has r {rank!r} and lora_alpha {alpha!r}")
    return float(alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank)
