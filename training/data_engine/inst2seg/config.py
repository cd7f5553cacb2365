"""The configuration file of the Inst2Seg engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from instructsam_ros.training.data_engine.frames import FrameSettings
from instructsam_ros.training.data_engine.inst2seg.filters import FilterSettings
from instructsam_ros.training.data_engine.masks import MaskSettings
from instructsam_ros.training.data_engine.settings import Limits, Prices, VlmSettings
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class Inst2SegConfig:
    """frames: which pictures. vlm: the language model. out: a folder of its own. prompts: a file in the form
    of training/data_engine/prompts/inst2seg.yaml. questions: about each frame.
    """

    frames: FrameSettings
    vlm: VlmSettings
    out: Path
    prices: Prices = field(default_factory=Prices)
    limits: Limits = field(default_factory=Limits)
    masks: MaskSettings = field(default_factory=MaskSettings)
    filters: FilterSettings = field(default_factory=FilterSettings)
    prompts: Path | None = None
    questions: int = 8

    def __post_init__(self) -> None:
        check_range(self, 1, 40, "questions")
