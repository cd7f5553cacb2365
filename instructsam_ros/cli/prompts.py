"""Arguments for what is meant without words: points, boxes and everything."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.prompt_requests import EverythingRequest, PromptRequest, Request


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
    if prompted:
        labels = [1] * len(args.point) + [0] * len(args.not_point)
        return PromptRequest((*args.point, *args.not_point), tuple(labels), tuple(args.box))
    return EverythingRequest() if args.everything else None


def _numbers(count: int) -> Callable[[str], tuple[float, ...]]:
    def numbers(text: str) -> tuple[float, ...]:
        values = tuple(float(part) for part in text.split(","))
        if len(values) != count:
            raise ValueError
        return values

    return numbers
