"""Results as files. Every file appears whole or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import LiftedInstance
from instructsam_ros.pipeline import Result
from instructsam_ros.visualization import label_image, overlay

WRITER = "comment written by instructsam_ros"
_VERTEX = np.dtype([("position", "<f4", 3), ("color", "u1", 3)])


def write_ply(path: Path, points: NDArray[np.floating], colors: NDArray[np.uint8]) -> None:
    """Write points [N, 3] in metres and colors uint8 [N, 3] RGB as binary little-endian PLY."""
    vertices = np.empty(len(points), _VERTEX)
    vertices["position"], vertices["color"] = points, colors
    properties = [f"property float {axis}" for axis in "xyz"]
    properties += [f"property uchar {channel}" for channel in ("red", "green", "blue")]
    header = ["ply", "format binary_little_endian 1.0", WRITER, f"element vertex {len(points)}", *properties]
    write_atomic(path, "\n".join([*header, "end_header\n"]).encode() + vertices.tobytes())


def written_clouds(folder: Path) -> list[Path]:
    """The clouds in a folder that ``write_ply`` has written."""
    return [path for path in sorted(folder.glob("*.ply")) if WRITER.encode() in _beginning(path)]


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(200)


def write_png(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write uint8 [H, W, 3] RGB, or uint8 or uint16 [H, W], as PNG. Raises InvalidInputError for others."""
    if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3):
        raise InvalidInputError(f"cannot write {image.dtype} {image.shape} as PNG")
    stored = image[..., ::-1] if image.ndim == 3 else image
    _, data = cv2.imencode(".png", np.ascontiguousarray(stored))
    write_atomic(path, data.tobytes())


def answer_numbers(result: Result) -> dict[str, Any]:
    """Return an answer without its masks and clouds, as JSON takes it; geometry is in the optical frame,
    metres.
    """
    segmentation = result.segmentation
    return {
        "instruction": result.instruction,
        "answer": segmentation.answer,
        "status": segmentation.status.name,
        "phrases": [{"text": p.text, "status": p.status.name} for p in segmentation.phrase_answers()],
        "plane": None if result.lifted.plane is None else result.lifted.plane.coefficients.tolist(),
        "instances": [_instance_numbers(each) for each in result.lifted.instances],
    }


def _instance_numbers(lifted: LiftedInstance) -> dict[str, Any]:
    box = lifted.box
    return {
        "id": lifted.id,
        "phrase": lifted.instance.phrase,
        "score": lifted.instance.score,
        "pixels": int(np.count_nonzero(lifted.instance.mask)),
        "box": lifted.instance.box.tolist(),
        "valid_depth_ratio": float(lifted.valid_depth_ratio),
        "oriented_box": None
        if box is None
        else {"centre": box.centre.tolist(), "rotation": box.rotation.tolist(), "size": box.size.tolist()},
    }


def write_answer(path: Path, result: Result) -> None:
    """Write ``answer_numbers`` as JSON."""
    write_atomic(path, json.dumps(answer_numbers(result), ensure_ascii=False, allow_nan=False).encode())


def save_result(result: Result, folder: Path) -> list[Path]:
    """Write overlay.png, labels.png (16 bit ids) and one PLY per instance with points; returns the paths.

    A cloud is called <id>_<phrase>.ply, with the phrase in letters, digits and underscores.
    """
    instances = result.segmentation.instances
    size = (result.frame.rgb.shape[0], result.frame.rgb.shape[1])
    paths = [folder / "overlay.png", folder / "labels.png"]
    write_png(paths[0], overlay(result.frame.rgb, instances, result.ids))
    write_png(paths[1], label_image(instances, result.ids, size))
    for lifted in result.lifted.instances:
        if len(lifted.points):
            name = re.sub(r"\W+", "_", lifted.instance.phrase).strip("_")[:40]
            paths.append(folder / f"{lifted.id}_{name or 'object'}.ply")
            write_ply(paths[-1], lifted.points, lifted.colors)
    return paths
