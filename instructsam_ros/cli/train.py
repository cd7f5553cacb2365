"""``instructsam train CONFIG.yaml``: start a run, or continue the one in its folder."""

from __future__ import annotations

import argparse

from instructsam_ros.errors import MissingDependencyError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="training file, e.g. config/training/compact.yaml")
    parser.add_argument("--until", type=int, help="stop after this step (the run can be continued)")
    parser.add_argument("--export", metavar="DIR", help="only write the averaged weights as a model folder")


def run(args: argparse.Namespace) -> int:
    try:
        from instructsam_ros.training.settings import load_settings
        from instructsam_ros.training.trainer import Trainer
    except ImportError as error:
        raise MissingDependencyError(
            f"training needs {error.name}; install it with: pip install 'instructsam-ros[training]'"
        ) from error
    trainer = Trainer(load_settings(args.config))
    if args.export:
        trainer.export(args.export)
        print(f"wrote the weights of step {trainer.step} to {args.export}")
    else:
        trainer.run(args.until)
    return 0
