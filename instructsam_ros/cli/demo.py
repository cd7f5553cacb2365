"""``instructsam demo``: a camera node, the segmentation node and a client, as on a robot."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from instructsam_ros.cli.depth import add_depth_arguments, check_depth_arguments
from instructsam_ros.cli.model import MODEL_HELP
from instructsam_ros.errors import InstructSamError, InvalidInputError, MissingDependencyError
from instructsam_ros.paths import DATA
from instructsam_ros.results import save_result, written_clouds
from instructsam_ros.ros.domain import reserve_domain
from instructsam_ros.ros.node_main import use_shipped_profile
from instructsam_ros.ros.node_process import NodeProcess
from instructsam_ros.ros.output.message_reader import result_of
from instructsam_ros.types import check_instruction
from instructsam_ros.visualization import table

DEFAULT_INSTRUCTION = "pick up all the mugs"  # three or four in the demo's frame and in every sample scene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.add_argument("instruction", nargs="?", default=DEFAULT_INSTRUCTION, help="what to segment")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo_out"), help="folder for the results")
    parser.add_argument(
        "--model", help=f"fake, {MODEL_HELP} (default compact_real, compact for a sample scene)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:0")
    parser.add_argument(
        "--timeout",
        type=float,
        default=120.0,
        help="seconds to wait for the answer, download and loading included (default %(default)g)",
    )
    parser.add_argument(
        "--scene", type=int, metavar="N", help="a rendered sample scene, 0 to 5, in place of the demo's frame"
    )
    frame = add_depth_arguments(parser, "your own frame")
    frame.add_argument("--image", type=Path, help="colour picture")


def run(args: argparse.Namespace) -> int:
    """Start the nodes, send the instruction, print the result and write the files."""
    instruction = check_instruction(args.instruction)
    frame = _frame_files(args)
    args.output.mkdir(parents=True, exist_ok=True)
    _separate_network()
    from instructsam_ros.ros.client import Client

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # unwinds, ending the children
    parameters: dict[str, dict[str, Any]] = {
        "cameras.replay_camera_node": frame,
        "segment_node": {
            "model": args.model or ("compact_real" if args.scene is None else "compact"),
            "device": args.device,
            "use_depth": "depth" in frame,
            "refine_with_depth": args.refine_with_depth,
            "load_timeout": min(max(args.timeout, 1.0), 86400.0),
            "max_age": min(max(args.timeout, 1.0), 3600.0),
        },
    }
    with ExitStack() as children:
        nodes = [
            children.enter_context(
                NodeProcess(
                    f"instructsam_ros.ros.{module}", given, args.output / f"{module.split('.')[-1]}.log"
                )
            )
            for module, given in parameters.items()
        ]
        client = children.enter_context(Client(with_depth="depth" in frame))

        def check() -> None:
            for node in nodes:
                node.check()

        try:
            message, rgb = client.request(instruction, args.timeout, check)
        except TimeoutError as error:
            raise InstructSamError("\n".join([str(error), *(node.tail() for node in nodes)])) from None
    result = result_of(message, rgb)
    print(table(result))
    for stale in written_clouds(args.output):  # of an earlier answer
        stale.unlink()
    files = save_result(result, args.output)
    print(f"{args.output}: overlay.png, labels.png and {len(files) - 2} clouds (.ply)")
    return 0


def _frame_files(args: argparse.Namespace) -> dict[str, str]:
    """Return the paths of image, depth and info: the user's, a sample scene's or the demo's own."""
    given = {name: getattr(args, name) for name in ("image", "depth", "info")}
    files = {name: path.resolve() for name, path in given.items() if path is not None}
    if files and args.scene is not None:
        raise InvalidInputError("--scene names a frame of the package; leave it out where you give your own")
    if not files:
        scene = DATA / "demo" / "table" if args.scene is None else DATA / "scenes" / f"{args.scene:06d}"
        files = {
            "image": scene.with_suffix(".jpg"),
            "depth": scene.with_name(f"{scene.name}_depth.png"),
            "info": scene.with_suffix(".json"),
        }
    for name, path in files.items():
        if not path.is_file():
            raise InvalidInputError(f"{name}: there is no file {path}")
    if "image" not in files:
        raise InvalidInputError("--depth and --info describe a frame; give its picture too, with --image")
    check_depth_arguments(args)
    return {name: str(path) for name, path in files.items()}


def _separate_network() -> None:
    """Keep the demo's topics apart from other ROS programs, and let whole images through (fastdds.xml)."""
    try:
        import rclpy  # noqa: F401  (the PyPI build starts this program anew on its first import)
    except ImportError as error:
        raise MissingDependencyError(f"the demo needs ROS 2: {error}; see `instructsam doctor`") from None
    os.environ["ROS_DOMAIN_ID"] = str(reserve_domain())
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    use_shipped_profile()
