"""``instructsam scenes``: render RGB-D scenes with exact answers, or look at some."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True)
    render = actions.add_parser("render", help="render a dataset; run again to resume")
    render.add_argument("count", type=int, metavar="N", help="number of views")
    render.add_argument("out", type=Path, metavar="OUT", help="dataset folder")
    render.add_argument("--width", type=int, default=384)
    render.add_argument("--height", type=int, default=288)
    render.add_argument("--seed", type=int, default=0, help="first scene of the split (default 0)")
    render.add_argument("--processes", type=int, default=1, help="shards rendered at a time")
    render.add_argument("--views", type=int, default=2, help="camera views per scene (default 2)")
    render.add_argument("--heldout", action="store_true", help="sample from the world kept from training")
    render.add_argument("--renderer", choices=("auto", "filament", "classic"), default="auto")
    render.add_argument("--exact-depth", action="store_true", help="depth without sensor noise and holes")


def run(args: argparse.Namespace) -> int:
    """Entry point of the subcommand."""
    return _render(args)


def _render(args: argparse.Namespace) -> int:
    from instructsam_ros.scenes.produce import Production, produce

    job = Production(
        views=args.count,
        out=args.out,
        split="heldout" if args.heldout else "train",
        seed=args.seed,
        views_per_scene=args.views,
        width=args.width,
        height=args.height,
        renderer=args.renderer,
        sensor_noise=not args.exact_depth,
    )
    rendered = produce(job, args.processes)
    print(f"{args.out}: {args.count} views, {rendered} rendered now")
    return 0
