"""Checkpoints in the released layout: tensor names, checks, loading and saving.

A folder holds config.json, tokenizer.json and model.safetensors, or several shards with
model.safetensors.index.json. The published 2B weights and the compact ones are read alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.models.sam3.modeling_sam3 import (
    Sam3DetrDecoder,
    Sam3GeometryEncoder,
    Sam3MaskDecoder,
    Sam3VisionModel,
)

from instructsam_ros.atomic_write import put_in_place, write_atomic
from instructsam_ros.errors import CheckpointError, ConfigError, InstructSamError
from instructsam_ros.models.common.safetensors_folder import EMBEDDING, INDEX, SINGLE, TIED_HEAD, TensorFiles
from instructsam_ros.models.common.weightless import Weightless
from instructsam_ros.models.instructsam.configuration import InstructSamConfig, folder_settings
from instructsam_ros.models.instructsam.detector import sam3_config
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.seg_token import SegTokenSam
from instructsam_ros.models.instructsam.validation import check_sizes

Shapes = dict[str, tuple[int, ...]]

# Prefixes of the released checkpoint and of our modules; the first match wins.
_PREFIXES = (
    ("model.grounding_model.model.vision_encoder.", "image_encoder.pixel_tower."),
    ("model.grounding_model.model.", "detector."),
    ("model.visual.", "image_encoder.vision_tower."),
    ("model.image_encoder.", "image_encoder."),
    ("model.language_model.", "language.model."),
    ("model.text_hidden_fcs.", "text_hidden_fcs."),
    ("model.mask_hidden_fcs.", "mask_hidden_fcs."),
    ("model.mask_queries", "mask_queries"),
)
_SIDE_FILES = ("*.json", "*.jinja", "*.txt", "LICENSE*", "NOTICE*")
_NOT_KEPT = ("config.json", "adapter_config.json", INDEX)
# What safetensors calls the kinds of numbers that no weight can have.
_UNFIT = {
    torch.bool: "BOOL",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.int32: "I32",
    torch.int64: "I64",
}


def module_name(released: str) -> str:
    """Our name of a released tensor; a name outside the layout comes back unchanged."""
    return _swap_prefix(released, _PREFIXES)


def released_name(module: str) -> str:
    """Return the released name of one of our tensors, the inverse of ``module_name``."""
    return _swap_prefix(module, tuple((ours, theirs) for theirs, ours in _PREFIXES))


def _swap_prefix(name: str, table: tuple[tuple[str, str], ...]) -> str:
    for old, new in table:
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def expected_tensors(config: InstructSamConfig) -> tuple[Shapes, Shapes]:
    """Released name -> shape of the tensors a checkpoint must hold, and of those it may hold.

    The second kind is stored by the release and read by nothing: SAM 3 parts that InstructSAM has no
    use for, and the output head, which is tied to the embedding.
    """
    required = {released_name(n): tuple(t.shape) for n, t in weightless(config).state_dict().items()}
    unused = {TIED_HEAD: required[EMBEDDING]}
    if config.image_encoder == "two_tower":
        with Weightless():
            unused |= _stored_sam_tensors(config)
    return required, {name: shape for name, shape in unused.items() if name not in required}


def _stored_sam_tensors(config: InstructSamConfig) -> Shapes:
    sam = sam3_config(config)
    parts = {
        "vision_encoder": Sam3VisionModel(sam.vision_config),
        "detr_decoder": Sam3DetrDecoder(sam.detr_decoder_config),
        "mask_decoder": Sam3MaskDecoder(sam.mask_decoder_config),
        "geometry_encoder": Sam3GeometryEncoder(sam.geometry_encoder_config),
        "text_projection": nn.Linear(sam.text_config.hidden_size, sam.detr_encoder_config.hidden_size),
    }
    return {
        f"model.grounding_model.model.{part}.{name}": tuple(tensor.shape)
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
        if "presence_" not in name
    }


@dataclass(frozen=True)
class CheckReport:
    """Every way in which tensors differ from what a model needs; each entry is one line."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """List all findings; empty when the tensors fit."""
        return (
            *(f"missing {name}" for name in self.missing),
            *(f"unexpected {name}" for name in self.unexpected),
            *(f"wrong shape {line}" for line in self.misshapen),
        )


def check_shapes(config: InstructSamConfig, found: Mapping[str, tuple[int, ...]]) -> CheckReport:
    """Compare released name -> shape with what a model of ``config`` needs."""
    required, unused = expected_tensors(config)
    known = required | unused
    return CheckReport(
        missing=tuple(sorted(set(required) - set(found))),
        unexpected=tuple(sorted(set(found) - set(known))),
        misshapen=tuple(
            f"{name}: {list(found[name])} instead of {list(known[name])}"
            for name in sorted(set(found) & set(known))
            if tuple(found[name]) != known[name]
        ),
    )


def dtype_problems(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """List the tensors that do not hold floating-point numbers, a line each."""
    return tuple(
        f"wrong dtype {name}: {_UNFIT.get(tensor.dtype, tensor.dtype)}"
        for name, tensor in sorted(tensors.items())
        if not tensor.is_floating_point()
    )


def find_problems(config: InstructSamConfig, tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Find every way in which tensors (released names) are not the weights of a model of ``config``, one line
    each. Raises ConfigError for settings that do not describe a model.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    return (
        *check_shapes(config, shapes).problems,
        *dtype_problems(tensors),
        *_head_problems(tensors),
    )


def _head_problems(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Check an output head that is stored although it is tied to the embedding."""
    head, embedding = tensors.get(TIED_HEAD), tensors.get(EMBEDDING)
    if head is None or embedding is None or torch.equal(head, embedding):
        return ()
    return (f"{TIED_HEAD} differs from {EMBEDDING}; only tied output heads exist",)


def build_model(
    config: InstructSamConfig,
    tensors: Mapping[str, Tensor],
    where: str,
    dtype: torch.dtype | None = torch.float32,
    device: torch.device | str = "cpu",
    problems: Sequence[str] = (),
) -> InstructSam:
    """Build the model of ``config`` in eval mode around tensors under their released names.

    dtype: of the weights; None leaves each tensor its own. Tensors that already have ``dtype`` and
    ``device`` are used, not copied. problems: those of the files that the tensors come from. Raises
    CheckpointError that lists them and all that ``find_problems`` finds.
    """
    if problems := (*problems, *find_problems(config, tensors)):
        raise CheckpointError(f"{where} does not fit the model it describes:\n  " + "\n  ".join(problems))
    return fill(weightless(config), tensors, where, dtype, device)


def new_model(config: InstructSamConfig) -> InstructSam:
    """Build a model of the class that its configuration asks for, with initial weights."""
    return (InstructSam if config.instance_decoding == "parallel" else SegTokenSam)(config)


def weightless(config: InstructSamConfig) -> InstructSam:
    """Build a model without memory for its weights, for ``fill``. Raises ConfigError for settings that do not
    describe one.
    """
    try:
        check_sizes(config)
        with Weightless():
            return new_model(config)
    except InstructSamError:
        raise
    except Exception as error:  # transformers raises many kinds, some its own, for settings that do not fit
        raise ConfigError(f"no model can be built as its settings describe it: {error}") from error


def fill(
    model: InstructSam,
    tensors: Mapping[str, Tensor],
    where: str,
    dtype: torch.dtype | None = torch.float32,
    device: torch.device | str = "cpu",
) -> InstructSam:
    """Give a weightless model its tensors; see ``build_model``. Parts of it may have been exchanged.

    Raises CheckpointError for tensors that are missing or cannot be weights.
    """
    wanted = {name: released_name(name) for name in model.state_dict()}
    if missing := sorted(set(wanted.values()) - set(tensors)):
        raise CheckpointError(f"{where} lacks tensors:\n  " + "\n  ".join(missing))
    if unfit := dtype_problems({name: tensors[name] for name in wanted.values()}):
        raise CheckpointError(f"{where} holds tensors that are no weights:\n  " + "\n  ".join(unfit))
    state = {ours: tensors[theirs].to(device, dtype) for ours, theirs in wanted.items()}
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:  # another shape
        raise CheckpointError(f"{where} does not fit: {error}") from None
    return model.to(device).eval()


def load_folder(
    folder: Path,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    config: InstructSamConfig | None = None,
) -> InstructSam:
    """Load a checkpoint folder, with ``config`` in place of its own if given.

    Raises CheckpointError for files that are missing, corrupt or unfit.
    """
    config = config or InstructSamConfig.from_folder(folder)
    with TensorFiles(folder) as tensors:
        try:
            return build_model(config, tensors, str(folder), dtype, device, tensors.problems)
        except CheckpointError:
            if any(folder.glob("*.onnx")):
                raise CheckpointError(
                    f"{folder} is an export for ONNX Runtime, not a whole checkpoint; load it with the "
                    "backend onnx"
                ) from None
            raise


def save_folder(
    model: InstructSam,
    folder: Path,
    tokenizer: str | None = None,
    dtype: torch.dtype | None = None,
    like: Sequence[Path] = (),
    unused: Mapping[str, Tensor] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write config.json and model.safetensors (and tokenizer.json) in the released layout.

    Each file appears complete or not at all; the weights come last, so a folder that has them has
    the rest. tokenizer: content of a tokenizer.json. dtype: of the stored weights, by default that of
    the model. like: folders whose other settings and small files, tokenizer included, are kept, later ones
    before earlier ones. unused: tensors to store besides, by their released names. metadata: to store with
    the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder_settings(*like) | model.config.to_released()
    for path in (path for origin in like for kind in _SIDE_FILES for path in sorted(origin.glob(kind))):
        if path.name not in _NOT_KEPT and path.is_file():
            write_atomic(folder / path.name, path.read_bytes())
    if tokenizer is not None:
        write_atomic(folder / "tokenizer.json", tokenizer.encode())
    write_atomic(folder / "config.json", (json.dumps(settings, indent=2) + "\n").encode())
    tensors = {
        released_name(name): tensor.to("cpu", dtype if tensor.is_floating_point() else None).contiguous()
        for name, tensor in model.state_dict().items()
    } | {name: tensor.contiguous() for name, tensor in (unused or {}).items()}
    temporary = folder / "model.safetensors.part"
    try:
        save_file(tensors, temporary, metadata={"format": "pt", **(metadata or {})})
    except SafetensorError as error:  # its own kind also for a full disk
        raise CheckpointError(f"cannot write {temporary}: {error}") from None
    temporary.chmod(0o644)  # safetensors makes files that only their owner may read
    put_in_place(temporary, folder / SINGLE)
