"""Ids of the tokens that structure prompt and answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instructsam_ros.errors import ConfigError
from instructsam_ros.yaml_config import build

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
        """The config.json entries that ``from_released`` reads."""
        region = {} if self.region is None else {_REGION_KEY: self.region}
        ids = {key: getattr(self, field) for field, key in _RELEASED_KEYS.items()}
        return {**ids, **region, _EOS_KEY: list(self.eos)}


def key_of(name: str) -> str:
    """A token's name as an error gives it: with its key in config.json."""
    keys = {**_RELEASED_KEYS, "region": _REGION_KEY, "eos": _EOS_KEY}
    return f"{name} ({keys[name]})"
