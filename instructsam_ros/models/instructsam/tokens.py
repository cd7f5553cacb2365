"""Ids of the tokens that structure prompt and answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instructsam_ros.errors import ConfigError

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
_REGION_KEY = "region_token_index"


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
            raise ValueError("eos lists no id; a model could never end its answer")

    def pairs(self) -> list[tuple[str, int]]:
        """Name and id of every token that there is; ``eos`` once for each of its ids."""
        single = [(name, value) for name, value in vars(self).items() if type(value) is int]
        return [*single, *(("eos", end) for end in self.eos)]

    @classmethod
    def from_released(cls, config: Mapping[str, Any], eos: tuple[int, ...]) -> TokenIds:
        """Read the ids from a config.json; raise ConfigError naming every key that is missing."""
        missing = [key for key in _RELEASED_KEYS.values() if type(config.get(key)) is not int]
        if missing:
            raise ConfigError(
                f"config.json lacks {', '.join(missing)}; is this InstructSAM or its base model?"
            )
        region = config.get(_REGION_KEY)
        return cls(
            eos=eos,
            region=region if type(region) is int else None,
            **{field: int(config[key]) for field, key in _RELEASED_KEYS.items()},
        )

    def to_released(self) -> dict[str, Any]:
        """The config.json entries that ``from_released`` reads."""
        region = {} if self.region is None else {_REGION_KEY: self.region}
        return {key: getattr(self, field) for field, key in _RELEASED_KEYS.items()} | region
