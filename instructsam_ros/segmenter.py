"""The one contract that every backend keeps, and the registry that finds them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instructsam_ros.errors import CancelledError, ConfigError
from instructsam_ros.types import Segmentation
from instructsam_ros.yaml_config import rename_keys

Cancel = Callable[[], bool]


@runtime_checkable
class Segmenter(Protocol):
    """Instruction-driven instance segmentation.

    Objects hold no state between calls and may be used from several threads. "No target" is a
    normal answer (Status.NO_TARGET); any failure is an InstructSamError, never an empty list.
    """

    @property
    def name(self) -> str:
        """Name in logs and reports."""

    def encode(self, rgb: NDArray[np.uint8]) -> Any:
        """Image features of a uint8 [H, W, 3] RGB image, independent of any instruction."""

    def segment(
        self,
        features: Any,
        instruction: str,
        *,
        previous: Segmentation | None = None,
        cancel: Cancel | None = None,
    ) -> Segmentation:
        """Segment an encoded image by an instruction.

        previous: the answer of the last frame of a stream with the same instruction; it may only
        make the call faster, and changes the result by rounding at most (observed in bfloat16). cancel:
        polled between steps; when it returns True the call raises CancelledError.
        """

    def segment_image(self, rgb: NDArray[np.uint8], instruction: str) -> Segmentation:
        """``segment(encode(rgb), instruction)``."""


@runtime_checkable
class PromptSegmenter(Segmenter, Protocol):
    """Segmenter that can be told by clicks and boxes which object is meant."""

    def segment_prompts(
        self,
        features: Any,
        points: ArrayLike,
        labels: ArrayLike,
        boxes: ArrayLike = (),
        *,
        cancel: Cancel | None = None,
    ) -> Segmentation:
        """Segment one object by points and a box, or one object per box. Their phrase is "object".

        points: [n, 2], x y in pixels of the image; integers lie on pixel centres. labels: [n], 1 for points
        on the object, 0 for points that are not. boxes: [m, 4], x0 y0 x1 y1 in pixels, half-open; with points
        at most one. Raises InvalidInputError as ``prompts.read_prompts``.
        """


@runtime_checkable
class EverythingSegmenter(Segmenter, Protocol):
    """Segmenter that finds all objects without being told which."""

    def segment_everything(self, features: Any, *, cancel: Cancel | None = None) -> Segmentation:
        """Segment all objects of an encoded image."""


def raise_if_cancelled(cancel: Cancel | None) -> None:
    """Raise CancelledError when the caller has cancelled."""
    if cancel is not None and cancel():
        raise CancelledError("segmentation was cancelled by the caller")


# Backend name -> "module:function"; the function takes (model, device, **options) and returns a
# Segmenter. Imported on use, so that a missing optional package only matters where it is used.
BACKENDS: dict[str, str] = {
    "instructsam": "instructsam_ros.backends.instructsam:load",
    "onnx": "instructsam_ros.backends.onnx:load",
    "sam3": "instructsam_ros.backends.sam3:load",
    "sam3i": "instructsam_ros.backends.sam3i:load",
    "seg_token": "instructsam_ros.backends.seg_token:load",
    "agent": "instructsam_ros.backends.agent:load",
    "fake": "instructsam_ros.backends.fake:load",
}
WITHOUT_TRANSFORMERS = frozenset({"agent", "fake"})
"""Backends of this package that start without it."""
RENAMED_OPTIONS = {"behaviour": "inference_mode", "approximations": "speed_options"}
"""Former name of an option -> current name."""


def load(model: str = "compact", *, device: str = "auto", backend: str = "", **options: Any) -> Segmenter:
    """Load a segmenter.

    model: "compact" or "compact_real" (ship with the package), a local folder in the released layout, a hub
    id such as "CircleRadon/InstructSAM-2B", or "fake". device: "auto", "cpu", "cuda", "cuda:0".
    backend: a key of BACKENDS, or module:function as in there; by default "fake" for that model and
    "instructsam" otherwise.
    options: as the backend's own load function takes them. Raises ConfigError for an unknown backend
    or option, CheckpointError for unusable weights.
    """
    key = backend or ("fake" if model == "fake" else "instructsam")
    module, _, function = BACKENDS.get(key, key).partition(":")
    if not (module and function):
        raise ConfigError(
            f"unknown backend {key!r}; known: {', '.join(sorted(BACKENDS))}, or module:function of your own"
        )
    try:
        if key in BACKENDS.keys() - WITHOUT_TRANSFORMERS:
            # By name, like the backends, so that this module stays free of torch.
            importlib.import_module("instructsam_ros.models.common.lean_imports").import_transformers()
        load_backend = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"backend {key!r} cannot be imported: {error}") from error
    options = rename_keys(options, RENAMED_OPTIONS, f"backend {key!r}")
    try:
        inspect.signature(load_backend).bind(model, device, **options)
    except TypeError as error:
        raise ConfigError(f"backend {key!r}: {error}") from None
    segmenter: Segmenter = load_backend(model, device, **options)
    return segmenter
