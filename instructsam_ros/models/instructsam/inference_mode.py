"""Differences between the released inference code and the training procedure.

The published checkpoint is evaluated with code that differs from the procedure it was trained
with. Both are supported by name: RELEASED reproduces the published numbers, PAPER runs a model
the way it was trained, which is right for every model that this package trains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from instructsam_ros.errors import ConfigError
from instructsam_ros.yaml_config import build


@dataclass(frozen=True)
class InferenceMode:
    """One option per difference.

    positions: "text" counts every token, image tokens too, in one dimension; "grid" gives image
        tokens their row and column (M-RoPE), as in training.
    block_offset: added to the positions of a query block; 1 repeats the released off-by-one.
    queries_see_mask_end: whether mask queries attend to the end marker that follows them.
    phrase_markers: whether a phrase embedding includes its start and end markers.
    last_sample_decides: whether the last sample of a training batch decides for all of them if the
        mask and score losses count.
    weights_twice: whether mask losses are weighted in their criteria and again in their sum.
    box_rows_from_channels: whether the row projection of the box loss runs over the channel axis,
        which makes it compare every pixel instead of the rows.
    hybrid_attention: whether the mask queries of a phrase attend to each other in both directions.
    phrase_conditioning: whether the detector reads the phrase. Both are for ablations of the design (arXiv
        2605.26102); the model is trained and run with the same value.
    """

    positions: Literal["text", "grid"]
    block_offset: int
    queries_see_mask_end: bool
    phrase_markers: bool
    last_sample_decides: bool
    weights_twice: bool
    box_rows_from_channels: bool
    hybrid_attention: bool = True
    phrase_conditioning: bool = True


RELEASED = InferenceMode(
    positions="text",
    block_offset=1,
    queries_see_mask_end=True,
    phrase_markers=True,
    last_sample_decides=True,
    weights_twice=True,
    box_rows_from_channels=True,
)
PAPER = InferenceMode(
    positions="grid",
    block_offset=0,
    queries_see_mask_end=False,
    phrase_markers=False,
    last_sample_decides=False,
    weights_twice=False,
    box_rows_from_channels=False,
)
PRESETS = {"released": RELEASED, "paper": PAPER}


def read_inference_mode(value: str | Mapping[str, Any]) -> InferenceMode:
    """Read a preset by name, or a mapping with ``preset`` and the choices that differ from it, such as
    {"preset": "released", "block_offset": 0}. Raises ConfigError for anything else.
    """
    if not isinstance(value, str | Mapping):
        raise ConfigError(f"inference_mode: expected a preset or a mapping, got {value!r}")
    changes = {"preset": value} if isinstance(value, str) else dict(value)
    name = changes.pop("preset", None)
    if name not in PRESETS:
        raise ConfigError(f"inference_mode: preset {name!r} is not one of {', '.join(PRESETS)}")
    return build(InferenceMode, vars(PRESETS[name]) | changes, "inference_mode")
