"""``instructsam export onnx``: write a model's image encoder and detector as ONNX graphs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.cli.model import MODEL_HELP
from instructsam_ros.cli.segment import IMAGE_SUFFIXES
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.paths import DATA
from instructsam_ros.pictures import read_picture

if TYPE_CHECKING:
    from instructsam_ros.models.instructsam.onnx_export import Parity

SAMPLES = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the formats and their options."""
    formats = parser.add_subparsers(dest="format", required=True)
    onnx = formats.add_parser("onnx", help="graphs for ONNX Runtime and TensorRT; see docs/onnx.md")
    onnx.add_argument("model", help=MODEL_HELP)
    onnx.add_argument("out", type=Path, help="folder to write; load it with backend onnx")
    onnx.add_argument(
        "--images", type=Path, help="folder of pictures to compare on (default: sample scenes of the package)"
    )


def run(args: argparse.Namespace) -> int:
    """Return exit status 0, or 1 when the graphs differ from torch by more than rounding."""
    from instructsam_ros.models.common.hub import checkpoint_folder
    from instructsam_ros.models.instructsam.onnx_export import export

    paths = _pictures(args.images) if args.images else sorted((DATA / "scenes").glob("*.jpg"))[:SAMPLES]
    report = export(checkpoint_folder(args.model), args.out, [_read(path) for path in paths])
    print(describe(report))
    print(f"written: {args.out}")
    if all(parity.equal for parity in report):
        return 0
    print("the graphs differ from torch by more than rounding")
    return 1


def describe(report: Sequence[Parity]) -> str:
    """Format one line per output."""
    head = f"{'graph':14}{'output':16}{'images':10}{'max difference':>15}{'max value':>12}"
    lines = [f"{p.graph:14}{p.output:16}{p.images:10}{p.difference:15.1e}{p.largest:12.3g}" for p in report]
    return "\n".join([head, *lines])


def _pictures(folder: Path) -> list[Path]:
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    pictures = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]
    if not pictures:
        raise InvalidInputError(f"there is no picture in {folder}")
    return pictures


def _read(path: Path) -> NDArray[np.uint8]:
    rgb = read_picture(path)
    if rgb is None:
        raise InvalidInputError(f"{path} is not a readable picture")
    return rgb
