"""SAM3-I behind the Segmenter contract: SAM 3 that reads instructions, by one of three routes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from instructsam_ros.backends.sam3 import (
    GRID,
    EncodedPicture,
    Sam3Segmenter,
    check_grid,
    check_threshold,
    lazy_tracker,
    model_path,
    split_phrases,
    tokenizer_folder,
)
from instructsam_ros.models.common.device import Precision, check_threads, torch_device, torch_dtype
from instructsam_ros.models.sam3.postprocessing import SCORE_THRESHOLD
from instructsam_ros.models.sam3.tokenizer import ClipTokenizer
from instructsam_ros.models.sam3i.checkpoint import load_sam3i
from instructsam_ros.models.sam3i.modeling import Route, Sam3I
from instructsam_ros.models.sam3i.router import RouteName, Router, check_route
from instructsam_ros.segmenter import Cancel
from instructsam_ros.types import Segmentation, check_instruction


@dataclass(frozen=True)
class Sam3ISegmenter(Sam3Segmenter):
    """Segmenter around SAM3-I; see Segmenter for the contract.

    route: of all instructions; None lets the router decide on each. The answer's text begins with the route
    that ran, such as "[simple] the mug left of the bowl". ";" separates phrases on the concept route only.
    """

    model: Sam3I
    name: str = "sam3i"
    route: RouteName | None = None

    @torch.inference_mode()
    def segment(
        self,
        features: EncodedPicture,
        instruction: str,
        *,
        previous: Segmentation | None = None,
        cancel: Cancel | None = None,
        route: RouteName | None = None,
    ) -> Segmentation:
        """Answer an instruction; see Segmenter.segment. route: replaces that of the segmenter and the
        router's. ``previous`` is not used. Raises ConfigError for a route that does not exist.
        """
        text = check_instruction(instruction)
        chosen = check_route(route or self.route or "auto") or self._decide(text)
        adaptation = self.model.adaptation(Route[chosen.upper()])
        phrases = split_phrases(text) if chosen == "concept" else (text,)
        return self.answer(features, phrases, adaptation, cancel=cancel, remark=f"[{chosen}] ")

    def _decide(self, text: str) -> RouteName:
        """Concept if that is what every phrase between ";" is."""
        phrases = split_phrases(text)
        if all(self.router(phrase).route == "concept" for phrase in phrases):
            return "concept"
        return self.router(text).route


def load(
    model: str,
    device: str,
    *,
    dtype: Precision = "auto",
    threads: int | None = None,
    revision: str | None = None,
    offline: bool = False,
    score_threshold: float = SCORE_THRESHOLD,
    geometry_token: bool = True,
    route: str = "auto",
    tracker: str | None = None,
    grid: int = GRID,
) -> Sam3ISegmenter:
    """Load a folder of this package's training, or the authors' checkpoint (.pt, or a folder with it).

    A .pt file needs the tokenizer of SAM 3 in its folder, and a config.json only where the model is not of
    full size. device ... grid: as in the backend sam3, whose tracker clicks need. route: auto, concept,
    simple or complex, for all instructions. Raises CheckpointError for unusable weights and ConfigError for
    an unusable option.
    """
    if threads is not None:
        check_threads(threads, 1)
        torch.set_num_threads(threads)
    fixed, threshold, grid = check_route(route), check_threshold(score_threshold), check_grid(grid)
    target = torch_device(device)
    path = model_path(model, revision, offline)
    loaded = load_sam3i(path, torch_dtype(dtype, target), target, geometry_token=geometry_token)
    tokenizer = ClipTokenizer.from_folder(tokenizer_folder(path))
    clicks = lazy_tracker(tracker, path, loaded, revision, offline)
    return Sam3ISegmenter(
        loaded, tokenizer, Router.shipped(), threshold, tracker=clicks, grid=grid, route=fixed
    )
