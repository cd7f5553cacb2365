"""SAM3-I weights: the authors' checkpoints by name, and folders of this package."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from transformers import Sam3Config

from instructsam_ros.atomic_write import put_in_place, write_atomic
from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.common.safetensors_folder import SINGLE, TensorFiles
from instructsam_ros.models.common.weightless import Weightless
from instructsam_ros.models.sam3.checkpoint import fill, load_sam3, meta_file, meta_tensors, read_config
from instructsam_ros.models.sam3.meta_names import RULES, Rules, upstream_tensors
from instructsam_ros.models.sam3.modeling import Sam3
from instructsam_ros.models.sam3i.configuration import RELEASED, Sam3IConfig, read_adapter_config
from instructsam_ros.models.sam3i.initialization import Initialization, initialise
from instructsam_ros.models.sam3i.modeling import Sam3I

ADAPTERS = "adapters."
"""Prefix of the adapters' tensors in folders of this package; the others have the names of SAM 3."""
_SIDE_FILES = ("tokenizer.json", "vocab.json", "merges.txt", "*.txt.gz", "LICENSE*", "NOTICE*")
_SHARED_PROJECTORS = ("complex_query_proj.", "concept_proj.")
_DUPLICATE_TEXT_TOWER = "backbone.text."
_BLOCKS = r"^backbone\.language_backbone\.encoder\.transformer\.resblocks\.(\d+)\."
_MEMBERS = {"adapter1": "simple", "adapter12": "simple_copy", "adapter2": "complex"}

ADAPTER_RULES: Rules = (
    *(
        (rf"{_BLOCKS}{theirs}\.", rf"adapters.text.\1.{ours}.")
        for theirs, ours in _MEMBERS.items()
    ),
    *(
        (rf"^transformer\.(encoder|decoder)\.layers\.(\d+)\.{theirs}\.", rf"adapters.\1.\2.{ours}.")
        for theirs, ours in _MEMBERS.items()
    ),
    (r"^segmentation_head\.mask_predictor_adapter1\.mask_embed\.", "adapters.mask_embedders.simple."),
    (r"^segmentation_head\.mask_predictor_adapter2\.mask_embed\.", "adapters.mask_embedders.complex."),
    (r"^(simple|complex)_query_proj\.", r"adapters.projectors.\1."),
    (r"^concept_proj\.", "adapters.projectors.concept."),
)  # fmt: skip

logger = logging.getLogger(__name__)


def load_sam3i(
    path: Path,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    *,
    geometry_token: bool = True,
) -> Sam3I:
    """Load a folder that ``save_folder`` has written, or a checkpoint of the authors (.pt, or a folder with
    one). Raises CheckpointError for weights that are missing, damaged or not exactly those of the model.
    """
    if path.is_file() or (path.is_dir() and meta_file(path) and not (path / SINGLE).exists()):
        file = path if path.is_file() else meta_file(path)
        assert file is not None  # for the type checker
        tensors, config = authors_tensors(meta_tensors(file), str(file))
        sam = read_config(file.parent, needed=False)
        return build_sam3i(sam, config, tensors, str(file), dtype, device, geometry_token=geometry_token)
    sam = read_config(path)
    values = json.loads((path / "config.json").read_text(encoding="utf-8")).get("sam3i")
    if values is None:
        raise CheckpointError(
            f"{path} is SAM 3 without adapters: take the backend sam3, or train adapters (docs/backends.md)"
        )
    with TensorFiles(path) as files:
        tensors = {(name if name.startswith(ADAPTERS) else f"net.{name}"): files[name] for name in files}
        config = read_adapter_config(values)
        return build_sam3i(sam, config, tensors, str(path), dtype, device, geometry_token=geometry_token)


def authors_tensors(
    tensors: Mapping[str, Tensor], where: str, config: Sam3IConfig = RELEASED
) -> tuple[dict[str, Tensor], Sam3IConfig]:
    """Rename the tensors of an authors' checkpoint to those of Sam3I, and complete the configuration by what
    they show: the width of the adapters, and which projectors there are.

    Their second, unused text tower is left out, which is logged. Raises CheckpointError for a file without
    adapters.
    """
    tensors = {name.removeprefix("detector."): tensor for name, tensor in tensors.items()}
    ignored = [name for name in tensors if name.startswith(_DUPLICATE_TEXT_TOWER)]
    if ignored:
        logger.warning(
            "%s: %d tensors of a second text tower, which nothing reads, are ignored", where, len(ignored)
        )
    kept = {name: tensor for name, tensor in tensors.items() if name not in set(ignored)}
    downs = [tensor for name, tensor in kept.items() if re.search(r"\.adapter1\.down_proj\.weight$", name)]
    if not downs:
        raise CheckpointError(f"{where} holds no adapters of SAM3-I; load SAM 3 with the backend sam3")
    shared = _projectors_are_shared(kept)
    projector: Literal["shared", "separate", "none"] = "none"
    if shared is not None:
        projector = "shared" if shared else "separate"
    if shared:
        kept = {name: tensor for name, tensor in kept.items() if not name.startswith(_SHARED_PROJECTORS)}
    renamed, _ = upstream_tensors(kept, (*ADAPTER_RULES, *RULES), whole=ADAPTERS)
    if shared:
        renamed = {n.replace(".projectors.simple.", ".projectors.shared."): t for n, t in renamed.items()}
    renamed = {(n if n.startswith(ADAPTERS) else f"net.{n}"): tensor for n, tensor in renamed.items()}
    return renamed, replace(config, bottleneck=len(downs[0]), projector=projector)


def build_sam3i(
    sam: Sam3Config,
    config: Sam3IConfig,
    tensors: Mapping[str, Tensor],
    where: str,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    *,
    geometry_token: bool = True,
) -> Sam3I:
    """Build the model in eval mode around tensors under its own names. Raises CheckpointError."""
    model = weightless_sam3i(sam, config, geometry_token=geometry_token)
    fill(model, tensors, where, dtype, device)
    return model.eval()


def weightless_sam3i(sam: Sam3Config, config: Sam3IConfig, *, geometry_token: bool = True) -> Sam3I:
    """Build the model without memory for its weights. Raises ConfigError for unfit settings."""
    try:
        with Weightless():
            return Sam3I(sam, config, geometry_token=geometry_token)
    except Exception as error:  # transformers raises many kinds
        raise ConfigError(f"no SAM3-I can be built as its settings describe it: {error}") from error


def add_adapters(
    path: Path, config: Sam3IConfig, start: Initialization = "learnable", *, geometry_token: bool = True
) -> Sam3I:
    """Load SAM 3 in float32 and add fresh adapters, with which all routes answer as it does. Raises
    CheckpointError.
    """
    base = load_sam3(path, geometry_token=geometry_token)
    model = Sam3I(base.net.config, config, geometry_token=geometry_token)
    model.net = base.net
    initialise(model, start)
    return model


def save_folder(model: Sam3, folder: Path, like: Path | None = None) -> None:
    """Write config.json, the weights, and the tokenizer and licences of ``like``. Each file appears complete
    or not at all. Raises CheckpointError where it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in (path for kind in _SIDE_FILES for path in (sorted(like.glob(kind)) if like else ())):
        write_atomic(folder / path.name, path.read_bytes())
    settings = model.net.config.to_dict()
    if isinstance(model, Sam3I):
        settings |= {"model_type": "sam3i", "sam3i": asdict(model.config)}
    write_atomic(folder / "config.json", (json.dumps(settings, indent=2) + "\n").encode())
    tensors = {
        name.removeprefix("net."): t.detach().cpu().contiguous() for name, t in model.state_dict().items()
    }
    temporary = folder / f"{SINGLE}.part"
    try:
        save_file(tensors, temporary, metadata={"format": "pt"})
    except SafetensorError as error:  # its own kind also for a full disk
        raise CheckpointError(f"cannot write {temporary}: {error}") from None
    temporary.chmod(0o644)
    put_in_place(temporary, folder / SINGLE)


def _projectors_are_shared(tensors: Mapping[str, Tensor]) -> bool | None:
    """Return whether the projectors of all routes hold the same numbers; None where there are none."""
    simple = {
        n.removeprefix("simple_query_proj."): t
        for n, t in tensors.items()
        if n.startswith("simple_query_proj.")
    }
    if not simple:
        return None
    others = [f"{prefix}{leaf}" for prefix in _SHARED_PROJECTORS for leaf in simple]
    return all(
        name not in tensors or torch.equal(tensors[name], simple[name.partition(".")[2]]) for name in others
    )
