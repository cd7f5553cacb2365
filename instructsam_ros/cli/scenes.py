"""``instructsam scenes``: render RGB-D scenes with exact ground truth, or preview some."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from instructsam_ros.errors import InvalidInputError

if TYPE_CHECKING:
    from instructsam_ros.scenes.dataset import View


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True)
    render = actions.add_parser("render", help="render a dataset; run again to resume")
    render.add_argument("count", type=int, metavar="N", help="number of views")
    render.add_argument("out", type=Path, metavar="OUT", help="dataset folder")
    render.add_argument("--width", type=int, default=384)
    render.add_argument("--height", type=int, default=288)
    render.add_argument("--processes", type=int, default=1, help="shards (of 200 views) rendered at a time")
    render.add_argument("--views", type=int, default=2, help="camera views per scene (default 2)")
    render.add_argument("--exact-depth", action="store_true", help="depth without sensor noise and holes")
    render.add_argument(
        "--categories",
        default="",
        metavar="NAME,NAME",
        help="egocentric views with hands, of these categories that other scenes do not show",
    )
    render.add_argument(
        "--assets", type=Path, metavar="DIR", help="meshes with a catalogue.yaml among the objects"
    )
    render.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="photographs and environment maps around the objects"
    )
    render.add_argument(
        "--camera-noise",
        action=argparse.BooleanOptionalAction,
        help="colour images with the errors of a camera (default with --backgrounds)",
    )
    preview = actions.add_parser("preview", help="write a contact sheet with instructions and their targets")
    preview.add_argument("out", type=Path, metavar="OUT.png")
    preview.add_argument("--data", type=Path, help="show views of this dataset instead of new ones")
    preview.add_argument("--count", type=int, default=12, help="number of views (default 12)")
    testset = actions.add_parser("testset", help="write the test set that ships with the package")
    testset.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder")
    testset.add_argument("--count", type=int, default=200, help="number of views (default 200)")
    testset.add_argument("--seed", type=int, default=0, help="first scene of the split (default 0)")
    testset.add_argument("--renderer", choices=("auto", "filament", "classic"), default="auto")
    for action in (render, preview):
        action.add_argument("--seed", type=int, default=0, help="first scene of the split (default 0)")
        action.add_argument(
            "--validation",
            "--heldout",
            action="store_true",
            help="sample the validation split, with the surfaces and pairs held out from training",
        )
        action.add_argument("--renderer", choices=("auto", "filament", "classic"), default="auto")


def run(args: argparse.Namespace) -> int:
    """Entry point of the subcommand."""
    if args.seed < 0:
        raise InvalidInputError(f"--seed must not be negative, got {args.seed}")
    return {"render": _render, "preview": _preview, "testset": _testset}[args.action](args)


def _render(args: argparse.Namespace) -> int:
    from instructsam_ros.scenes.render_dataset import RenderJob, render_dataset

    job = RenderJob(
        views=args.count,
        out=args.out,
        split=_split(args),
        seed=args.seed,
        views_per_scene=args.views,
        width=args.width,
        height=args.height,
        renderer=args.renderer,
        sensor_noise=not args.exact_depth,
        extra=tuple(name.strip() for name in args.categories.split(",") if name.strip()),
        assets=args.assets and args.assets.resolve(),
        backgrounds=args.backgrounds and args.backgrounds.resolve(),
        camera_noise=args.camera_noise,
    )
    rendered = render_dataset(job, args.processes)
    print(f"{args.out}: {args.count} views, {rendered} rendered now")
    return 0


def _preview(args: argparse.Namespace) -> int:
    from instructsam_ros.scenes.dataset import load_view, view_paths
    from instructsam_ros.scenes.preview import write_contact_sheet

    _check_count(args.count)
    views: Iterable[View]
    if args.data:
        paths = view_paths(args.data)
        step = max(1, len(paths) // args.count)
        views = (load_view(path, depth=False) for path in paths[::step][: args.count])
    else:
        from instructsam_ros.scenes.rendering.render import render_seeds

        views = render_seeds(_split(args), args.seed, args.count, renderer=args.renderer)
    write_contact_sheet(views, args.out, args.seed)
    print(args.out)
    return 0


def _testset(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from instructsam_ros.scenes.rendering.render import render_seeds
    from instructsam_ros.scenes.testset import write_testset

    _check_count(args.count)
    views = render_seeds("testset", args.seed, args.count, renderer=args.renderer)
    written = write_testset(tqdm(views, total=args.count, unit="view"), args.out, args.seed)
    print(f"{args.out}: {args.count} views, {written} instructions")
    return 0


def _check_count(count: int) -> None:
    if count < 1:
        raise InvalidInputError(f"--count must be at least 1, got {count}")


def _split(args: argparse.Namespace) -> str:
    return "heldout" if args.validation else "train"
