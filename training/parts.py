"""Parts of a model that learn at rates of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

INSTRUCTSAM_PARTS = (
    ("embeddings", "language.model.embed_tokens."),
    ("language", "language."),
    ("merger", "image_encoder.vision_tower.merger."),
    ("vision_tower", "image_encoder.vision_tower."),
    ("pixel_tower", "image_encoder.pixel_tower."),
    ("detector", "detector."),
    ("projections", "text_hidden_fcs."),
    ("projections", "mask_hidden_fcs."),
    ("queries", "mask_queries"),
)
"""Part and prefix of its parameters; the first match counts. ``language`` is the layers of the language
model, ``vision_tower`` its image tower without the merger, ``pixel_tower`` that of SAM 3 with its pyramid."""
INSTRUCTSAM_RATES = {name: 0.0 if name == "pixel_tower" else 1.0 for name, _ in INSTRUCTSAM_PARTS}
"""Rate factors where a training file gives none."""


@dataclass(frozen=True)
class Part:
    """rate: share of the learning rate, 0 freezes. pretrained: clipped apart from other parts."""

    name: str
    rate: float
    pretrained: bool = False


def instructsam_part(parameter: str, rates: Mapping[str, float]) -> Part:
    """Return the part of a parameter of InstructSAM. Raises KeyError for a name that is in none."""
    for name, prefix in INSTRUCTSAM_PARTS:
        if parameter.startswith(prefix):
            return Part(name, rates.get(name, INSTRUCTSAM_RATES[name]), name == "pixel_tower")
    raise KeyError(parameter)


def check_rates(rates: Mapping[str, float]) -> None:
    """Raise ValueError for a part that does not exist and for a negative factor."""
    if unknown := sorted(set(rates) - set(INSTRUCTSAM_RATES)):
        raise ValueError(f"parts: no part {', '.join(unknown)}; parts are {', '.join(INSTRUCTSAM_RATES)}")
    if negative := [f"{name}: {rate}" for name, rate in rates.items() if rate < 0]:
        raise ValueError(f"parts: a rate factor must be at least 0, got {', '.join(negative)}")
