"""``instructsam view``: answers in Rerun, of a running node or on a picture."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np

from instructsam_ros.camera_files import read_depth
from instructsam_ros.cli.depth import add_depth_arguments, check_depth_arguments
from instructsam_ros.cli.model import add_model_arguments, load_model
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.pictures import read_picture
from instructsam_ros.pipeline import Pipeline
from instructsam_ros.types import Frame, check_instruction
from instructsam_ros.viewer import Viewer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.add_argument(
        "image", nargs="?", type=Path, help="picture to segment; without it a node is watched"
    )
    parser.add_argument("instruction", nargs="?", help="what to segment in the picture")
    parser.add_argument("-o", "--out", type=Path, help="a .rrd file instead of the window")
    parser.add_argument("--seconds", type=float, default=math.inf, help="how long the node is watched")
    add_model_arguments(parser)
    add_depth_arguments(parser, "depth of the picture, for points and boxes")


def run(args: argparse.Namespace) -> int:
    """Show the answer on the picture, or those of a node until Ctrl-C."""
    if args.out is not None and args.out.suffix != ".rrd":
        raise InvalidInputError(f"{args.out}: the name of a Rerun file ends in .rrd")
    shown = _watch(args) if args.image is None else _segment(args)
    if not shown:
        raise InvalidInputError(
            "no answer came: is segment_node active, in this ROS_DOMAIN_ID and namespace?"
        )
    print(f"shown: {shown} answer{'s' * (shown > 1)}" + (f", written: {args.out}" if args.out else ""))
    return 0


def _segment(args: argparse.Namespace) -> int:
    if args.instruction is None:
        raise InvalidInputError("a picture needs an instruction: instructsam view PICTURE INSTRUCTION")
    instruction = check_instruction(args.instruction)
    check_depth_arguments(args)
    rgb = read_picture(args.image)
    if rgb is None:
        raise InvalidInputError(f"{args.image} is not a readable picture")
    frame = Frame(rgb, *read_depth(args.depth, args.info)) if args.depth else Frame(rgb)
    with Viewer(args.out) as viewer:
        viewer.show(Pipeline(load_model(args)).run(frame, instruction), time.time())
    return 1


def _watch(args: argparse.Namespace) -> int:
    from instructsam_ros.ros.client import Client
    from instructsam_ros.ros.node_main import use_shipped_profile
    from instructsam_ros.ros.output.message_reader import result_of

    use_shipped_profile()
    shown = 0
    with Viewer(args.out) as viewer, Client(with_depth=False) as client:
        try:
            for message, rgb in client.answers(args.seconds):
                if rgb is None:  # its image is gone: a slow model
                    rgb = np.zeros((message.image_height, message.image_width, 3), np.uint8)
                stamp = message.header.stamp
                viewer.show(result_of(message, rgb), stamp.sec + 1e-9 * stamp.nanosec)
                shown += 1
        except KeyboardInterrupt:
            pass
    return shown
