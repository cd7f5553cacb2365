"""``instructsam train CONFIG.yaml``: start a run, or continue the one in its folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from instructsam_ros.cli.arguments import positive_int
from instructsam_ros.errors import ConfigError, MissingDependencyError


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
    parser.add_argument(
        "--adapter", action="store_true", help="with --export: the LoRA adapter and what is trained whole"
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="train on a Ray cluster: auto, ray://HOST:10001, or local to start one",
    )
    parser.add_argument(
        "--processes", type=positive_int, help="with --ray: how many train together (default: one per GPU)"
    )
    parser.add_argument("--best", action="store_true", help="with --export: of best.pt instead of last.pt")


def run(args: argparse.Namespace) -> int:
    if (args.adapter or args.best) and not args.export:
        raise ConfigError("--adapter and --best go with --export DIR")
    if args.processes and not args.ray:
        raise ConfigError("--processes goes with --ray; without Ray, use accelerate launch or torchrun")
    try:
        from instructsam_ros.training.stages import load_stages, open_stages, read_stages

        # Mistakes are found before torch loads, which takes seconds; an export needs no data.
        stages = (read_stages if args.export else load_stages)(args.config, args.overrides)
        from instructsam_ros.training.checkpoint import BEST, NAME, exists, export_adapter, export_run
        from instructsam_ros.training.ray_train import train_on_ray
        from instructsam_ros.training.trainer import Trainer
    except ImportError as error:
        raise MissingDependencyError(
            f"training needs {error.name}; install it with: pip install 'instructsam-ros[training]'"
        ) from error
    if args.export:
        write = export_adapter if args.adapter else export_run
        done = write(stages[-1], args.export, checkpoint=BEST if args.best else NAME)
        print(f"wrote the weights of step {done.step} to {args.export}, sha256 {done.sha256[:12]}")
        return 0
    if args.max_steps and len(stages) > 1:
        raise ConfigError("--max-steps is of one run, and this file has stages; set their steps")
    for settings in open_stages(stages, [exists(Path(each.out)) for each in stages]):
        if args.ray:
            train_on_ray(settings, args.ray, processes=args.processes or 0, max_steps=args.max_steps)
        else:
            Trainer(settings).run(args.max_steps)
    return 0
