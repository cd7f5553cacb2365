"""Released tensor names <-> module names."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from instructsam_ros.models.instructsam.config import InstructSamConfig
from instructsam_ros.models.instructsam.model import InstructSam

# Prefixes of the released checkpoint and of our modules; first match wins.
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


def module_name(released: str) -> str:
    """Our name of a released tensor; names outside the released layout come back unchanged."""
    for theirs, ours in _PREFIXES:
        if released.startswith(theirs):
            return ours + released[len(theirs) :]
    return released


def released_name(module: str) -> str:
    """The released name of one of our tensors, the inverse of ``module_name``."""
    for theirs, ours in _PREFIXES:
        if module.startswith(ours):
            return theirs + module[len(ours) :]
    return module


def load_state(config: InstructSamConfig, tensors: Mapping[str, Tensor], where: str) -> InstructSam:
    """Build the model of ``config`` around tensors under their released names, without a copy."""
    model = InstructSam(config)
    model.load_state_dict({module_name(n): t for n, t in tensors.items() if module_name(n) in model.state_dict()})
    return model.eval()
