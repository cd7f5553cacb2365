"""InstructSAM with one [SEG] token per instance behind the Segmenter contract: a baseline to compare with."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from instructsam_ros.backends.instructsam import set_threshold
from instructsam_ros.backends.pointer_prompts import PointerSegmenter
from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common.device import Precision, check_threads, torch_device, torch_dtype
from instructsam_ros.models.common.hub import checkpoint_folder
from instructsam_ros.models.cpu.free_threads import FreeThreads
from instructsam_ros.models.cpu.optimize import optimize_for_cpu
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.generation import Generation
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.process_defaults import FREE_THREADS


@dataclass(frozen=True)
class SegTokenSegmenter(PointerSegmenter):
    """InstructSamSegmenter around a SegTokenSam. Scores are above 0.5: lower ones were not written."""

    name: str = "seg_token"

    def _incomplete(self, generation: Generation) -> str:
        config = self.model.config
        if generation.ids.count(config.tokens.seg) > config.num_queries:
            return f"was cut off after {config.num_queries} instances (num_queries)"
        return super()._incomplete(generation)


def load(
    model: str,
    device: str,
    *,
    dtype: Precision = "auto",
    threads: int | None = None,
    score_threshold: float | None = None,
    cpu_optimizations: bool = True,
) -> SegTokenSegmenter:
    """Load the export of a training with ``objective: seg_token``; options as of the backend instructsam.

    Raises CheckpointError for unusable weights, and ConfigError for an unusable device or option and for
    weights of another kind.
    """
    if threads is not None:
        check_threads(threads, 1)
        torch.set_num_threads(threads)
    target = torch_device(device)
    folder = checkpoint_folder(model)
    config = InstructSamConfig.from_folder(folder)
    if config.instance_decoding != "autoregressive":
        raise ConfigError(f"{folder} writes no [SEG] tokens; load it with the backend instructsam")
    loaded = load_folder(folder, torch_dtype(dtype, target), target, config)
    if cpu_optimizations:
        optimize_for_cpu(loaded)
    set_threshold(loaded, score_threshold)
    return SegTokenSegmenter(
        loaded,
        PromptTokenizer.from_folder(folder, config),
        free_threads=FreeThreads() if threads is None and os.environ.get(FREE_THREADS) == "free" else None,
    )
