"""Everything that decides what an InstructSAM model is made of and how it answers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.git_lfs import explained
from instructsam_ros.models.instructsam.inference_mode import InferenceMode, read_inference_mode
from instructsam_ros.yaml_config import build, check_range, rename_keys

QWEN_PROMPT = (
    "<|im_start|>user\n<|vision_start|>{image}<|vision_end|>{instruction}<|im_end|>\n<|im_start|>assistant\n"
)
RELEASED_SUFFIX = " Please output the segmentation mask."
_HALVES = [0.5, 0.5, 0.5]
IMAGE_PLACE, INSTRUCTION_PLACE = "{image}", "{instruction}"

# Ours <-> config.json, for values that both hold alike. The first block is the released layout;
# the second is what this package adds so that a folder describes itself.
_JSON_KEYS = {
    "language": "text_config",
    "vision": "vision_config",
    "num_queries": "max_seg_nums",
    "out_dim": "out_dim",
    "sam": "sam_config",
    "image_encoder": "image_encoder",
    "detector": "detector",
    "inference_mode": "inference_mode",
    "instance_decoding": "instance_decoding",
    "prompt": "prompt",
    "instruction_suffix": "instruction_suffix",
    "score_threshold": "score_threshold",
    "presence_threshold": "presence_threshold",
    "nms_iou_threshold": "nms_iou_threshold",
    "selection_score_gain": "selection_score_gain",
    "max_new_tokens": "max_new_tokens",
}
_TWO_TOWER_KEYS = {"min_pixels": "min_pixels", "max_pixels": "max_pixels"}


@dataclass(frozen=True)
class InstructSamConfig:
    """Parts, sizes, tokens and procedure of one model.

    image_encoder: "two_tower" (Qwen3-VL vision and the SAM 3 ViT) or "pyramid" (one small CNN).
    detector: "sam3", or "pointer" for the variant that trains on a small budget.
    language: keyword arguments of transformers' Qwen3VLTextConfig.
    vision: of Qwen3VLVisionConfig for "two_tower", of PyramidConfig for "pyramid".
    sam: of Sam3Config; the defaults there are those of facebook/sam3.
    tokens: ids of the structuring tokens.
    num_queries: mask queries, hence the most instances of one phrase.
    out_dim: width of phrase embeddings and queries in the detector.
    inference_mode: "released", "paper" or a variant; see ``read_inference_mode``.
    instance_decoding: "parallel" reads a block of mask queries after each phrase; "autoregressive" writes one
    [SEG] token per instance ("pointer" only, see SegTokenSam).
    prompt: chat template with {image} before {instruction}. instruction_suffix: appended to every
    instruction. score_threshold: instances must score higher. presence_threshold: the best instance of a
    frame must score higher, or there are none; 0 disables the test. nms_iou_threshold: an instance is
    removed if its mask overlaps that of a higher-scoring instance of its phrase by a larger IoU; 1 keeps
    all, as released. selection_score_gain: added at inference to the weight of the selection logits in the
    scores ("pointer" only, see PointerReadout).
    max_new_tokens: longest generation. min_pixels, max_pixels: area of an image at the input of the Qwen3-VL
    vision tower ("two_tower" only); by default the limits of its image processor.
    """

    RENAMED_KEYS: ClassVar[Mapping[str, str]] = {
        "behaviour": "inference_mode",
        "duplicate_iou": "nms_iou_threshold",
        "choice_gain": "selection_score_gain",
    }

    language: dict[str, Any]
    vision: dict[str, Any]
    sam: dict[str, Any]
    tokens: TokenIds
    image_encoder: Literal["two_tower", "pyramid"] = "two_tower"
    detector: Literal["sam3", "pointer"] = "sam3"
    num_queries: int = 10
    out_dim: int = 256
    inference_mode: str | dict[str, Any] = "released"
    instance_decoding: Literal["parallel", "autoregressive"] = "parallel"
    prompt: str = QWEN_PROMPT
    instruction_suffix: str = ""
    score_threshold: float = 0.3
    presence_threshold: float = 0.0
    nms_iou_threshold: float = 1.0
    selection_score_gain: float = 0.0
    max_new_tokens: int = 256
    min_pixels: int = 256 * 256
    max_pixels: int = 4096 * 4096

    def __post_init__(self) -> None:
        image, instruction = self.prompt.find(IMAGE_PLACE), self.prompt.find(INSTRUCTION_PLACE)
        if not 0 <= image < instruction:
            raise ValueError(f"prompt must hold {IMAGE_PLACE} before {INSTRUCTION_PLACE}: {self.prompt!r}")
        if not self.language.get("tie_word_embeddings", True):
            raise ValueError("language.tie_word_embeddings is false; only tied output heads exist")
        if self.instance_decoding == "autoregressive" and self.detector != "pointer":
            raise ValueError("instance_decoding: autoregressive needs detector: pointer")
        if self.num_queries < 1:
            raise ValueError(f"num_queries (max_seg_nums) must be at least 1, got {self.num_queries}")
        check_range(self, 1, math.inf, "out_dim", "max_new_tokens", "min_pixels")
        check_range(self, self.min_pixels, math.inf, "max_pixels")
        check_range(self, 0, 1, "score_threshold", "presence_threshold", "nms_iou_threshold")
        check_range(self, 0, 100, "selection_score_gain")
        read_inference_mode(self.inference_mode)
        if not isinstance(self.language.get("hidden_size"), int):
            raise ValueError("language (text_config) names no hidden_size")
        words = self.language.get("vocab_size")
        if not isinstance(words, int):
            raise ValueError("language (text_config) names no vocab_size")
        for name, value in self.tokens.pairs():
            if not 0 <= value < words:
                raise ValueError(f"the id of {key_of(name)} is {value}, and there are only {words} words")
        rope = self.language.get("rope_parameters")
        places = (self.language, rope if isinstance(rope, Mapping) else {})
        if all(place.get("rope_theta") is None for place in places):  # transformers has a value of its own
            raise ValueError("language (text_config) names no rope_theta, nor do its rope_parameters")

    @property
    def mode(self) -> InferenceMode:
        """Inference mode named by ``inference_mode``; [SEG] tokens that are written attend to none after."""
        mode = read_inference_mode(self.inference_mode)
        return mode if self.instance_decoding == "parallel" else replace(mode, hybrid_attention=False)

    @property
    def one_phrase(self) -> bool:
        """Whether it answers with one phrase also where an instruction names several kinds, as the compact
        model was trained to; the 2B model writes a phrase for each.
        """
        return self.image_encoder == "pyramid"

    @property
    def hidden_size(self) -> int:
        """Width of the language model."""
        return int(self.language["hidden_size"])

    @classmethod
    def from_released(cls, config: Mapping[str, Any], where: str = "config.json") -> InstructSamConfig:
        """Read a config.json in the released layout, with or without this package's additions."""
        config = rename_keys(config, cls.RENAMED_KEYS, where)
        keys = _JSON_KEYS | _TWO_TOWER_KEYS
        values = {ours: config[theirs] for ours, theirs in keys.items() if theirs in config}
        for section in ("text_config", "vision_config"):
            if not isinstance(config.get(section), Mapping):
                raise ConfigError(f"{where}: no {section}; is this an InstructSAM checkpoint?")
        if "sam_config" not in config:  # as published: the sizes of facebook/sam3
            values["sam"] = {}
            values.setdefault("instruction_suffix", RELEASED_SUFFIX)
        if not config.get("tie_word_embeddings", True):
            raise ConfigError(f"{where}: tie_word_embeddings is false; only tied output heads exist")
        tokens = TokenIds.from_released(config, where)
        return build(cls, {**values, "tokens": vars(tokens)}, where, keys)

    def to_released(self) -> dict[str, Any]:
        """Return the config.json of a checkpoint folder; ``from_released`` reads it back unchanged."""
        keys = _JSON_KEYS | (_TWO_TOWER_KEYS if self.image_encoder == "two_tower" else {})
        return {
            "architectures": ["InstructSAMForConditionalGeneration"],
            "model_type": "qwen3_vl",
            "tie_word_embeddings": True,
            **self.tokens.to_released(),
            **{theirs: getattr(self, ours) for ours, theirs in keys.items()},
        }

    @classmethod
    def from_folder(cls, folder: Path, *over: Path) -> InstructSamConfig:
        """Read the config.json of a checkpoint folder; see ``folder_settings``."""
        return cls.from_released(folder_settings(folder, *over), str(folder / "config.json"))


def folder_settings(*folders: Path) -> dict[str, Any]:
    """Merge the config.json of all folders that have one, key by key; later ones win.

    What it does not say is taken from generation_config.json (the ids that end an answer) and from
    preprocessor_config.json or processor_config.json (the limits of an image's size).
    """
    settings: dict[str, Any] = {}
    for folder in folders:
        if folder == folders[0] or (folder / "config.json").exists():
            path = folder / "config.json"
            settings |= rename_keys(read_json(path), InstructSamConfig.RENAMED_KEYS, str(path))
        if (folder / "generation_config.json").exists():
            ends = read_json(folder / "generation_config.json").get("eos_token_id")
            if settings.get("eos_token_id") is None and ends is not None:
                settings["eos_token_id"] = ends
        for name in ("preprocessor_config.json", "processor_config.json"):
            if (folder / name).exists():
                settings = _pixel_limits(folder / name) | settings
    return settings


def _pixel_limits(path: Path) -> dict[str, Any]:
    """Read the limits in any form of transformers, in version 5 also from a part of processor_config.json.

    Raises CheckpointError for another normalisation than that of Qwen3-VL.
    """
    processor = read_json(path)
    if path.name == "processor_config.json":
        part = processor.get("image_processor")
        processor = part if isinstance(part, dict) else {}
    for name in ("image_mean", "image_std"):
        if processor.get(name, _HALVES) != _HALVES:
            raise CheckpointError(f"{path}: {name} is {processor[name]}; only {_HALVES} is supported")
    size = processor.get("size")
    size = size if isinstance(size, dict) else {}
    limits = {
        "min_pixels": size.get("shortest_edge", processor.get("min_pixels")),
        "max_pixels": size.get("longest_edge", processor.get("max_pixels")),
    }
    return {name: value for name, value in limits.items() if value is not None}


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of a checkpoint folder that holds a mapping; raises CheckpointError for any other."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; a checkpoint folder needs it") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not valid JSON: {explained(path, error)}") from None
    if not isinstance(data, dict):
        raise CheckpointError(f"{path} holds a {type(data).__name__} instead of a mapping")
    return data


# Field -> key in the released config.json. They are read, never assumed: the added tokens get
# their ids from the order in which training added them.
_RELEASED_KEYS = {
    "image": "image_token_id",
    "vision_start": "vision_start_token_id",
    "vision_end": "vision_end_token_id",
    "seg": "seg_token_index",
    "mask_start": "seg_start_token_index",
    "mask_end": "seg_end_token_index",
    "ref_start": "ref_start_token_index",
    "ref_end": "ref_end_token_index",
}
_REGION_KEY, _EOS_KEY = "region_token_index", "eos_token_id"


@dataclass(frozen=True)
class TokenIds:
    """``<|image_pad|>``, ``<|vision_start|>``, ... as numbers.

    An answer reads ``ref_start phrase ref_end mask_start seg*Q mask_end``; ``seg`` only marks places
    whose embedding the mask queries replace. ``eos`` lists every id that ends an answer. Nothing here reads
    ``region``; a folder that names it is written with it again, for the authors' code.
    """

    image: int
    vision_start: int
    vision_end: int
    seg: int
    mask_start: int
    mask_end: int
    ref_start: int
    ref_end: int
    eos: tuple[int, ...]
    region: int | None = None

    def __post_init__(self) -> None:
        if not self.eos:
            raise ValueError(f"eos ({_EOS_KEY}) lists no id; a model could never end its answer")
        names: dict[int, str] = {}
        for name, value in self.pairs():
            if name != "region" and names.setdefault(value, name) != name:
                both = " and ".join(map(key_of, (names[value], name)))
                raise ValueError(f"{both} are both {value}; every token needs an id of its own")

    def pairs(self) -> list[tuple[str, int]]:
        """Name and id of every token that there is; ``eos`` once for each of its ids."""
        single = [(name, value) for name, value in vars(self).items() if type(value) is int]
        return [*single, *(("eos", end) for end in self.eos)]

    @classmethod
    def from_released(cls, config: Mapping[str, Any], where: str = "config.json") -> TokenIds:
        """Read the ids from a config.json; raise ConfigError naming every key that is missing."""
        missing = [key for key in _RELEASED_KEYS.values() if type(config.get(key)) is not int]
        if missing:
            raise ConfigError(f"{where} lacks {', '.join(missing)}; is this InstructSAM or its base model?")
        eos = config.get(_EOS_KEY)
        if eos is None:
            eos = config["text_config"].get(_EOS_KEY)
        ends = eos if isinstance(eos, list) else [eos]
        if not all(type(end) is int for end in ends):
            raise ConfigError(f"{where}: {_EOS_KEY} is {eos!r} instead of the ids that end an answer")
        region = config.get(_REGION_KEY)
        ids = {field: config[key] for field, key in _RELEASED_KEYS.items()}
        return build(cls, ids | {"eos": ends, "region": region if type(region) is int else None}, where)

    def to_released(self) -> dict[str, Any]:
        """Return the config.json entries that ``from_released`` reads."""
        region = {} if self.region is None else {_REGION_KEY: self.region}
        ids = {key: getattr(self, field) for field, key in _RELEASED_KEYS.items()}
        return {**ids, **region, _EOS_KEY: list(self.eos)}


def key_of(name: str) -> str:
    """Return a token's name with its key in config.json, for errors."""
    keys = {**_RELEASED_KEYS, "region": _REGION_KEY, "eos": _EOS_KEY}
    return f"{name} ({keys[name]})"
