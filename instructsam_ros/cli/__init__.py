"""The ``instructsam`` command: one module per subcommand, imported only when it is used."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from instructsam_ros import __version__
from instructsam_ros.errors import InstructSamError

# name -> one-line help. Module instructsam_ros.cli.<name> has add_arguments(parser) and
# run(args) -> exit status.
COMMANDS: dict[str, str] = {
    "demo": "run the whole ROS pipeline on a frame of the package or your own",
    "segment": "segment a picture, a folder or a video from the command line",
    "view": "show answers in Rerun: picture, masks, clouds and boxes, live or of a picture",
    "doctor": "check the environment: GPU, ROS, weights, transport",
    "eval": "score a model on an instruction-segmentation benchmark",
    "train": "train or fine-tune from one YAML file",
    "data": "inspect, convert or generate annotated data sets",
    "annotate": "annotate and inspect pictures in a browser",
    "scenes": "render synthetic RGB-D scenes with instructions",
    "export": "write a model's image encoder and detector as ONNX",
    "weights": "check or convert InstructSAM weights",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; prints one line and returns 2 for an error that the user can act on."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="instructsam", description="Segment images by instruction.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((a for a in arguments if not a.startswith("-")), None)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            importlib.import_module(f"instructsam_ros.cli.{name}").add_arguments(sub)
    args = parser.parse_args(arguments)
    try:
        return int(importlib.import_module(f"instructsam_ros.cli.{args.command}").run(args))
    except InstructSamError as error:
        print(f"instructsam {args.command}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        name = f": {os.fsencode(error.filename).decode(errors='replace')}" if error.filename else ""
        print(f"instructsam {args.command}: {error.strerror or error}{name}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
