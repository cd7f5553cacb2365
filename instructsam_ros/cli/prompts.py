"""Arguments for what is meant without words: points, boxes and everything."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.segmenter import EverythingSegmenter, PromptSegmenter, Segmenter
from instructsam_ros.types import Segmentation

Request = Callable[[Segmenter, NDArray[np.uint8]], Segmentation]


def add_prompt_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --point, --not-point, --box and --everything."""
    several: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--point", type=_numbers(2), metavar="X,Y", help="pixel on the object", **several)
    parser.add_argument(
        "--not-point", type=_numbers(2), metavar="X,Y", help="pixel that is not on it", **several
    )
    parser.add_argument("--box", type=_numbers(4), metavar="X0,Y0,X1,Y1", help="box around it", **several)
    parser.add_argument("--everything", action="store_true", help="all objects, without an instruction")


def read_request(args: argparse.Namespace) -> Request | None:
    """Return what to ask of a segmenter, None for an instruction. Raises InvalidInputError for two kinds."""
    prompted = bool(args.point or args.not_point or args.box)
    if (args.instruction is not None) + prompted + args.everything != 1:
        raise InvalidInputError("give an instruction, or points and boxes, or --everything: one of them")

    def segment_prompts(segmenter: Segmenter, rgb: NDArray[np.uint8]) -> Segmentation:
        if not isinstance(segmenter, PromptSegmenter):
            raise InvalidInputError(f"{segmenter.name} takes no points and boxes; the model compact does")
        labels = [1] * len(args.point) + [0] * len(args.not_point)
        return segmenter.segment_prompts(
            segmenter.encode(rgb), [*args.point, *args.not_point], labels, args.box
        )

    def segment_everything(segmenter: Segmenter, rgb: NDArray[np.uint8]) -> Segmentation:
        if not isinstance(segmenter, EverythingSegmenter):
            raise InvalidInputError(
                f"{segmenter.name} needs an instruction; the model compact finds everything"
            )
        return segmenter.segment_everything(segmenter.encode(rgb))

    return segment_prompts if prompted else segment_everything if args.everything else None


def _numbers(count: int) -> Callable[[str], list[float]]:
    def numbers(text: str) -> list[float]:
        values = [float(part) for part in text.split(",")]
        if len(values) != count:
            raise ValueError
        return values

    return numbers
