"""Arguments of commands that take a picture with depth."""

from __future__ import annotations

import argparse
from pathlib import Path

from instructsam_ros.errors import InvalidInputError


def add_depth_arguments(parser: argparse.ArgumentParser, group: str) -> argparse._ArgumentGroup:
    """Declare --refine-with-depth, and --depth and --info in a group of that title, which is returned."""
    files = parser.add_argument_group(group)
    files.add_argument("--depth", type=Path, help="depth aligned to the picture: 16 bit PNG in millimetres")
    files.add_argument("--info", type=Path, help="YAML: a calibration, or fx, fy, cx, cy, width, height")
    parser.add_argument(
        "--refine-with-depth",
        action="store_true",
        help="complete and trim masks by what stands out from the support plane in depth",
    )
    return files


def check_depth_arguments(args: argparse.Namespace) -> None:
    """Raise InvalidInputError for one of --depth and --info without the other."""
    if (args.depth is None) != (args.info is None):
        raise InvalidInputError("--depth and --info belong together: a cloud needs both")
