"""Arguments of commands that run a model."""

from __future__ import annotations

import argparse
from typing import Any

from instructsam_ros.errors import ConfigError
from instructsam_ros.paths import SHIPPED_MODELS
from instructsam_ros.segmenter import Segmenter, load
from instructsam_ros.yaml_config import parse_mapping

MODEL_HELP = f"{', '.join(SHIPPED_MODELS)}, a folder or a hub id"
"""What --model may be, for the help of every command."""


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --model, --device and --model-options."""
    parser.add_argument("--model", default="compact", help=f"{MODEL_HELP} (default compact)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:0, ... (default auto)")
    parser.add_argument(
        "--model-options",
        default="",
        help="further options of the backend, as a YAML mapping",
        metavar="YAML",
    )


def load_model(args: argparse.Namespace, **further: Any) -> Segmenter:
    """Load the model of ``add_model_arguments``. further: options that replace those of the user.

    Raises as ``segmenter.load``.
    """
    options = parse_mapping(args.model_options, "--model-options")
    if own := sorted(options.keys() & {"model", "device"}):
        raise ConfigError(f"--model-options: {', '.join(own)} has an argument of its own: --{own[0]}")
    return load(args.model, device=args.device, **options | further)
