"""Answered frames as folders that training and the command line read back."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import InstructSamError, InvalidInputError
from instructsam_ros.pipeline import Result
from instructsam_ros.results import answer_numbers, write_png
from instructsam_ros.ros.processor import FrameResult
from instructsam_ros.types import CameraModel

_NAME = re.compile(r"\w[\w.-]{0,99}", re.ASCII)


def write_sample(frame_result: FrameResult, parent: Path, name: str, parameters: Mapping[str, Any]) -> Path:
    """Write a result below ``parent`` and return its folder, which appears whole or not at all.

    image.png, depth.tiff (float32 metres) and camera.json where there are any; annotations.json, which the
    format "inst2seg" of training and ``instructsam eval`` reads; answer.json, with phrases, ids and geometry;
    parameters.yaml of the node. name: of the folder; empty: the stamp of the image in nanoseconds. Raises
    InvalidInputError for an unusable name, InstructSamError where the disk does not take it.
    """
    result = frame_result.result
    name = name or str(result.frame.stamp_ns)
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"{name!r} is no name of a folder; use letters, digits, _, - and .")
    folder, part = parent / name, parent / f".{name}.part"
    if folder.exists():
        raise InvalidInputError(f"there is a sample {folder} already; choose another name")
    try:
        shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
        _write(result, part, frame_result)
        _write_text(part / "parameters.yaml", yaml.safe_dump({"/**": {"ros__parameters": dict(parameters)}}))
        part.rename(folder)
    except OSError as error:
        raise InstructSamError(f"cannot write the sample {folder}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _write(result: Result, folder: Path, frame_result: FrameResult) -> None:
    frame, files = result.frame, {"image": "image.png"}
    write_png(folder / "image.png", frame.rgb)
    if frame.depth is not None and frame.intrinsics is not None:
        files |= {"depth": "depth.tiff", "camera": "camera.json"}
        write_atomic(folder / "depth.tiff", cv2.imencode(".tiff", frame.depth)[1].tobytes())
        _write_json(folder / "camera.json", camera_numbers(frame.intrinsics))
    height, width = frame.rgb.shape[:2]
    masks = [run_lengths(instance.mask) for instance in result.segmentation.instances]
    item = {"text": result.instruction, "mask": masks or None}
    _write_json(
        folder / "annotations.json", [{**files, "height": height, "width": width, "annotation": [item]}]
    )
    _write_json(folder / "answer.json", _answer(frame_result))


def camera_numbers(camera: CameraModel) -> dict[str, Any]:
    """Return a camera in the form that ``camera_files.read_camera`` reads."""
    numbers = dataclasses.asdict(camera)
    return numbers | {"d": list(numbers.pop("distortion"))}


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Encode a mask bool [H, W] as COCO's uncompressed RLE: column by column, beginning with False."""
    flat = mask.ravel(order="F")
    edges = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]])
    return {"size": list(mask.shape), "counts": [0] * bool(flat[0]) + np.diff(edges).tolist()}


def _answer(frame_result: FrameResult) -> dict[str, Any]:
    frame = frame_result.result.frame
    return {
        **answer_numbers(frame_result.result),
        "stamp_ns": frame.stamp_ns,
        "frame_id": frame.frame_id,
        "output_frame": frame_result.frame_id,
        "camera_in_output_frame": {
            "rotation": frame_result.pose.rotation.tolist(),
            "translation": frame_result.pose.translation.tolist(),
        },
    }


def _write_json(path: Path, content: Any) -> None:
    _write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False))


def _write_text(path: Path, text: str) -> None:
    write_atomic(path, text.encode())
