"""``instructsam train CONFIG.yaml``: start a run, or continue the one in its folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from instructsam_ros.errors import MissingDependencyError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="training file, e.g. config/training/compact.yaml")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="right behind the file: settings in place of its own, e.g. optimizer.learning_rate=1e-4",
    )
    parser.add_argument(
        "--max-steps", "--until", type=int, help="stop after this step (the run can be continued)"
    )
    parser.add_argument(
        "--export", type=Path, metavar="DIR", help="only write the averaged weights as a model folder"
    )


def run(args: argparse.Namespace) -> int:
    try:
        from instructsam_ros.training.checkpoint import export_run
        from instructsam_ros.training.config import load_settings, read_settings
        from instructsam_ros.training.trainer import Trainer
    except ImportError as error:
        raise MissingDependencyError(
            f"training needs {error.name}; install it with: pip install 'instructsam-ros[training]'"
        ) from error
    if args.export:
        step = export_run(read_settings(args.config, args.overrides), args.export)  # which needs no views
        print(f"wrote the weights of step {step} to {args.export}")
    else:
        Trainer(load_settings(args.config, args.overrides)).run(args.max_steps)
    return 0
