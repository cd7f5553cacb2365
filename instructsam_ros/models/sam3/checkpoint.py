"""SAM 3 weights: folders of the hub (facebook/sam3) and Meta's own sam3.pt, whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Sam3Config

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.common.torch_file import read_torch_file
from instructsam_ros.models.common.weightless import Weightless
from instructsam_ros.models.instructsam.checkpoint import CheckReport, dtype_problems
from instructsam_ros.models.sam3.meta_names import upstream_tensors
from instructsam_ros.models.sam3.modeling import Sam3

META_LAYER_NORM_EPS = 1e-5
"""Of the image tower in Meta's code; transformers' own default is 1e-6."""
_OTHER_PARTS = ("tracker_model.", "tracker_neck.", "adapters.")
"""Prefixes of the video model, and of what SAM3-I adds."""
_LISTED = 12
"""Tensors that an error names."""


def load_sam3(
    path: Path,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    *,
    geometry_token: bool = True,
) -> Sam3:
    """Load a folder of the hub, a file of Meta's (.pt, with a config.json beside it if it is no full-size
    model), or a folder with such a file. geometry_token: see ``Sam3``.

    Raises CheckpointError for weights that are missing, damaged or not exactly those of the model.
    """
    if path.is_file() or (path.is_dir() and meta_file(path) and not any(path.glob("model*.safetensors*"))):
        file = path if path.is_file() else meta_file(path)
        assert file is not None  # for the type checker
        config = read_config(file.parent, needed=False)
        tensors, _ = upstream_tensors(meta_tensors(file))
        return build_sam3(config, tensors, str(file), dtype, device, geometry_token=geometry_token)
    config = read_config(path)
    with TensorFiles(path) as files:
        if files.problems:
            raise CheckpointError(f"{path} is not consistent:\n  " + "\n  ".join(files.problems))
        tensors = {
            name.removeprefix("detector_model."): files[name]
            for name in files
            if not name.startswith(_OTHER_PARTS)
        }
        return build_sam3(config, tensors, str(path), dtype, device, geometry_token=geometry_token)


def meta_file(folder: Path) -> Path | None:
    """Return the .pt file of a folder that holds one; None for several or none."""
    files = sorted(folder.glob("*.pt"))
    return files[0] if len(files) == 1 else None


def read_config(folder: Path, *, needed: bool = True) -> Sam3Config:
    """Read config.json of SAM 3, alone or as the detector of its video model; where there is none and it is
    not ``needed``, the full-size configuration of Meta's code. Raises CheckpointError.
    """
    path = folder / "config.json"
    if not path.exists() and not needed:
        config = Sam3Config()
        config.vision_config.backbone_config.layer_norm_eps = META_LAYER_NORM_EPS
        return config
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        kind = values.get("model_type")
        if kind == "sam3_video":
            values = values["detector_config"]
        elif kind not in ("sam3", "sam3i"):
            raise CheckpointError(
                f"{path} is of a model of type {kind!r}, not of SAM 3; name facebook/sam3, a folder "
                "of it, or Meta's sam3.pt"
            )
        return Sam3Config(**{k: v for k, v in values.items() if k not in ("sam3i", "model_type")})
    except CheckpointError:
        raise
    except FileNotFoundError:
        raise CheckpointError(f"{folder} has no config.json; it is no folder of SAM 3") from None
    except Exception as error:  # transformers raises kinds of its own for values that do not fit
        raise CheckpointError(f"{path} is not the configuration of a SAM 3 model: {error!r}") from None


def meta_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file that torch.save has written. Raises CheckpointError for any other file."""
    content = read_torch_file(path)
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds {type(content).__name__}, not tensors by name")
    return {str(name): tensor for name, tensor in content.items() if isinstance(tensor, Tensor)}


def weightless_sam3(config: Sam3Config, *, geometry_token: bool = True) -> Sam3:
    """Build SAM 3 without memory for its weights. Raises ConfigError for settings that do not describe it."""
    try:
        with Weightless():
            return Sam3(config, geometry_token=geometry_token)
    except Exception as error:  # transformers raises many kinds
        raise ConfigError(f"no SAM 3 can be built as its settings describe it: {error}") from error


def build_sam3(
    config: Sam3Config,
    tensors: Mapping[str, Tensor],
    where: str,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    *,
    geometry_token: bool = True,
) -> Sam3:
    """Build the model in eval mode around tensors under the names of ``transformers.Sam3Model``.

    Raises CheckpointError that lists what does not fit.
    """
    model = weightless_sam3(config, geometry_token=geometry_token)
    fill(model.net, tensors, where, dtype, device)
    return model.eval()


def fill(
    module: torch.nn.Module,
    tensors: Mapping[str, Tensor],
    where: str,
    dtype: torch.dtype,
    device: torch.device | str,
) -> None:
    """Give a weightless module its tensors, in place. Raises CheckpointError that lists what does not fit."""
    check_fit(module, tensors, where)
    state = {name: tensors[name].to(device, dtype) for name in module.state_dict()}
    module.load_state_dict(state, assign=True)
    module.to(device)  # buffers that are not stored


def check_fit(module: torch.nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Raise CheckpointError unless ``tensors`` are exactly the weights of a module, by name and shape."""
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    report = CheckReport(
        missing=tuple(sorted(set(wanted) - set(found))),
        unexpected=tuple(sorted(set(found) - set(wanted))),
        misshapen=tuple(
            f"{name}: {list(found[name])} instead of {list(wanted[name])}"
            for name in sorted(set(found) & set(wanted))
            if found[name] != wanted[name]
        ),
    )
    problems = [*report.problems, *dtype_problems({n: t for n, t in tensors.items() if n in wanted})]
    if problems:
        rest = [f"and {len(problems) - _LISTED} more"] if len(problems) > _LISTED else []
        lines = "\n  ".join([*problems[:_LISTED], *rest])
        raise CheckpointError(f"{where} does not hold exactly this model{_hint(where, found)}:\n  {lines}")


def _hint(where: str, names: Mapping[str, Any]) -> str:
    if re.search(r"sam[-_ ]?3\.1", where, re.IGNORECASE) or any("multiplex" in n for n in (where, *names)):
        return (
            "; it seems to be SAM 3.1, whose video model is another one. Its file is read only where its "
            "detector is that of SAM 3; take facebook/sam3"
        )
    return ""
