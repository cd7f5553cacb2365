"""``instructsam segment``: segment a picture, a folder of pictures or a video."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from instructsam_ros.atomic_write import put_in_place
from instructsam_ros.camera_files import read_depth
from instructsam_ros.cli.arguments import positive_int
from instructsam_ros.cli.depth import add_depth_arguments, check_depth_arguments
from instructsam_ros.cli.model import add_model_arguments, load_model
from instructsam_ros.cli.prompts import add_prompt_arguments, read_request
from instructsam_ros.errors import InstructSamError, InvalidInputError
from instructsam_ros.lifting import RefinementSettings
from instructsam_ros.pictures import read_picture
from instructsam_ros.pipeline import Pipeline
from instructsam_ros.propagated_answers import AnswerPropagator
from instructsam_ros.results import write_answer, write_png
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.tracking.propagation import OPTICAL_FLOW, load_propagator
from instructsam_ros.tracking.tracker import Tracker
from instructsam_ros.types import Frame, Segmentation, Status, check_instruction
from instructsam_ros.visualization import overlay, table

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov")  # of what is written
IMAGE_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
DEFAULT_FPS = 30.0  # of videos without a frame rate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("input", type=Path, metavar="IMAGE|FOLDER|VIDEO")
    parser.add_argument(
        "instruction", nargs="?", help="what to segment, e.g. 'the two mugs left of the bowl'"
    )
    add_prompt_arguments(parser)
    parser.add_argument("-o", "--out", type=Path, help="PNG, folder or MP4; by default INPUT_segmented")
    parser.add_argument("--json", type=Path, help="file for the answer on a picture, without its masks")
    add_model_arguments(parser)
    parser.add_argument("--threshold", type=float, help="lowest score (default: the model's thresholds)")
    add_depth_arguments(parser, "depth of a picture, for measures in metres")
    video = parser.add_argument_group("instruct once, then follow: a video")
    video.add_argument("--follow", action="store_true", help="carry answers on from frame to frame")
    video.add_argument(
        "--refresh",
        type=positive_int,
        default=30,
        metavar="N",
        help="ask the model at every Nth frame, and where something is lost (default 30)",
    )
    video.add_argument(
        "--propagator",
        default=OPTICAL_FLOW,
        help="optical_flow (default), or the hub id or folder of the SAM 3 whose tracker follows",
    )


def run(args: argparse.Namespace) -> int:
    """Segment the input and write the overlays; "no target" is an answer, too, and ends with 0."""
    request = read_request(args)
    instruction = request.text if request else check_instruction(args.instruction)
    check_depth_arguments(args)
    if args.refine_with_depth and args.depth is None:
        raise InvalidInputError("--refine-with-depth needs the depth of the picture: --depth and --info")
    if not args.input.exists():
        raise InvalidInputError(f"there is no file or folder {printable(args.input)}")
    rgb = None if args.input.is_dir() else read_picture(args.input)
    if rgb is None and request:
        raise InvalidInputError(
            f"points and boxes belong to one picture, which {printable(args.input)} is not"
        )
    if rgb is None and args.depth is not None:
        raise InvalidInputError(f"--depth belongs to one picture, which {printable(args.input)} is not")
    if rgb is None and args.json is not None:
        raise InvalidInputError(f"--json belongs to one picture, which {printable(args.input)} is not")
    if args.follow and (rgb is not None or args.input.is_dir()):
        raise InvalidInputError(f"--follow goes with a video, which {printable(args.input)} is not")
    if args.out is not None and args.out.resolve() == args.input.resolve():
        raise InvalidInputError(f"{printable(args.out)} is the input; name another place for the overlays")
    threshold = {} if args.threshold is None else {"score_threshold": args.threshold}
    # Not by with_suffix: a name with a time stamp has dots of its own.
    name = f"{args.input.name if args.input.is_dir() else args.input.stem}_segmented"
    # Names are checked before the model is loaded and hours of video are segmented.
    if args.input.is_dir():
        out = args.out or Path(name)
        if out.exists() and not out.is_dir():
            raise InvalidInputError(f"{printable(out)} is a file; the overlays of a folder go into a folder")
        _segment_folder(load_model(args, **threshold), args.input, instruction, out)
    elif rgb is not None:
        frame = Frame(rgb, *read_depth(args.depth, args.info)) if args.depth else Frame(rgb)
        out = _file_to_write(args.out or Path(f"{name}.png"), "picture", (".png",))
        refinement = RefinementSettings() if args.refine_with_depth else None
        pipeline = Pipeline(load_model(args, **threshold), refinement=refinement)
        result = pipeline.run(frame, instruction, request=request)
        if args.json is not None:
            write_answer(args.json, result)
        write_png(out, overlay(rgb, result.segmentation.instances))
        print(describe(result.segmentation) if frame.depth is None else table(result))
        for path in (out, args.json):
            if path is not None:
                print(f"written: {printable(path)}")
    elif args.input.suffix.lower() in IMAGE_SUFFIXES:
        raise InvalidInputError(f"{printable(args.input)} is not a readable picture")
    else:
        video = _open_video(args.input)
        out = _file_to_write(args.out or Path(f"{name}.mp4"), "video", VIDEO_SUFFIXES)
        propagator = load_propagator(args.propagator, device=args.device) if args.follow else None
        propagation = None if propagator is None else AnswerPropagator(propagator, args.refresh)
        pipeline = Pipeline(load_model(args, **threshold), tracker=Tracker(), propagation=propagation)
        _segment_video(pipeline, video, args.input, instruction, out)
    return 0


def printable(path: Path) -> str:
    """Return a path as printable text, with any bytes in its name."""
    return os.fsencode(path).decode(errors="replace")


def _is_utf8(path: Path) -> bool:
    return printable(path) == str(path)


def describe(result: Segmentation) -> str:
    """Format one line per instance, then the seconds of each stage."""
    if result.status == Status.NO_TARGET:
        lines = ["no target: nothing in the image answers the instruction"]
    else:
        rows = [("", "phrase", "score", "pixels", "box (x0 y0 x1 y1)")] + [
            (
                str(number),
                instance.phrase,
                f"{instance.score:.2f}",
                str(int(instance.mask.sum())),
                " ".join(f"{edge:.0f}" for edge in instance.box),
            )
            for number, instance in enumerate(result.instances, 1)
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        if missing := result.unanswered():
            lines.append(f"nothing in the image answers: {', '.join(missing)}")
    if result.status == Status.MAX_INSTANCES:
        lines.append("there may be more: a phrase has as many as fit, or the answer was cut off")
    stages = ", ".join(f"{stage} {1000 * seconds:.1f} ms" for stage, seconds in result.timings.items())
    return "\n".join([*lines, stages]) if stages else "\n".join(lines)


def _file_to_write(out: Path, kind: str, suffixes: tuple[str, ...]) -> Path:
    if out.is_dir():
        raise InvalidInputError(
            f"{printable(out)} is a folder; name a file for the overlay, such as overlay{suffixes[0]} in it"
        )
    if out.suffix.lower() not in suffixes:
        raise InvalidInputError(
            f"{printable(out)}: the overlay of a {kind} needs a name that ends in {' or '.join(suffixes)}"
        )
    return out


def _segment_folder(segmenter: Segmenter, folder: Path, instruction: str, out: Path) -> None:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise InvalidInputError(f"there is no picture in {folder} ({', '.join(sorted(IMAGE_SUFFIXES))})")
    unreadable = []
    stems = Counter(path.stem for path in paths)
    for path in tqdm(paths, unit="image"):
        try:
            rgb = read_picture(path)
        except InvalidInputError:
            rgb = None
        if rgb is None:
            unreadable.append(printable(Path(path.name)))
            continue
        result = segmenter.segment_image(rgb, instruction)
        name = path.stem if stems[path.stem] == 1 else path.name  # a.png and a.jpg
        write_png(out / f"{name}.png", overlay(rgb, result.instances))
        tqdm.write(f"{printable(Path(path.name))}: {_count(result)}")
    print(f"written: {len(paths) - len(unreadable)} overlays in {printable(out)}")
    if unreadable:
        raise InvalidInputError(
            f"{len(unreadable)} of {len(paths)} files are not readable pictures: {', '.join(unreadable)}"
        )


def _open_video(path: Path) -> cv2.VideoCapture:
    if not _is_utf8(path):
        raise InvalidInputError(f"OpenCV reads no video under a name that is not UTF-8: {printable(path)}")
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise InvalidInputError(f"{path} is neither a readable picture nor a readable video")
    return video


def _segment_video(
    pipeline: Pipeline, video: cv2.VideoCapture, path: Path, instruction: str, out: Path
) -> None:
    if not _is_utf8(out):
        raise InvalidInputError(f"OpenCV writes no video under a name that is not UTF-8: {printable(out)}")
    part = out.with_name(f".{out.stem}.part{out.suffix}")  # complete, or not under its name
    fps = video.get(cv2.CAP_PROP_FPS) or DEFAULT_FPS
    total = max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT))) or None
    writer: cv2.VideoWriter | None = None
    previous: Segmentation | None = None
    frames = answered = followed = 0
    try:
        for rgb in tqdm(_frames(video), total=total, unit="frame"):
            if writer is None:
                out.parent.mkdir(parents=True, exist_ok=True)
                writer = cv2.VideoWriter(
                    str(part), cv2.VideoWriter.fourcc(*"mp4v"), fps, (rgb.shape[1], rgb.shape[0])
                )
                if not writer.isOpened():
                    raise InvalidInputError(f"cannot write a video to {out}")
            result = pipeline.run(Frame(rgb), instruction, previous=previous)
            found = result.segmentation
            writer.write(np.ascontiguousarray(overlay(rgb, found.instances, result.ids)[..., ::-1]))
            frames += 1
            answered += found.status != Status.NO_TARGET
            followed += result.followed
            previous = previous if result.followed else found
        if writer is not None:
            writer.release()
            _check_video(part, frames, out)
            put_in_place(part, out)
    finally:
        video.release()
        if writer is not None:
            writer.release()
        part.unlink(missing_ok=True)
    if not frames:
        raise InvalidInputError(f"{path} is neither a readable picture nor a readable video")
    rest = f", {followed} followed" if pipeline.propagation is not None else ""
    print(f"written: {out}, {frames} frames, {answered} of them with a target{rest}")
    if total and frames < total - max(1, total // 50):  # frame counts in file headers are not exact
        raise InvalidInputError(
            f"only {frames} of the {total} frames of {path} could be read; is it damaged?"
        )


def _check_video(part: Path, frames: int, out: Path) -> None:
    """Raise InstructSamError unless all frames can be read back: OpenCV hides what the disk refuses."""
    written = cv2.VideoCapture(str(part))
    try:
        if sum(1 for _ in iter(written.grab, False)) < frames:
            raise InstructSamError(f"cannot write the {frames} frames of {out}; is the disk full?")
    finally:
        written.release()


def _frames(video: cv2.VideoCapture) -> Iterator[NDArray[np.uint8]]:
    while True:
        good, bgr = video.read()
        if not good:
            return
        yield np.ascontiguousarray(bgr[..., ::-1])


def _count(result: Segmentation) -> str:
    return "no target" if result.status == Status.NO_TARGET else f"{len(result.instances)} instances"
