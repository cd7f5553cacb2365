"""Masks that follow their objects from frame to frame without the segmentation model."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.types import check_rgb

OPTICAL_FLOW = "optical_flow"


@dataclass(frozen=True, eq=False)
class PropagatedMask:
    """mask: bool [H, W], never empty. confidence: 0..1, that it still lies on its object."""

    mask: NDArray[np.bool_]
    confidence: float


class MaskPropagator(Protocol):
    """Propagation of instance masks through a stream of frames of one size.

    Of frames it keeps a fixed number at most, however long the stream is. Not thread-safe.
    """

    def start(
        self,
        rgb: NDArray[np.uint8],
        masks: Sequence[NDArray[np.bool_]],
        ids: Sequence[int],
        depth: NDArray[np.float32] | None = None,
    ) -> None:
        """Begin anew with the masks of a frame; what was followed before is forgotten.

        rgb: uint8 [H, W, 3]. masks: bool [H, W] each, with an id each. depth: metres [H, W], NaN where there
        is no reading. Raises InvalidInputError for what does not fit together.
        """

    def follow(
        self, rgb: NDArray[np.uint8], depth: NDArray[np.float32] | None = None
    ) -> Mapping[int, PropagatedMask]:
        """Return the masks in the next frame by id; they do not overlap.

        An id that is missing is lost in this frame: it left the image, is hidden, or cannot be told any more.
        Raises InvalidInputError for a frame of another size, or before ``start``.
        """


def load_propagator(name: str = OPTICAL_FLOW, *, device: str = "auto") -> MaskPropagator:
    """Make a propagator: "optical_flow", or by name or folder the SAM 3 whose tracker is to follow.

    Raises CheckpointError for unusable weights and ConfigError for an unusable device.
    """
    # Imported by name, so that torch is needed only where it is used.
    if name == OPTICAL_FLOW:
        module = importlib.import_module("instructsam_ros.tracking.optical_flow")
        propagator: MaskPropagator = module.OpticalFlowPropagator()
    else:
        module = importlib.import_module("instructsam_ros.models.sam3.mask_propagator")
        propagator = module.load(name, device)
    return propagator


def check_start(rgb: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]], ids: Sequence[int]) -> None:
    """Raise InvalidInputError for arguments of ``start`` that do not fit together."""
    check_rgb(rgb)
    if len(masks) != len(ids) or len(set(ids)) != len(ids):
        raise InvalidInputError(f"{len(masks)} masks need as many different ids, got {list(ids)}")
    for number, mask in zip(ids, masks, strict=True):
        if mask.dtype != bool or mask.shape != rgb.shape[:2]:
            raise InvalidInputError(
                f"mask {number} is {mask.dtype} {mask.shape}; expected bool {rgb.shape[:2]}, the image's size"
            )


def check_next(rgb: NDArray[np.uint8], size: tuple[int, int] | None) -> None:
    """Raise InvalidInputError unless a frame can follow one of a size (H, W), None before ``start``."""
    check_rgb(rgb)
    if size is None:
        raise InvalidInputError("there is nothing to follow yet: call start with the masks of a frame first")
    if rgb.shape[:2] != size:
        raise InvalidInputError(f"the frame is {rgb.shape[:2]} but the one before was {size} (H, W)")
