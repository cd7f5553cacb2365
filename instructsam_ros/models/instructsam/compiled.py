"""The compact model's image side, fused by torch.compile.

Between its convolutions lie many small steps (clamps, norms, sums, resizing) that read and write
whole feature maps; the compiler merges them. All its shapes are fixed, so it compiles once.
"""

from __future__ import annotations

import numpy as np
import torch

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidEncoder
from instructsam_ros.models.instructsam.modeling import InstructSam


def compile_image_side(model: InstructSam) -> None:
    """Compile a model in place, on an empty picture.

    Raises ConfigError for a model with another image encoder, and where nothing can be compiled.
    """
    encoder, detector = model.image_encoder, model.detector
    if not isinstance(encoder, PyramidEncoder):
        raise ConfigError("approximations.compile: only the compact model's image side can be compiled")
    encoder.compile(dynamic=False)
    detector.prepare = torch.compile(detector.prepare, dynamic=False)  # type: ignore[method-assign]
    empty = np.zeros((encoder.size.height, encoder.size.width, 3), np.uint8)
    weights = model.mask_queries
    try:
        with torch.inference_mode():
            inputs = encoder.preprocess(empty).to(weights.device, encoder.dtype)
            detector.prepare(model.start_image(inputs).readable(weights.dtype).joined())
    except RuntimeError as error:  # whatever the compiler raises derives from it
        raise ConfigError(
            "approximations.compile: torch.compile failed; it needs a C++ compiler, for example from "
            f"`apt install g++`. It said: {error}"
        ) from error
